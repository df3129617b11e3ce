//! All roles and bindings, arranged so that a request costs as much as its user has bindings.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use k8s_openapi::api::rbac::v1::{PolicyRule, Subject};
use reprise_core::label_selector::matches;
use reprise_core::unset::{list, text};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::decision::Decision;
use super::role::{StoredBinding, StoredRole};
use super::rule::allows;
use crate::access::{Request, User};

/// What roles and bindings allow.
#[derive(Debug, Default)]
pub struct Policy {
    cluster_roles: HashMap<String, Arc<[PolicyRule]>>,
    roles: HashMap<(String, String), Arc<[PolicyRule]>>,
    everywhere: Grants,
    in_namespace: HashMap<String, Grants>,
}

/// What is bound, by whom it is bound to.
type Grants = HashMap<Who, Vec<Grant>>;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Who {
    User(String),
    Group(String),
}

#[derive(Debug)]
struct Grant {
    /// None if the role is not there.
    rules: Option<Arc<[PolicyRule]>>,
    role: String,
    binding: String,
    subject: String,
}

impl Policy {
    /// Arranges what is stored. An object that can't be read allows nothing.
    #[must_use]
    pub fn of(cluster_roles: &[Value], roles: &[Value], cluster_bindings: &[Value], bindings: &[Value]) -> Self {
        let mut policy = Self { cluster_roles: effective(read(cluster_roles)), ..Self::default() };
        for role in read::<StoredRole>(roles) {
            let key = (text(&role.metadata.namespace).to_owned(), text(&role.metadata.name).to_owned());
            policy.roles.insert(key, role.rules.unwrap_or_default().into());
        }
        for binding in read::<StoredBinding>(cluster_bindings) {
            policy.bind(&binding, "");
        }
        for binding in read::<StoredBinding>(bindings) {
            let namespace = text(&binding.metadata.namespace).to_owned();
            if !namespace.is_empty() {
                policy.bind(&binding, &namespace);
            }
        }
        policy
    }

    /// Whether roles allow the user what is asked for.
    #[must_use]
    pub fn decide(&self, user: &User, request: &Request) -> Decision {
        let mut missing = Vec::new();
        let namespace = match request {
            Request::Resource(of) => of.namespace.as_str(),
            Request::Path { .. } => "",
        };
        for grant in self.grants(user, namespace) {
            match &grant.rules {
                None => missing.push(format!("{} not found", grant.role)),
                Some(rules) if rules.iter().any(|rule| allows(rule, request)) => {
                    return Decision::allowed(format!("RBAC: allowed by {} to {}", grant.binding, grant.subject));
                }
                Some(_) => {}
            }
        }
        Decision::no_opinion(match missing.as_slice() {
            [] => String::new(),
            [one] => format!("RBAC: {one}"),
            several => format!("RBAC: [{}]", several.join(", ")),
        })
    }

