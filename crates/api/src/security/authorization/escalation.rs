//! What a new or changed role or binding would give away.

use k8s_openapi::api::rbac::v1::PolicyRule;
use serde::Deserialize;
use serde_json::Value;

use super::policy::Policy;
use super::role::{GROUP, StoredBinding, StoredRole};

/// What somebody is about to give.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::security) struct Granting {
    /// The rules; none if the bound role is not there.
    pub(in crate::security) rules: Option<Vec<PolicyRule>>,
    /// The verb that allows it anyhow: `escalate` or `bind`.
    pub(in crate::security) verb: &'static str,
    /// The resource of the role.
    pub(in crate::security) resource: &'static str,
    /// The role.
    pub(in crate::security) role: String,
}

/// What the change of `old` to `new` gives; nothing if it gives no more than before.
pub(in crate::security) fn granted(
    policy: &Policy,
    group: &str,
    resource: &str,
    old: Option<&Value>,
    new: &Value,
) -> Option<Granting> {
    if group != GROUP {
        return None;
    }
    match resource {
        "roles" | "clusterroles" => of_role(resource, old, new),
        "rolebindings" | "clusterrolebindings" => of_binding(policy, old, new),
        _ => None,
    }
}

fn of_role(resource: &str, old: Option<&Value>, new: &Value) -> Option<Granting> {
    let same = |field: &str| old.is_some_and(|old| old.get(field) == new.get(field));
    // Labels count too: they may make the role a part of another.
    let same_labels = old.is_some_and(|old| old["metadata"].get("labels") == new["metadata"].get("labels"));
    if same("rules") && same("aggregationRule") && same_labels {
        return None;
    }
    let resource = if resource == "roles" { "roles" } else { "clusterroles" };
    let Ok(role) = StoredRole::deserialize(new) else { return Some(unreadable("escalate", resource)) };
    let mut rules = role.rules.unwrap_or_default();
    if role.aggregation_rule.is_some() {
        // Nobody knows which roles it will be made of, so it takes whoever may give everything.
        rules.push(everything());
        rules.push(all_paths());
    }
    let name = role.metadata.name.unwrap_or_default();
    Some(Granting { rules: Some(rules), verb: "escalate", resource, role: name })
}

fn of_binding(policy: &Policy, old: Option<&Value>, new: &Value) -> Option<Granting> {
    let same = |field: &str| old.is_some_and(|old| old.get(field) == new.get(field));
    if same("roleRef") && same("subjects") {
        return None;
    }
    let Ok(binding) = StoredBinding::deserialize(new) else { return Some(unreadable("bind", "clusterroles")) };
    let is_cluster_role = binding.role.kind == "ClusterRole";
    let namespace = if is_cluster_role { "" } else { binding.metadata.namespace.as_deref().unwrap_or_default() };
    Some(Granting {
        rules: policy.role(namespace, &binding.role.name).map(<[PolicyRule]>::to_vec),
        verb: "bind",
        resource: if is_cluster_role { "clusterroles" } else { "roles" },
        role: binding.role.name,
    })
}

/// What can't be read might give everything.
fn unreadable(verb: &'static str, resource: &'static str) -> Granting {
    Granting { rules: Some(vec![everything(), all_paths()]), verb, resource, role: String::new() }
}

fn everything() -> PolicyRule {
    let all = || vec!["*".to_owned()];
    PolicyRule { verbs: all(), api_groups: Some(all()), resources: Some(all()), ..PolicyRule::default() }
}

fn all_paths() -> PolicyRule {
    let all = || vec!["*".to_owned()];
    PolicyRule { verbs: all(), non_resource_urls: Some(all()), ..PolicyRule::default() }
}
