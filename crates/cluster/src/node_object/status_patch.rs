//! The strategic merge patch of the node's status, and when there is nothing to say.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{NodeCondition, NodeStatus};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde_json::{Value, json};

/// Whether nothing but heartbeats differs.
pub(super) fn is_same(one: &NodeStatus, other: &NodeStatus) -> bool {
    let still = |status: &NodeStatus| {
        let without = |c: NodeCondition| NodeCondition { last_heartbeat_time: None, ..c };
        let conditions = status.conditions.clone().map(|all| all.into_iter().map(without).collect());
        NodeStatus { conditions, ..status.clone() }
    };
    still(one) == still(other)
}

/// The patch that brings the API's status, which was `before` as far as it is this node's, to `now`.
pub(super) fn of(before: Option<&NodeStatus>, now: &NodeStatus) -> Value {
    let mut status = json!(now);
    // Addresses merge by type, of which there may be several: all are replaced.
    let addresses = now.addresses.iter().flatten().map(|address| json!(address));
    status["addresses"] = std::iter::once(json!({ "$patch": "replace" })).chain(addresses).collect();
    for (field, old, new) in [
        ("capacity", before.and_then(|b| b.capacity.as_ref()), &now.capacity),
        ("allocatable", before.and_then(|b| b.allocatable.as_ref()), &now.allocatable),
    ] {
        for name in gone(old, new.as_ref()) {
            status[field][name] = Value::Null;
        }
    }
    json!({ "status": status })
}

fn gone<'a>(
    old: Option<&'a BTreeMap<String, Quantity>>,
    new: Option<&'a BTreeMap<String, Quantity>>,
) -> impl Iterator<Item = &'a String> {
    old.into_iter().flat_map(BTreeMap::keys).filter(move |name| new.is_none_or(|new| !new.contains_key(*name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(value: Value) -> NodeStatus {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_heartbeat_alone_is_no_news() {
        let of = |beat: &str, status_is: &str| {
            status(json!({"conditions": [{"type": "Ready", "status": status_is, "lastHeartbeatTime": beat}]}))
        };
        assert!(is_same(&of("2026-01-01T00:00:00Z", "True"), &of("2026-01-01T00:00:10Z", "True")));
        assert!(!is_same(&of("2026-01-01T00:00:00Z", "True"), &of("2026-01-01T00:00:00Z", "False")));
    }

    #[test]
    fn a_resource_that_is_gone_is_taken_away_and_addresses_are_replaced() {
        let before = status(json!({"capacity": {"cpu": "1", "example.com/gpu": "2"}}));
        let now = status(json!({"capacity": {"cpu": "1"}, "addresses": [{"type": "Hostname", "address": "n"}]}));
        let patch = of(Some(&before), &now);
        assert_eq!(patch["status"]["capacity"], json!({"cpu": "1", "example.com/gpu": null}));
        assert_eq!(patch["status"]["addresses"], json!([{"$patch": "replace"}, {"type": "Hostname", "address": "n"}]));
    }
}
