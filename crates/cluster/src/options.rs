//! What is chosen about a member.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Taint;

/// How a node is a member of its cluster. What the node itself is told (name, address, gates) is in its own settings.
#[derive(Debug, Clone, Default)]
pub struct MemberOptions {
    /// Labels of the Node object beside those that every node has.
    pub labels: BTreeMap<String, String>,
    /// Taints that the Node object is registered with. A Node that is there already keeps its own.
    pub taints: Vec<Taint>,
}
