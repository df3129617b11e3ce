//! The strategic merge patch that brings a Pod's status in the API to the node's.
//!
//! Lists that merge by key (conditions, addresses) name what is to go; others are sent whole. Conditions of others are not
//! touched. An end that the API has stays one.

use k8s_openapi::api::core::v1::{Pod, PodStatus};
use reprise_core::api_pod;
use serde_json::{Map, Value, json};

/// Fields of a status that the node sets, and takes away when it has nothing to say.
const OWN: [&str; 13] = [
    "phase",
    "reason",
    "message",
    "startTime",
    "qosClass",
    "hostIP",
    "hostIPs",
    "podIP",
    "podIPs",
    "observedGeneration",
    "initContainerStatuses",
    "containerStatuses",
    "ephemeralContainerStatuses",
];
/// Lists of addresses: they merge by this key.
const BY_IP: [&str; 2] = ["hostIPs", "podIPs"];
/// Conditions that the node sets.
const CONDITIONS: [&str; 6] =
    ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled", "AllContainersRestarting"];

/// The patch for the Pod that the API has; none if it says all of this already.
pub(super) fn status_patch(pod: &Pod, status: &PodStatus) -> Option<Value> {
    let current = object(pod.status.as_ref().map(|status| json!(status)).unwrap_or_default());
    let mut wanted = object(json!(status));
    if api_pod::has_ended(pod) {
        let agrees = wanted.get("phase") == current.get("phase");
        for field in ["phase", "reason", "message"] {
            // Who said that it is over said why, unless the node has a reason of its own for the same end.
            if !agrees || !wanted.contains_key(field) {
                keep(&mut wanted, &current, field);
            }
        }
    }
    let mut changes = Map::new();
    for field in OWN {
        let (old, new) = (current.get(field), wanted.get(field));
        if old == new {
            continue;
        }
        let value = if BY_IP.contains(&field) { addresses(old, new) } else { new.cloned().unwrap_or(Value::Null) };
        changes.insert(field.to_owned(), value);
    }
    conditions(&current, &wanted, &mut changes);
    if changes.is_empty() {
        return None;
    }
    Some(json!({ "metadata": { "uid": pod.metadata.uid }, "status": changes }))
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

fn keep(wanted: &mut Map<String, Value>, current: &Map<String, Value>, field: &str) {
    match current.get(field) {
        Some(value) => wanted.insert(field.to_owned(), value.clone()),
        None => wanted.remove(field),
    };
}

fn addresses(old: Option<&Value>, new: Option<&Value>) -> Value {
    let items = |list: Option<&Value>| list.and_then(Value::as_array).cloned().unwrap_or_default();
    let new = items(new);
    let gone = items(old).into_iter().filter(|item| !new.contains(item));
    let gone: Vec<Value> = gone.map(|item| json!({ "ip": item["ip"], "$patch": "delete" })).collect();
    if new.is_empty() && gone.is_empty() {
        return Value::Null;
    }
    Value::Array([new, gone].concat())
}

fn conditions(current: &Map<String, Value>, wanted: &Map<String, Value>, changes: &mut Map<String, Value>) {
    let list = |of: &Map<String, Value>| of.get("conditions").and_then(Value::as_array).cloned().unwrap_or_default();
    let (old, mut new) = (list(current), list(wanted));
    let named = |list: &[Value], kind: &Value| list.iter().find(|c| c["type"] == *kind).cloned();
    for condition in &mut new {
        // When it was placed is known to who placed it.
        if condition["type"] == "PodScheduled"
            && let Some(known) = named(&old, &condition["type"]).filter(|known| known["status"] == condition["status"])
        {
            condition["lastTransitionTime"] = known["lastTransitionTime"].clone();
        }
    }
    let mut list: Vec<Value> =
        new.iter().filter(|c| named(&old, &c["type"]).as_ref() != Some(c)).map(complete).collect();
    let own = |c: &&Value| c["type"].as_str().is_some_and(|kind| CONDITIONS.contains(&kind));
    let gone = old.iter().filter(own).filter(|c| named(&new, &c["type"]).is_none());
    list.extend(gone.map(|c| json!({ "type": c["type"], "$patch": "delete" })));
    if list.is_empty() {
        return;
    }
    let others = old.iter().filter(|c| !own(c)).chain(&new);
    let mut order: Vec<Value> = Vec::new();
    for condition in others.map(|c| json!({ "type": c["type"] })) {
        if !order.contains(&condition) {
            order.push(condition);
        }
    }
    changes.insert("$setElementOrder/conditions".to_owned(), Value::Array(order));
    changes.insert("conditions".to_owned(), Value::Array(list));
}

/// A condition merges with the one of its type: what the new one does not say must go.
fn complete(condition: &Value) -> Value {
    let mut complete = condition.clone();
    for field in ["reason", "message", "observedGeneration"] {
        if complete.get(field).is_none() {
            complete[field] = Value::Null;
        }
    }
    complete
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(status: Value) -> Pod {
        serde_json::from_value(json!({"metadata": {"name": "p", "uid": "u"}, "status": status})).unwrap()
    }

    fn patch(old: Value, new: Value) -> Option<Value> {
        status_patch(&pod(old), &serde_json::from_value(new).unwrap())
    }

    #[test]
    fn the_same_status_needs_no_patch_whatever_others_have_set() {
        let new = json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}], "podIPs": [{"ip": "10.0.0.1"}]});
        let mut old = new.clone();
        old["conditions"].as_array_mut().unwrap().push(json!({"type": "g/x", "status": "True"}));
        old["nominatedNodeName"] = json!("n");
        assert_eq!(patch(old, new), None);
    }

    #[test]
    fn what_is_no_longer_so_is_taken_away() {
        let old = json!({"phase": "Pending", "reason": "R", "podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}],
            "conditions": [{"type": "Ready", "status": "False", "reason": "N"}, {"type": "AllContainersRestarting", "status": "True"}, {"type": "g/x", "status": "True"}]});
        let new = json!({"phase": "Running", "podIP": "10.0.0.2", "podIPs": [{"ip": "10.0.0.2"}], "conditions": [{"type": "Ready", "status": "True"}]});
        let patch = patch(old, new).unwrap();
        assert_eq!(patch["metadata"]["uid"], "u");
        let status = &patch["status"];
        assert_eq!((&status["phase"], status.get("reason")), (&json!("Running"), Some(&Value::Null)));
        assert_eq!(status["podIPs"], json!([{"ip": "10.0.0.2"}, {"ip": "10.0.0.1", "$patch": "delete"}]));
        let ready =
            json!({"type": "Ready", "status": "True", "reason": null, "message": null, "observedGeneration": null});
        assert_eq!(status["conditions"], json!([ready, {"type": "AllContainersRestarting", "$patch": "delete"}]));
        assert_eq!(status["$setElementOrder/conditions"], json!([{"type": "g/x"}, {"type": "Ready"}]));
    }

    #[test]
    fn an_end_stays_one() {
        let old = json!({"phase": "Failed", "reason": "Preempted", "message": "m"});
        for phase in ["Running", "Failed"] {
            let patch = patch(old.clone(), json!({"phase": phase, "podIP": "10.0.0.1"})).unwrap();
            assert_eq!(patch["status"], json!({"podIP": "10.0.0.1"}));
        }
    }

    #[test]
    fn when_a_pod_was_placed_is_left_as_the_scheduler_said_it() {
        let condition =
            |at: &str| json!({"conditions": [{"type": "PodScheduled", "status": "True", "lastTransitionTime": at}]});
        assert_eq!(patch(condition("2026-01-01T00:00:00Z"), condition("2026-01-01T00:00:09Z")), None);
    }
}