    /// All rules that count for a user in a namespace; for the cluster's own scope, that is empty.
    pub fn rules<'a>(&'a self, user: &'a User, namespace: &'a str) -> impl Iterator<Item = &'a PolicyRule> {
        self.grants(user, namespace).filter_map(|grant| grant.rules.as_deref()).flatten()
    }

    /// The rules of a role, if it is there. The namespace is empty for a ClusterRole.
    #[must_use]
    pub fn role(&self, namespace: &str, name: &str) -> Option<&[PolicyRule]> {
        match namespace {
            "" => self.cluster_roles.get(name).map(|rules| &**rules),
            namespace => self.roles.get(&(namespace.to_owned(), name.to_owned())).map(|rules| &**rules),
        }
    }

    fn grants<'a>(&'a self, user: &'a User, namespace: &'a str) -> impl Iterator<Item = &'a Grant> {
        let of = |grants: &'a Grants| {
            let groups = user.groups.iter().map(|group| Who::Group(group.clone()));
            let all = std::iter::once(Who::User(user.name.clone())).chain(groups);
            all.filter_map(|who| grants.get(&who)).flatten()
        };
        let here = self.in_namespace.get(namespace).into_iter().flat_map(of);
        of(&self.everywhere).chain(here)
    }

    fn bind(&mut self, binding: &StoredBinding, namespace: &str) {
        let (kind, name) = (binding.role.kind.as_str(), binding.role.name.as_str());
        // A ClusterRoleBinding can only bind a ClusterRole.
        let rules = match kind {
            "ClusterRole" => self.cluster_roles.get(name).cloned(),
            _ => self.roles.get(&(namespace.to_owned(), name.to_owned())).cloned(),
        };
        let (shown, grants) = match namespace {
            "" => (format!("ClusterRoleBinding {:?}", text(&binding.metadata.name)), &mut self.everywhere),
            namespace => (
                format!("RoleBinding {:?}", format!("{}/{namespace}", text(&binding.metadata.name))),
                self.in_namespace.entry(namespace.to_owned()).or_default(),
            ),
        };
        for subject in list(&binding.subjects) {
            let Some((who, shown_subject)) = who(subject, namespace) else { continue };
            grants.entry(who).or_default().push(Grant {
                rules: rules.clone(),
                role: format!("{}.rbac.authorization.k8s.io {name:?}", kind.to_ascii_lowercase()),
                binding: format!("{shown} of {kind} {name:?}"),
                subject: shown_subject,
            });
        }
    }
}

/// Whom a subject means, and how it reads; nobody for a kind that is not known.
fn who(subject: &Subject, namespace: &str) -> Option<(Who, String)> {
    let shown = format!("{} {:?}", subject.kind, subject.name);
    match subject.kind.as_str() {
        "User" => Some((Who::User(subject.name.clone()), shown)),
        "Group" => Some((Who::Group(subject.name.clone()), shown)),
        "ServiceAccount" => {
            let namespace = Some(text(&subject.namespace)).filter(|given| !given.is_empty()).unwrap_or(namespace);
            let user = format!("system:serviceaccount:{namespace}:{}", subject.name);
            let shown = format!("ServiceAccount {:?}", format!("{}/{namespace}", subject.name));
            (!namespace.is_empty()).then_some((Who::User(user), shown))
        }
        _ => None,
    }
}

/// The rules of each ClusterRole: its own, or for one that is made of others, theirs.
fn effective(all: Vec<StoredRole>) -> HashMap<String, Arc<[PolicyRule]>> {
    let none = BTreeMap::new();
    let parts = |role: &StoredRole| {
        let selectors = role.aggregation_rule.as_ref().map(|rule| list(&rule.selectors)).unwrap_or_default();
        let selected = all.iter().filter(|other| other.metadata.name != role.metadata.name).filter(|other| {
            selectors.iter().any(|selector| matches(selector, other.metadata.labels.as_ref().unwrap_or(&none)))
        });
        selected.collect::<Vec<_>>()
    };
    let rules = |role: &StoredRole| -> Vec<PolicyRule> {
        if role.aggregation_rule.is_none() {
            return role.rules.clone().unwrap_or_default();
        }
        // Roles that are made of others may be parts themselves: each is visited once.
        let (mut found, mut seen, mut next) = (Vec::new(), vec![text(&role.metadata.name)], parts(role));
        while let Some(part) = next.pop() {
            if seen.contains(&text(&part.metadata.name)) {
                continue;
            }
            seen.push(text(&part.metadata.name));
            match part.aggregation_rule {
                Some(_) => next.extend(parts(part)),
                None => found.extend(part.rules.iter().flatten().cloned()),
            }
        }
        found
    };
    all.iter().map(|role| (text(&role.metadata.name).to_owned(), rules(role).into())).collect()
}

fn read<T: DeserializeOwned>(all: &[Value]) -> Vec<T> {
    let read = |value: &Value| {
        let read = T::deserialize(value);
        read.inspect_err(
            |error| tracing::error!(name = %value["metadata"]["name"], %error, "RBAC object can't be read"),
        )
        .ok()
    };
    all.iter().filter_map(read).collect()
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
