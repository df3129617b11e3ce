//! The published cases of the decision, and those of ours.

#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::*;
use crate::fleet::Fleet;

fn set(max_restarts: i32, status: Value) -> JobSet {
    let job = json!({"name": "w", "replicas": 2, "template": {"spec": {"parallelism": 2, "completions": 2}}});
    let policy = json!({"maxRestarts": max_restarts, "restartStrategy": "InPlaceRestart"});
    let spec = json!({"failurePolicy": policy, "replicatedJobs": [job]});
    serde_json::from_value(json!({"spec": spec, "status": status})).unwrap()
}

fn status(current: Option<i32>, previous: Option<i32>) -> Value {
    json!({"restarts": 0, "currentInPlaceRestartAttempt": current, "previousInPlaceRestartAttempt": previous})
}

/// Four Pods, or other numbers of them, at these attempts.
fn fleet(attempts: &[&str], current: Option<i32>) -> Fleet {
    let mut fleet = Fleet::default();
    for (index, attempt) in attempts.iter().enumerate() {
        fleet.put(&pod(&index.to_string(), attempt, "Running"), current);
    }
    fleet
}

fn pod(name: &str, attempt: &str, phase: &str) -> k8s_openapi::api::core::v1::Pod {
    let annotations = json!({crate::names::IN_PLACE_RESTART_ATTEMPT: attempt});
    let metadata = json!({"name": name, "uid": name, "annotations": annotations});
    serde_json::from_value(json!({"metadata": metadata, "status": {"phase": phase}})).unwrap()
}

fn decided(attempts: &[&str], current: Option<i32>, previous: Option<i32>) -> Move {
    let standing = Standing::of(&set(10, status(current, previous))).unwrap();
    next(&fleet(attempts, current).tally(current), &standing).unwrap()
}

#[test]
fn all_in_step_is_nothing_to_do() {
    assert_eq!(decided(&["2"; 4], Some(2), Some(1)), Move::Stay);
}

#[test]
fn all_that_have_just_come_in_step_go_on() {
    assert_eq!(decided(&["0"; 4], None, None), Move::Lift(0));
    assert_eq!(decided(&["3"; 4], Some(2), Some(2)), Move::Lift(3));
}

#[test]
fn one_that_went_ahead_makes_the_others_follow() {
    assert_eq!(decided(&["2", "2", "3", "2"], Some(2), Some(1)), Move::Outdate(2));
    assert_eq!(decided(&["2", "2", "3", "2"], Some(2), Some(2)), Move::Stay, "it is said once");
}

#[test]
fn several_that_went_ahead_make_all_follow_the_first() {
    assert_eq!(decided(&["2", "4", "3", "3"], Some(2), Some(1)), Move::Outdate(3));
    assert_eq!(decided(&["3", "3", "3", "2"], Some(2), Some(2)), Move::Stay);
    assert_eq!(decided(&["1", "3", "3", "3"], Some(2), Some(4)), Move::Stay, "it never goes back");
}

#[test]
fn at_the_first_start_the_others_are_waited_for() {
    assert_eq!(decided(&[], None, None), Move::Stay);
    assert_eq!(decided(&["0", "0", "0"], None, None), Move::Stay);
    assert_eq!(decided(&["0", "0", "0", "0", "0"], None, None), Move::Stay, "one too many is not in step");
}

#[test]
fn a_set_without_the_strategy_has_no_standing() {
    let mut set = set(1, json!({"restarts": 0}));
    set.spec.as_mut().unwrap().failure_policy.as_mut().unwrap().restart_strategy = Some("Recreate".to_owned());
    assert_eq!(Standing::of(&set), None);
    set.spec.as_mut().unwrap().failure_policy = None;
    assert_eq!(Standing::of(&set), None);
}

