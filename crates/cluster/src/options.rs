//! What is chosen about a member.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Taint;

/// How a node is a member of its cluster. What the node itself is told (name, address, gates) is in its own settings.
#[derive(Debug, Clone)]
pub struct MemberOptions {
    /// Labels of the Node object beside those that every node has.
    pub labels: BTreeMap<String, String>,
    /// Taints that the Node object is registered with. A Node that is there already keeps its own.
    pub taints: Vec<Taint>,
    /// How long one watch goes on, in seconds. A connection that was cut in silence is noticed then, at the latest, unless it is
    /// asked whether it is alive, as those that nodes [share](crate::Connection::shared_of_file) are.
    pub watch_seconds: u32,
    /// How fast Kubernetes Events are sent.
    pub events: EventRate,
}

/// How fast Kubernetes Events are sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EventRate {
    /// So many a second (the kubelet's `eventRecordQPS`).
    pub per_second: f64,
    /// So many at once, where there were fewer before (the kubelet's `eventBurst`).
    pub burst: f64,
}

impl Default for MemberOptions {
    fn default() -> Self {
        Self {
            labels: BTreeMap::new(),
            taints: Vec::new(),
            watch_seconds: 60,
            events: EventRate { per_second: 50.0, burst: 100.0 },
        }
    }
}
