//! The roles and bindings that are there from the first start on, with Kubernetes' names.

use k8s_openapi::api::rbac::v1::PolicyRule;
use reprise_core::unset::list;
use serde_json::{Value, json};

use super::bootstrap_roles::{Can, ROLES, Role};
use super::covers::uncovered;
use super::role::GROUP;

const AUTOUPDATE: &str = "rbac.authorization.kubernetes.io/autoupdate";

/// Kinds and names.
type Subjects = &'static [(&'static str, &'static str)];

/// Who has which of the roles: the binding, the role and the subjects.
const BINDINGS: &[(&str, &str, Subjects)] = &[
    ("cluster-admin", "cluster-admin", &[("Group", "system:masters")]),
    ("system:basic-user", "system:basic-user", &[("Group", "system:authenticated")]),
    ("system:discovery", "system:discovery", &[("Group", "system:authenticated")]),
    (
        "system:public-info-viewer",
        "system:public-info-viewer",
        &[("Group", "system:authenticated"), ("Group", "system:unauthenticated")],
    ),
    ("system:monitoring", "system:monitoring", &[("Group", "system:monitoring")]),
    (
        "system:service-account-issuer-discovery",
        "system:service-account-issuer-discovery",
        &[("Group", "system:serviceaccounts")],
    ),
    ("system:kubelet-api-admin", "system:kubelet-api-admin", &[("User", "kube-apiserver-kubelet-client")]),
    ("system:reprise-controllers", "system:reprise-controllers", &[("User", "system:reprise-controllers")]),
    ("system:reprise-dns", "system:reprise-dns", &[("User", "system:reprise-dns")]),
];

/// All of them: the resource in the store, and the object without UID and time.
#[must_use]
pub fn bootstrap_objects() -> Vec<(&'static str, Value)> {
    let roles = ROLES.iter().map(|role| ("clusterroles.rbac.authorization.k8s.io", stored(role)));
    let bindings = BINDINGS.iter().map(|(name, role, subjects)| {
        let subjects = subjects.iter().map(|(kind, name)| json!({"apiGroup": GROUP, "kind": kind, "name": name}));
        let object = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": metadata(name, &[]),
            "roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": role},
            "subjects": subjects.collect::<Vec<_>>(),
        });
        ("clusterrolebindings.rbac.authorization.k8s.io", object)
    });
    roles.chain(bindings).collect()
}

/// What an object that is there becomes: what is missing is added, what people added stays. Nothing if it is as it should
/// be, or if people have said to leave it alone.
#[must_use]
pub fn updated(kept: &Value, wanted: &Value) -> Option<Value> {
    if kept["metadata"]["annotations"][AUTOUPDATE] != "true" {
        return None;
    }
    let mut new = kept.clone();
    if let Some(wanted) = wanted["subjects"].as_array() {
        let kept = kept["subjects"].as_array().cloned().unwrap_or_default();
        let missing = wanted.iter().filter(|subject| !kept.contains(subject)).cloned();
        new["subjects"] = kept.iter().cloned().chain(missing.collect::<Vec<_>>()).collect();
    } else if wanted["aggregationRule"].is_null() {
        let rules = |of: &Value| serde_json::from_value::<Option<Vec<PolicyRule>>>(of["rules"].clone()).ok().flatten();
        let (kept, wanted) = (rules(kept), rules(wanted).unwrap_or_default());
        let missing = uncovered(&list(&kept).iter().collect::<Vec<_>>(), &wanted);
        let all = list(&kept).iter().chain(&missing).map(|rule| json!(rule));
        new["rules"] = if missing.is_empty() { new["rules"].clone() } else { all.collect() };
    }
    (new != *kept).then_some(new)
}

fn stored(role: &Role) -> Value {
    let mut object = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": metadata(role.name, role.labels),
        "rules": role.rules.iter().map(|can| json!(can.rule())).collect::<Vec<_>>(),
    });
    if !role.made_of.is_empty() {
        let selectors = role.made_of.iter().map(|label| json!({"matchLabels": {*label: "true"}}));
        object["aggregationRule"] = json!({"clusterRoleSelectors": selectors.collect::<Vec<_>>()});
    }
    object
}

fn metadata(name: &str, labels: &[&str]) -> Value {
    let mut metadata = json!({
        "name": name,
        "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"},
        "annotations": {AUTOUPDATE: "true"},
    });
    for label in labels {
        metadata["labels"][*label] = json!("true");
    }
    metadata
}