#[test]
fn one_restart_more_than_the_limit_is_the_end() {
    let standing = |status| Standing::of(&set(2, status)).unwrap();
    let at = |attempt: &str, status: Value| {
        next(&fleet(&["0", "0", "0", attempt], Some(0)).tally(Some(0)), &standing(status)).unwrap()
    };
    assert_eq!(at("2", status(Some(0), None)), Move::Outdate(1));
    assert_eq!(at("3", status(Some(0), None)), Move::Fail);
    // Those that do not count are no part of it.
    let ignored = json!({"restarts": 3, "restartsCountTowardsMax": 2, "currentInPlaceRestartAttempt": 0});
    assert_eq!(at("3", ignored.clone()), Move::Outdate(2));
    assert_eq!(at("4", ignored), Move::Fail);
    let counts = json!([{"name": "w", "ready": 0, "succeeded": 0, "failed": 0, "active": 0, "suspended": 0,
        "jobRestarts": [2, 0], "jobRestartsCountTowardsMax": [1, 0]}]);
    let of_jobs = json!({"restarts": 0, "replicatedJobsStatus": counts});
    assert_eq!(at("3", of_jobs), Move::Outdate(2));
}

#[test]
fn a_container_that_dies_before_any_barrier_lifts_comes_to_an_end() {
    let standing = Standing::of(&set(2, status(None, None))).unwrap();
    let restarted = |count: i32| Tally { most_restarts: count, ..Tally::default() };
    assert_eq!(next(&restarted(2), &standing), Ok(Move::Stay));
    assert_eq!(next(&restarted(3), &standing), Ok(Move::Fail));
}

#[test]
fn nothing_is_decided_on_an_attempt_that_is_no_number() {
    let standing = Standing::of(&set(2, status(Some(0), None))).unwrap();
    let bad = next(&fleet(&["0", "1", "one", "0"], Some(0)).tally(Some(0)), &standing).unwrap_err();
    assert_eq!((bad.pod.as_str(), bad.value.as_str()), ("2", "one"));
}

#[test]
fn a_failed_pod_makes_the_others_restart_before_its_replacement_has_come() {
    let mut pods = fleet(&["1"; 4], Some(1));
    pods.put(&pod("3", "1", "Failed"), Some(1));
    let standing = Standing::of(&set(5, status(Some(1), Some(0)))).unwrap();
    assert_eq!(next(&pods.tally(Some(1)), &standing), Ok(Move::Outdate(1)));
    // Beside it, the others come to the next attempt with its replacement.
    let standing = Standing::of(&set(5, status(Some(1), Some(1)))).unwrap();
    for name in ["0", "1", "2"] {
        pods.put(&pod(name, "2", "Running"), Some(1));
        assert_eq!(next(&pods.tally(Some(1)), &standing), Ok(Move::Stay));
    }
    pods.put(&pod("4", "2", "Running"), Some(1));
    assert_eq!(next(&pods.tally(Some(1)), &standing), Ok(Move::Lift(2)));
    let standing = Standing::of(&set(5, status(Some(2), Some(1)))).unwrap();
    assert_eq!(next(&pods.tally(Some(2)), &standing), Ok(Move::Stay), "the failed one stays there");
}

#[test]
fn a_loss_at_the_end_of_the_budget_restarts_nobody_else() {
    let mut pods = fleet(&["2"; 4], Some(2));
    pods.put(&pod("3", "2", "Failed"), Some(2));
    let standing = Standing::of(&set(2, status(Some(2), Some(1)))).unwrap();
    assert_eq!(next(&pods.tally(Some(2)), &standing), Ok(Move::Stay));
    pods.put(&pod("4", "3", "Running"), Some(2));
    assert_eq!(next(&pods.tally(Some(2)), &standing), Ok(Move::Fail));
}

#[test]
fn a_pod_too_many_that_leaves_is_no_loss() {
    let mut pods = fleet(&["1"; 4], Some(1));
    pods.put(&pod("surplus", "1", "Failed"), Some(1));
    let standing = Standing::of(&set(5, status(Some(1), Some(0)))).unwrap();
    assert_eq!(next(&pods.tally(Some(1)), &standing), Ok(Move::Stay));
}
