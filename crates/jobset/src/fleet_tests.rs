//! Pods as they change, and what is counted of them.

#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::*;

pub(crate) fn pod(name: &str, attempt: Option<&str>, more: Value) -> Pod {
    let annotations = attempt.map(|attempt| json!({IN_PLACE_RESTART_ATTEMPT: attempt}));
    let mut pod = json!({
        "metadata": {"name": name, "uid": name, "annotations": annotations},
        "status": {"phase": "Running"},
    });
    for (path, value) in more.as_object().unwrap() {
        let part = if path == "deletionTimestamp" { "metadata" } else { "status" };
        pod[part][path] = value.clone();
    }
    serde_json::from_value(pod).unwrap()
}

fn restarting() -> Value {
    json!({"conditions": [{"type": RESTARTING, "status": "True"}]})
}

fn fleet(pods: &[Pod]) -> Fleet {
    let mut fleet = Fleet::default();
    pods.iter().for_each(|pod| fleet.put(pod, Some(0)));
    fleet
}

#[test]
fn pods_that_failed_leave_or_have_no_attempt_do_not_count() {
    let gone = json!({"deletionTimestamp": "2026-01-01T00:00:00Z"});
    let fleet = fleet(&[
        pod("a", Some("3"), json!({})),
        pod("b", Some("4"), json!({"phase": "Failed"})),
        pod("c", None, json!({})),
        pod("d", Some("1"), gone),
        pod("e", Some("2"), json!({"phase": "Succeeded"})),
    ]);
    let tally = fleet.tally(Some(2));
    assert_eq!((tally.counted, tally.lowest, tally.highest), (2, Some(2), Some(3)));
    assert_eq!((tally.intact, tally.has_losses), (1, false));
    assert!(fleet.tally(Some(4)).has_losses && fleet.tally(Some(1)).has_losses);
    assert!(!fleet.tally(None).has_losses);
}

#[test]
fn what_is_gone_or_has_changed_is_not_counted_as_it_was() {
    let mut fleet = fleet(&[pod("a", Some("0"), json!({})), pod("b", Some("0"), json!({"phase": "Failed"}))]);
    fleet.put(&pod("a", Some("1"), json!({})), Some(0));
    fleet.remove("b");
    fleet.remove("b");
    let tally = fleet.tally(Some(0));
    assert_eq!((tally.counted, tally.lowest, tally.highest, tally.has_losses), (1, Some(1), Some(1), false));
    fleet.remove("a");
    assert!(fleet.is_empty());
    assert_eq!(fleet.tally(Some(0)), Tally::default());
}

#[test]
fn a_restart_is_a_loss_if_it_is_seen_to_begin_after_the_barrier_lifted() {
    let mut fleet = fleet(&[pod("a", Some("0"), json!({}))]);
    fleet.put(&pod("a", Some("0"), restarting()), Some(0));
    let tally = fleet.tally(Some(0));
    assert_eq!((tally.counted, tally.intact, tally.has_losses), (1, 0, true));
    // Until its agent has come again.
    fleet.put(&pod("a", Some("1"), restarting()), Some(0));
    assert!(!fleet.tally(Some(0)).has_losses && !fleet.tally(Some(1)).has_losses);
    fleet.put(&pod("a", Some("1"), json!({})), Some(0));
    assert_eq!(fleet.tally(Some(1)).intact, 1);
}

#[test]
fn a_restart_that_is_shown_late_or_was_there_before_is_no_loss() {
    // A controller that has just started.
    let mut fleet = fleet(&[pod("a", Some("0"), restarting())]);
    assert!(!fleet.tally(Some(0)).has_losses);
    // The condition comes after the next attempt's agent, which waits at its barrier.
    fleet.put(&pod("b", Some("1"), json!({})), Some(0));
    fleet.put(&pod("b", Some("1"), restarting()), Some(0));
    assert!(!fleet.tally(Some(1)).has_losses);
    fleet.put(&pod("b", Some("1"), restarting()), Some(1));
    assert!(!fleet.tally(Some(1)).has_losses, "it was shown before the barrier lifted");
}

#[test]
fn an_attempt_that_is_no_number_is_named_until_it_is_one() {
    let mut fleet = fleet(&[pod("a", Some("0"), json!({}))]);
    for wrong in ["-1", "x", "", "1.5", "99999999999"] {
        fleet.put(&pod("b", Some(wrong), json!({})), None);
        let bad = fleet.tally(None).bad.unwrap();
        assert_eq!((bad.pod.as_str(), bad.value.as_str()), ("b", wrong));
    }
    let said = fleet.tally(None).bad.unwrap().to_string();
    let words = "the annotation jobset.sigs.k8s.io/in-place-restart-attempt must be a non-negative integer";
    assert_eq!(said, format!("Pod b: {words}, not \"99999999999\""));
    fleet.put(&pod("b", Some("0"), json!({})), None);
    assert_eq!((fleet.tally(None).bad, fleet.tally(None).counted), (None, 2));
}

#[test]
fn the_container_that_was_restarted_most_is_known() {
    let containers = |first: i32, second: i32| {
        let status = |name: &str, count: i32| json!({"name": name, "image": "", "imageID": "", "ready": false, "restartCount": count});
        json!({"containerStatuses": [status("a", first)], "initContainerStatuses": [status("b", second)]})
    };
    let mut fleet = fleet(&[pod("a", None, containers(1, 4)), pod("b", None, containers(2, 0))]);
    assert_eq!(fleet.tally(None).most_restarts, 4);
    fleet.remove("a");
    assert_eq!(fleet.tally(None).most_restarts, 2);
}