impl Can {
    /// As a rule.
    pub(super) fn rule(&self) -> PolicyRule {
        let words =
            |text: &str| text.split(' ').map(|word| if word == "core" { "" } else { word }.to_owned()).collect();
        match *self {
            Self::On(verbs, groups, resources) => PolicyRule {
                verbs: words(verbs),
                api_groups: Some(words(groups)),
                resources: Some(words(resources)),
                ..PolicyRule::default()
            },
            Self::At(verbs, urls) => {
                PolicyRule { verbs: words(verbs), non_resource_urls: Some(words(urls)), ..PolicyRule::default() }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Request, ResourceRequest, User};
    use crate::security::authorization::Policy;

    fn policy() -> Policy {
        let all = bootstrap_objects();
        let of = |kind: &str| -> Vec<Value> {
            all.iter().filter(|(_, object)| object["kind"] == kind).map(|(_, object)| object.clone()).collect()
        };
        // What people bind in a namespace.
        let extra = ["admin", "edit", "view"].map(|role| {
            json!({
                "metadata": {"name": role, "namespace": "n"},
                "roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": role},
                "subjects": [{"kind": "User", "name": role}],
            })
        });
        Policy::of(&of("ClusterRole"), &[], &of("ClusterRoleBinding"), &extra)
    }

    fn may(policy: &Policy, user: &str, groups: &[&str], verb: &str, resource: &str) -> bool {
        let groups = groups.iter().map(|&group| group.to_owned()).collect();
        let user = User { name: user.to_owned(), uid: String::new(), groups, extra: Vec::new() };
        if resource.starts_with('/') {
            return policy.decide(&user, &Request::Path { verb: verb.to_owned(), path: resource.to_owned() }).allowed;
        }
        let (group, resource) = resource.split_once(' ').unwrap_or(("", resource));
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        let request = ResourceRequest {
            verb: verb.to_owned(),
            group: group.to_owned(),
            resource: resource.to_owned(),
            subresource: subresource.to_owned(),
            namespace: "n".to_owned(),
            ..ResourceRequest::default()
        };
        policy.decide(&user, &Request::Resource(request)).allowed
    }

    #[test]
    fn viewers_see_no_secrets_editors_give_no_roles_and_admins_stay_in_their_namespace() {
        let policy = policy();
        let may =
            |user: &str, verb: &str, resource: &str| may(&policy, user, &["system:authenticated"], verb, resource);
        assert!(may("view", "list", "pods") && may("view", "get", "pods/log") && may("view", "watch", "batch jobs"));
        assert!(
            !may("view", "get", "secrets") && !may("view", "create", "pods/exec") && !may("view", "delete", "pods")
        );
        assert!(
            may("edit", "get", "secrets") && may("edit", "create", "pods/exec") && may("edit", "create", "batch jobs")
        );
        assert!(may("edit", "create", "pods/eviction") && may("edit", "list", "pods"));
        assert!(!may("edit", "create", "rbac.authorization.k8s.io rolebindings") && !may("edit", "patch", "nodes"));
        assert!(may("admin", "create", "rbac.authorization.k8s.io rolebindings") && may("admin", "delete", "pods"));
        assert!(!may("admin", "create", "rbac.authorization.k8s.io clusterroles") && !may("admin", "get", "nodes"));
    }

    #[test]
    fn everybody_sees_what_there_is_and_nobody_else_s_objects() {
        let policy = policy();
        let may = |groups: &[&str], verb: &str, resource: &str| may(&policy, "x", groups, verb, resource);
        let known = ["system:authenticated"];
        assert!(
            may(&known, "get", "/apis/batch/v1") && may(&known, "get", "/openapi/v3") && may(&known, "get", "/version")
        );
        assert!(may(&known, "create", "authorization.k8s.io selfsubjectaccessreviews"));
        assert!(!may(&known, "list", "pods") && !may(&known, "get", "/metrics"));
        let unknown = ["system:unauthenticated"];
        assert!(may(&unknown, "get", "/livez") && !may(&unknown, "get", "/apis"));
        assert!(may(&["system:masters"], "delete", "nodes") && may(&["system:masters"], "get", "/metrics"));
    }

    #[test]
    fn the_built_in_controllers_can_give_nobody_more_power() {
        let policy = policy();
        let may = |verb: &str, resource: &str| may(&policy, "system:reprise-controllers", &[], verb, resource);
        assert!(may("create", "pods/binding") && may("create", "serviceaccounts") && may("patch", "batch jobs/status"));
        for verb in ["escalate", "bind", "impersonate", "create"] {
            assert!(!may(verb, "rbac.authorization.k8s.io clusterroles"), "{verb}");
        }
        assert!(!may("create", "serviceaccounts/token") && !may("impersonate", "users") && !may("create", "pods/exec"));
    }

    #[test]
    fn the_dns_server_sees_where_names_come_from_and_nothing_else() {
        let policy = policy();
        let may = |verb: &str, resource: &str| may(&policy, "system:reprise-dns", &[], verb, resource);
        assert!(may("watch", "pods") && may("list", "services"));
        assert!(!may("delete", "pods") && !may("list", "secrets") && !may("get", "pods/log"));
    }

    #[test]
    fn what_people_added_to_a_role_stays_and_what_they_took_away_comes_back() {
        let all = bootstrap_objects();
        let (_, wanted) = all.iter().find(|(_, object)| object["metadata"]["name"] == "system:basic-user").unwrap();
        assert_eq!(updated(wanted, wanted), None);
        let mut kept = wanted.clone();
        kept["rules"] = json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]);
        let new = updated(&kept, wanted).unwrap();
        assert_eq!(new["rules"][0], kept["rules"][0]);
        assert!(new["rules"].as_array().unwrap().len() > 1);
        kept["metadata"]["annotations"][AUTOUPDATE] = json!("false");
        assert_eq!(updated(&kept, wanted), None);
    }
}
