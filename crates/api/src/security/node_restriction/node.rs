//! The Node object of a node.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Operation, Write, text};
use crate::status::ApiError;

/// Labels that a node may set about itself although they are Kubernetes' own.
const OWN_LABELS: [&str; 13] = [
    "kubernetes.io/hostname",
    "kubernetes.io/arch",
    "kubernetes.io/os",
    "node.kubernetes.io/instance-type",
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone",
    "failure-domain.kubernetes.io/region",
    "failure-domain.kubernetes.io/zone",
    "beta.kubernetes.io/arch",
    "beta.kubernetes.io/instance-type",
    "beta.kubernetes.io/os",
];
/// Domains of labels that are nodes' to set.
const OWN_DOMAINS: [&str; 2] = ["kubelet.kubernetes.io", "node.kubernetes.io"];
/// Domains of labels that others rely on to tell nodes apart.
const GUARDED_DOMAINS: [&str; 2] = ["kubernetes.io", "k8s.io"];

/// Whether this node may write it so.
pub(super) fn check(node: &str, write: &Write<'_>) -> Result<(), ApiError> {
    let name = match (write.operation, write.new) {
        (Operation::Create, Some(new)) => text(new, "/metadata/name"),
        _ => write.name,
    };
    if name != node {
        return Err(write.refuse(&format!("node {node:?} is not allowed to modify node {name:?}")));
    }
    match (write.operation, write.old, write.new) {
        (Operation::Create, _, Some(new)) => {
            let labels = guarded(changed_labels(None, new));
            if labels.is_empty() {
                return Ok(());
            }
            let why = format!("node {node:?} is not allowed to set the following labels: {}", labels.join(", "));
            Err(write.refuse(&why))
        }
        (Operation::Update, Some(old), Some(new)) => update(node, write, old, new),
        // Nobody but an administrator removes a node.
        _ => Err(write.refuse(&format!("node {node:?} is not allowed to delete nodes"))),
    }
}

fn update(node: &str, write: &Write<'_>, old: &Value, new: &Value) -> Result<(), ApiError> {
    let differs = |path: &str| {
        let part = |object: &Value| object.pointer(path).filter(|part| !is_empty(part)).cloned();
        part(old) != part(new)
    };
    if differs("/spec/taints") {
        return Err(write.refuse(&format!("node {node:?} is not allowed to modify taints")));
    }
    if differs("/metadata/ownerReferences") {
        return Err(write.refuse(&format!("node {node:?} is not allowed to modify ownerReferences")));
    }
    let labels = guarded(changed_labels(Some(old), new));
    if labels.is_empty() {
        return Ok(());
    }
    Err(write.refuse(&format!("is not allowed to modify labels: {}", labels.join(", "))))
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

/// The names of labels that differ.
fn changed_labels<'a>(old: Option<&'a Value>, new: &'a Value) -> BTreeSet<&'a str> {
    let labels = |object: &'a Value| object.pointer("/metadata/labels").and_then(Value::as_object);
    let (old, new) = (old.and_then(labels), labels(new));
    let names = old.into_iter().chain(new).flat_map(|labels| labels.keys());
    let value =
        |labels: Option<&'a serde_json::Map<String, Value>>, name: &str| labels.and_then(|all| all.get(name)).cloned();
    names.filter(|name| value(old, name) != value(new, name)).map(String::as_str).collect()
}

/// Those that are not a node's to set.
fn guarded(names: BTreeSet<&str>) -> Vec<&str> {
    let is_below =
        |domain: &str, of: &str| domain == of || domain.strip_suffix(of).is_some_and(|rest| rest.ends_with('.'));
    let is_guarded = |name: &&str| {
        let domain = name.split_once('/').map_or("", |(domain, _)| domain);
        let is_own = OWN_LABELS.contains(name) || OWN_DOMAINS.iter().any(|own| is_below(domain, own));
        GUARDED_DOMAINS.iter().any(|guarded| is_below(domain, guarded)) && !is_own
    };
    names.into_iter().filter(is_guarded).collect()
}
