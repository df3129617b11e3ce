//! What the conditions of a node are that is not heard of.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Node, NodeCondition};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use reprise_core::unset::{list, text};

/// Nobody but the node knows these.
const OWN: [&str; 4] = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"];

/// The conditions that have to be written for a node that is silent, if it does not have them.
pub(super) fn unknown(node: &Node, now: Timestamp) -> Vec<NodeCondition> {
    let conditions = node.status.as_ref().map(|status| list(&status.conditions)).unwrap_or_default();
    let of = |kind: &&str| {
        let old = conditions.iter().find(|condition| condition.type_ == **kind);
        if old.is_some_and(|old| old.status == "Unknown") {
            return None;
        }
        let (reason, message) = match old {
            Some(_) => ("NodeStatusUnknown", "Kubelet stopped posting node status."),
            None => ("NodeStatusNeverUpdated", "Kubelet never posted node status."),
        };
        let heartbeat = old.and_then(|old| old.last_heartbeat_time.clone());
        Some(NodeCondition {
            type_: (*kind).to_owned(),
            status: "Unknown".to_owned(),
            reason: Some(reason.to_owned()),
            message: Some(message.to_owned()),
            last_heartbeat_time: heartbeat.or_else(|| node.metadata.creation_timestamp.clone()),
            last_transition_time: Some(Time(now)),
        })
    };
    OWN.iter().filter_map(of).collect()
}

/// The value of `Ready`; empty if there is none.
pub(super) fn ready(node: &Node) -> &str {
    let conditions = node.status.as_ref().map(|status| list(&status.conditions)).unwrap_or_default();
    conditions.iter().find(|condition| condition.type_ == "Ready").map_or("", |ready| ready.status.as_str())
}

/// When the node last said that its status is right.
pub(super) fn reported(node: &Node) -> Option<Timestamp> {
    let conditions = node.status.as_ref().map(|status| list(&status.conditions)).unwrap_or_default();
    let ready = conditions.iter().find(|condition| condition.type_ == "Ready")?;
    // What was written in its place says nothing about it.
    let is_own = !["NodeStatusUnknown", "NodeStatusNeverUpdated"].contains(&text(&ready.reason));
    ready.last_heartbeat_time.as_ref().filter(|_| is_own).map(|time| time.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_silent_node_s_conditions_are_unknown_and_written_once() {
        let now: Timestamp = "2026-01-01T00:01:00Z".parse().unwrap();
        let ready = json!({"type": "Ready", "status": "True", "reason": "KubeletReady", "lastHeartbeatTime": "2026-01-01T00:00:00Z"});
        let mut node: Node = serde_json::from_value(json!({"status": {"conditions": [ready]}})).unwrap();
        let written = unknown(&node, now);
        let shown: Vec<_> = written.iter().map(|c| (c.type_.as_str(), text(&c.reason))).collect();
        let never = |kind| (kind, "NodeStatusNeverUpdated");
        assert_eq!(
            shown,
            [("Ready", "NodeStatusUnknown"), never("MemoryPressure"), never("DiskPressure"), never("PIDPressure")]
        );
        assert_eq!(written[0].last_heartbeat_time.as_ref().unwrap().0.to_string(), "2026-01-01T00:00:00Z");
        node.status.as_mut().unwrap().conditions = Some(written);
        assert!(unknown(&node, now).is_empty());
        assert_eq!(reported(&node), None);
    }
}
