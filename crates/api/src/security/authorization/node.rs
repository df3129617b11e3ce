//! What a node may do: what every node may, and with single objects only what its own Pods need. The rules are those of
//! Kubernetes' Node authorizer.

use std::sync::LazyLock;

use k8s_openapi::api::rbac::v1::PolicyRule;

use super::bootstrap_roles::NODE;
use super::decision::Decision;
use super::pod_graph::{Dependency, DependencyKind};
use super::rule::allows;
use crate::access::{Request, ResourceRequest, User};
use crate::request::equalities;
use crate::security::certificates::NODES;

const PREFIX: &str = "system:node:";
/// Where nodes say that they are alive.
const LEASES: &str = "kube-node-lease";

static RULES: LazyLock<Vec<PolicyRule>> =
    LazyLock::new(|| NODE.iter().map(super::bootstrap_roles::Can::rule).collect());

/// What the answer to a node depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeQuestion {
    /// On nothing else.
    Settled(Decision),
    /// Whether its Pods need this.
    Needs(Dependency),
    /// Whether its Pods need the claim that this volume is bound to.
    NeedsVolume(String),
    /// Whether the Pod (namespace, name) is bound to it.
    HasPod(String, String),
}

/// The node that a user is, if it is one.
#[must_use]
pub fn node_name(user: &User) -> Option<&str> {
    let name = user.name.strip_prefix(PREFIX).filter(|name| !name.is_empty())?;
    user.groups.iter().any(|group| group == NODES).then_some(name)
}

/// What the answer to a node's request depends on.
#[must_use]
pub fn node_question(node: &str, request: &ResourceRequest) -> NodeQuestion {
    let verb = request.verb.as_str();
    match (request.group.as_str(), request.full_resource().as_str()) {
        ("", "secrets") => needs(request, DependencyKind::Secret),
        ("", "configmaps") => needs(request, DependencyKind::ConfigMap),
        ("", "persistentvolumeclaims") => match verb {
            "get" => needs(request, DependencyKind::Claim),
            _ => no("can only get individual resources of this type"),
        },
        ("", "persistentvolumes") => match (verb, request.name.as_str()) {
            ("get", name) if !name.is_empty() => NodeQuestion::NeedsVolume(name.to_owned()),
            _ => no("can only get individual resources of this type"),
        },
        ("", "serviceaccounts/token") => match verb {
            "create" => dependency(request, DependencyKind::ServiceAccount),
            _ => no("can only create tokens for individual service accounts"),
        },
        ("", "nodes" | "nodes/status") => own_node(node, request),
        ("", "pods") => own_pods(node, request),
        ("coordination.k8s.io", "leases") => match request.namespace.as_str() {
            LEASES => own(node, request, "can only access node lease with the same name as the requesting node"),
            _ => no(&format!("can only access leases in the {LEASES:?} system namespace")),
        },
        ("storage.k8s.io", "csinodes") => {
            own(node, request, "can only access CSINode with the same name as the requesting node")
        }
        _ => every_node_may(request),
    }
}

/// What every node may, whatever the object.
fn every_node_may(request: &ResourceRequest) -> NodeQuestion {
    let request = Request::Resource(request.clone());
    let is_allowed = RULES.iter().any(|rule| allows(rule, &request));
    NodeQuestion::Settled(if is_allowed { Decision::allowed("") } else { Decision::no_opinion("") })
}

fn needs(request: &ResourceRequest, kind: DependencyKind) -> NodeQuestion {
    match request.verb.as_str() {
        "get" | "list" | "watch" => dependency(request, kind),
        _ => no("can only read resources of this type"),
    }
}

fn dependency(request: &ResourceRequest, kind: DependencyKind) -> NodeQuestion {
    if request.name.is_empty() || request.namespace.is_empty() {
        return no("can only read namespaced object of this type by name");
    }
    NodeQuestion::Needs(Dependency { kind, namespace: request.namespace.clone(), name: request.name.clone() })
}

/// An object of the node's name. The name of a new one is in the body: admission looks at it.
fn own(node: &str, request: &ResourceRequest, why_not: &str) -> NodeQuestion {
    let may = match request.verb.as_str() {
        "create" => request.name.is_empty() || request.name == node,
        "get" | "update" | "patch" | "delete" => request.name == node,
        _ => return no("can only get, create, update, patch, or delete a resource of this type"),
    };
    if may { NodeQuestion::Settled(Decision::allowed("")) } else { no(why_not) }
}

fn own_node(node: &str, request: &ResourceRequest) -> NodeQuestion {
    match request.verb.as_str() {
        "create" => every_node_may(request),
        // A list or watch of one node by name has that name here.
        _ if request.name == node => every_node_may(request),
        verb => no(&format!("node {node:?} cannot {verb} all nodes, only its own Node object")),
    }
}

fn own_pods(node: &str, request: &ResourceRequest) -> NodeQuestion {
    match request.verb.as_str() {
        "get" if !request.name.is_empty() => NodeQuestion::HasPod(request.namespace.clone(), request.name.clone()),
        "list" | "watch" if selects_node(&request.field_selector, node) => every_node_may(request),
        "list" | "watch" if !request.name.is_empty() && !request.namespace.is_empty() => {
            NodeQuestion::HasPod(request.namespace.clone(), request.name.clone())
        }
        "get" | "list" | "watch" => no(&format!("can only list/watch pods with spec.nodeName={node} field selector")),
        _ => every_node_may(request),
    }
}

