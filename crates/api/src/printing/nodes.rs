//! Columns of Nodes.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;

use super::field::{items, or, text};
use super::{Column, Columns};

/// The label prefix whose rest is a role.
const ROLE_PREFIX: &str = "node-role.kubernetes.io/";
/// The label whose value is a role.
const ROLE: &str = "kubernetes.io/role";

/// Columns of Nodes.
pub static NODES: Columns = Columns(&[
    Column::NAME,
    Column::text("Status", "Whether the node is ready, and whether it takes Pods.", status),
    Column::text("Roles", "The node's roles, from its labels.", roles),
    Column::AGE,
    Column::text("Version", "The version that the node's agent reports.", |node, _| {
        text(node, "/status/nodeInfo/kubeletVersion").into()
    }),
    Column::text("Internal-IP", "The node's address inside the cluster.", |node, _| address(node, "InternalIP")).wide(),
    Column::text("External-IP", "The node's address outside the cluster.", |node, _| address(node, "ExternalIP"))
        .wide(),
    Column::text("OS-Image", "The operating system.", |node, _| known(node, "/status/nodeInfo/osImage")).wide(),
    Column::text("Kernel-Version", "The kernel.", |node, _| known(node, "/status/nodeInfo/kernelVersion")).wide(),
    Column::text("Container-Runtime", "The container runtime and its version.", |node, _| {
        known(node, "/status/nodeInfo/containerRuntimeVersion")
    })
    .wide(),
]);

fn status(node: &Value, _: Timestamp) -> Value {
    let mut conditions = items(node, "/status/conditions").iter();
    let ready = match conditions.find(|condition| text(condition, "/type") == "Ready") {
        None => "Unknown",
        Some(condition) if text(condition, "/status") == "True" => "Ready",
        Some(_) => "NotReady",
    };
    let cordoned = node.pointer("/spec/unschedulable").and_then(Value::as_bool) == Some(true);
    format!("{ready}{}", if cordoned { ",SchedulingDisabled" } else { "" }).into()
}

fn roles(node: &Value, _: Timestamp) -> Value {
    let labels = node.pointer("/metadata/labels").and_then(Value::as_object).into_iter().flatten();
    let roles = labels.filter_map(|(key, value)| match key.strip_prefix(ROLE_PREFIX) {
        Some(role) => Some(role),
        None if key == ROLE => value.as_str(),
        None => None,
    });
    let roles: BTreeSet<&str> = roles.filter(|role| !role.is_empty()).collect();
    let roles: Vec<&str> = roles.into_iter().collect();
    or(&roles.join(","), "<none>").into()
}

fn address(node: &Value, kind: &str) -> Value {
    let mut addresses = items(node, "/status/addresses").iter();
    let found = addresses.find(|address| text(address, "/type") == kind);
    or(found.map_or("", |address| text(address, "/address")), "<none>").into()
}

fn known(node: &Value, pointer: &str) -> Value {
    or(text(node, pointer), "<unknown>").into()
}
