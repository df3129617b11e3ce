//! The taints that a node has for its conditions.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Node, Taint};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use reprise_core::unset::{is_true, list};

use super::health::ready;

const NOT_READY: &str = "node.kubernetes.io/not-ready";
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";
/// Conditions that are true when something is wrong, and their taints.
const PROBLEMS: [(&str, &str); 4] = [
    ("MemoryPressure", "node.kubernetes.io/memory-pressure"),
    ("DiskPressure", "node.kubernetes.io/disk-pressure"),
    ("PIDPressure", "node.kubernetes.io/pid-pressure"),
    ("NetworkUnavailable", "node.kubernetes.io/network-unavailable"),
];

/// All taints that the node should have, or `None` if it has them. `evicts` says whether Pods are to leave for its sake.
pub(super) fn wanted(node: &Node, evicts: bool, now: Timestamp) -> Option<Vec<Taint>> {
    let old = node.spec.as_ref().map(|spec| list(&spec.taints)).unwrap_or_default();
    let due = due(node, evicts);
    let is_due = |taint: &Taint| due.iter().any(|(key, effect)| taint.key == *key && taint.effect == *effect);
    let mut taints: Vec<Taint> = old.iter().filter(|taint| !is_ours(taint) || is_due(taint)).cloned().collect();
    for (key, effect) in &due {
        if !taints.iter().any(|taint| taint.key == *key && taint.effect == *effect) {
            let (key, effect) = ((*key).to_owned(), (*effect).to_owned());
            taints.push(Taint { key, effect, value: None, time_added: Some(Time(now)) });
        }
    }
    (taints != old).then_some(taints)
}

fn due(node: &Node, evicts: bool) -> Vec<(&'static str, &'static str)> {
    let conditions = node.status.as_ref().map(|status| list(&status.conditions)).unwrap_or_default();
    let mut due = Vec::new();
    let key = match ready(node) {
        "True" => None,
        "Unknown" => Some(UNREACHABLE),
        _ => Some(NOT_READY),
    };
    if let Some(key) = key {
        due.push((key, "NoSchedule"));
        if evicts {
            due.push((key, "NoExecute"));
        }
    }
    if is_true(node.spec.as_ref().and_then(|spec| spec.unschedulable)) {
        due.push((UNSCHEDULABLE, "NoSchedule"));
    }
    let is_on = |kind: &str| conditions.iter().any(|condition| condition.type_ == kind && condition.status == "True");
    due.extend(PROBLEMS.iter().filter(|(kind, _)| is_on(kind)).map(|(_, key)| (*key, "NoSchedule")));
    due
}

/// Whether it is for this module to put it there and to take it away.
fn is_ours(taint: &Taint) -> bool {
    let no_schedule = [NOT_READY, UNREACHABLE, UNSCHEDULABLE];
    match taint.effect.as_str() {
        "NoExecute" => [NOT_READY, UNREACHABLE].contains(&taint.key.as_str()),
        "NoSchedule" => no_schedule.contains(&taint.key.as_str()) || PROBLEMS.iter().any(|(_, key)| *key == taint.key),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn taints(ready: &str, old: &Value, evicts: bool) -> Option<Vec<String>> {
        let node = json!({"spec": {"taints": old}, "status": {"conditions": [{"type": "Ready", "status": ready}]}});
        let wanted = wanted(&serde_json::from_value(node).unwrap(), evicts, Timestamp::UNIX_EPOCH)?;
        Some(
            wanted
                .iter()
                .map(|taint| format!("{}:{}", taint.key.replace("node.kubernetes.io/", ""), taint.effect))
                .collect(),
        )
    }

    #[test]
    fn taints_follow_the_conditions_and_others_stay() {
        let own = json!([{"key": "x", "effect": "NoSchedule"}]);
        assert_eq!(taints("True", &own, true), None);
        let lost = ["x:NoSchedule", "unreachable:NoSchedule", "unreachable:NoExecute"];
        assert_eq!(taints("Unknown", &own, true).unwrap(), lost);
        assert_eq!(taints("False", &json!([]), true).unwrap(), ["not-ready:NoSchedule", "not-ready:NoExecute"]);
        assert_eq!(taints("Unknown", &json!([]), false).unwrap(), ["unreachable:NoSchedule"]);
        let back = json!([{"key": "x", "effect": "NoSchedule"}, {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}]);
        assert_eq!(taints("True", &back, true).unwrap(), ["x:NoSchedule"]);
    }
}