/// Whether only Pods of the node are asked for.
fn selects_node(field_selector: &str, node: &str) -> bool {
    equalities(field_selector).iter().any(|(field, value)| field == "spec.nodeName" && value == node)
}

fn no(why: &str) -> NodeQuestion {
    NodeQuestion::Settled(Decision::no_opinion(why))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(verb: &str, resource: &str, place: &str, selector: &str) -> ResourceRequest {
        let (group, resource) = resource.split_once(' ').unwrap_or(("", resource));
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        let (namespace, name) = place.split_once('/').unwrap_or(("", place));
        ResourceRequest {
            verb: verb.to_owned(),
            group: group.to_owned(),
            version: "v1".to_owned(),
            resource: resource.to_owned(),
            subresource: subresource.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            field_selector: selector.to_owned(),
            label_selector: String::new(),
        }
    }

    #[test]
    fn what_needs_no_pod_is_settled() {
        let cases = [
            ("create", "nodes", "", "", true),
            ("get", "nodes", "a", "", true),
            ("get", "nodes", "b", "", false),
            ("list", "nodes", "", "", false),
            ("watch", "nodes", "a", "metadata.name=a", true),
            ("patch", "nodes/status", "a", "", true),
            ("patch", "nodes/status", "b", "", false),
            ("delete", "nodes", "a", "", false),
            ("list", "pods", "", "spec.nodeName=a", true),
            ("watch", "pods", "", "status.phase!=Failed,spec.nodeName==a", true),
            ("watch", "pods", "", "spec.nodeName=b", false),
            ("watch", "pods", "", "spec.nodeName!=a", false),
            ("watch", "pods", "", "status.phase!=x\\,spec.nodeName=a", false),
            ("list", "pods", "", "", false),
            ("create", "pods", "n/", "", true),
            ("patch", "pods/status", "n/p", "", true),
            ("patch", "pods", "n/p", "", false),
            ("create", "pods/eviction", "n/p", "", true),
            ("create", "pods/exec", "n/p", "", false),
            ("get", "coordination.k8s.io leases", "kube-node-lease/a", "", true),
            ("update", "coordination.k8s.io leases", "kube-node-lease/b", "", false),
            ("get", "coordination.k8s.io leases", "kube-system/a", "", false),
            ("create", "coordination.k8s.io leases", "kube-node-lease/", "", true),
            ("list", "coordination.k8s.io leases", "kube-node-lease/", "", false),
            ("get", "storage.k8s.io csinodes", "a", "", true),
            ("get", "storage.k8s.io csinodes", "b", "", false),
            ("watch", "services", "", "", true),
            ("watch", "node.k8s.io runtimeclasses", "", "", true),
            ("create", "events", "n/", "", true),
            ("list", "events", "n/", "", false),
            ("create", "authentication.k8s.io tokenreviews", "", "", true),
            ("create", "authorization.k8s.io subjectaccessreviews", "", "", true),
            ("list", "secrets", "n/", "", false),
            ("update", "secrets", "n/s", "", false),
            ("list", "configmaps", "", "", false),
            ("list", "persistentvolumes", "", "", false),
            ("create", "serviceaccounts", "n/", "", false),
            ("get", "rbac.authorization.k8s.io clusterroles", "admin", "", false),
        ];
        for (verb, resource, place, selector, wanted) in cases {
            let question = node_question("a", &request(verb, resource, place, selector));
            let NodeQuestion::Settled(decision) = &question else { panic!("{verb} {resource} {place}: {question:?}") };
            assert_eq!(decision.allowed, wanted, "{verb} {resource} {place} {selector}");
        }
    }

    #[test]
    fn single_objects_depend_on_the_node_s_pods() {
        let secret = node_question("a", &request("watch", "secrets", "n/s", "metadata.name=s"));
        let kind = DependencyKind::Secret;
        let (namespace, name) = ("n".to_owned(), "s".to_owned());
        assert_eq!(secret, NodeQuestion::Needs(Dependency { kind, namespace: namespace.clone(), name: name.clone() }));
        let kind = DependencyKind::ServiceAccount;
        let token = node_question("a", &request("create", "serviceaccounts/token", "n/s", ""));
        assert_eq!(token, NodeQuestion::Needs(Dependency { kind, namespace, name }));
        let pod = node_question("a", &request("get", "pods", "n/p", ""));
        assert_eq!(pod, NodeQuestion::HasPod("n".to_owned(), "p".to_owned()));
        assert_eq!(
            node_question("a", &request("get", "persistentvolumes", "v", "")),
            NodeQuestion::NeedsVolume("v".to_owned())
        );
    }

    #[test]
    fn only_members_of_the_nodes_group_are_nodes() {
        let user = |name: &str, group: &str| User {
            name: name.to_owned(),
            uid: String::new(),
            groups: vec![group.to_owned()],
            extra: Vec::new(),
        };
        assert_eq!(node_name(&user("system:node:a", NODES)), Some("a"));
        assert_eq!(node_name(&user("system:node:a", "system:authenticated")), None);
        assert_eq!(node_name(&user("system:node:", NODES)), None);
        assert_eq!(node_name(&user("ann", NODES)), None);
    }
}
