//! What users see of a Pod over restarts, failures, requests, deletion and reboots, one claim a test.

// What fails here fails a test.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod backoff;
mod devices;
mod endings;
mod health;
mod stage;

use serde_json::{Value, json};
use stage::{Node, on};

/// The announcement's Pod: an init container, a watcher sidecar with the rule, a main container.
fn ml_worker() -> Value {
    json!({
        "restartPolicy": "Never",
        "initContainers": [
            {"name": "setup"},
            {"name": "watcher", "restartPolicy": "Always", "restartPolicyRules": on(88)},
        ],
        "containers": [{"name": "main"}],
    })
}

fn running_ml_worker() -> Node {
    let mut node = Node::start(ml_worker());
    node.exit("setup", 0);
    node
}

#[test]
fn a_trigger_starts_the_whole_pod_again_from_its_first_init_container() {
    let mut node = running_ml_worker();
    assert!(node.runs("watcher") && node.runs("main"));
    node.exit("watcher", 88);
    assert_eq!(node.ledger.epoch, 1);
    assert!(node.runs("setup") && !node.runs("watcher") && !node.runs("main"));
    node.exit("setup", 0);
    assert!(node.runs("watcher") && node.runs("main"));
    assert_eq!(node.phases(), ["Pending", "Running", "Pending", "Running"]);
}

#[test]
fn each_container_counts_one_restart_and_keeps_its_true_exit() {
    let mut node = running_ml_worker();
    node.exit("watcher", 88);
    assert_eq!(node.last("setup"), (1, Some((0, "Completed".into()))));
    assert_eq!(node.last("watcher"), (1, Some((88, "Error".into()))));
    assert_eq!(node.last("main"), (1, Some((137, "RestartAllContainers".into()))));
}

#[test]
fn a_container_that_had_not_been_reached_keeps_its_count() {
    let mut node = Node::start(json!({
        "initContainers": [{"name": "a", "restartPolicy": "Never", "restartPolicyRules": on(3)}, {"name": "b"}],
        "containers": [{"name": "main"}],
    }));
    node.exit("a", 3);
    assert_eq!((node.last("a").0, node.last("b"), node.last("main")), (1, (0, None), (0, None)));
}

#[test]
fn a_container_that_had_been_restarted_before_counts_one_more() {
    let mut node = Node::start(json!({
        "restartPolicy": "OnFailure",
        "containers": [{"name": "a"}, {"name": "b", "restartPolicy": "Never", "restartPolicyRules": on(42)}],
    }));
    node.exit("a", 1);
    assert_eq!(node.last("a").0, 1);
    node.exit("b", 42);
    assert_eq!((node.last("a").0, node.last("b").0), (2, 1));
}

#[test]
fn two_triggers_at_once_make_one_step() {
    let mut node = Node::start(json!({
        "restartPolicy": "Never",
        "containers": [
            {"name": "a", "restartPolicy": "Never", "restartPolicyRules": on(42)},
            {"name": "b", "restartPolicy": "Never", "restartPolicyRules": on(42)},
        ],
    }));
    node.ends("a", 42);
    node.exit("b", 42);
    assert_eq!((node.ledger.epoch, node.last("a").0, node.last("b").0), (1, 1, 1));
}

#[test]
fn containers_that_had_succeeded_or_failed_run_again() {
    let mut node = Node::start(json!({
        "restartPolicy": "Never",
        "containers": [
            {"name": "good"}, {"name": "bad"},
            {"name": "trigger", "restartPolicy": "Never", "restartPolicyRules": on(42)},
        ],
    }));
    node.exit("good", 0);
    node.exit("bad", 7);
    node.exit("trigger", 42);
    assert!(node.runs("good") && node.runs("bad") && node.runs("trigger"));
    assert_eq!(node.last("good"), (1, Some((0, "Completed".into()))));
    assert_eq!(node.last("bad"), (1, Some((7, "Error".into()))));
}

#[test]
fn watchers_see_the_condition_true_before_false_with_the_trigger_in_its_message() {
    let mut node = running_ml_worker();
    assert_eq!(node.history_of("AllContainersRestarting"), ["False"]);
    node.ends("watcher", 88);
    node.pass();
    let restarting = node.condition("AllContainersRestarting").unwrap();
    assert_eq!(restarting.reason.as_deref(), Some("RestartAllContainersStarted"));
    let message = "container \"watcher\" exited with code 88, matching restartPolicyRules[0]";
    assert_eq!(restarting.message.as_deref(), Some(message));
    assert_eq!(node.condition("Ready").unwrap().status, "False");
    assert_eq!(node.condition("Initialized").unwrap().status, "True");
    node.settle();
    assert_eq!(node.history_of("AllContainersRestarting"), ["False", "True", "False"]);
    assert_eq!(node.history_of("Initialized"), ["False", "True"]);
}

#[test]
fn a_pod_without_such_a_rule_does_not_carry_the_condition() {
    let node = Node::start(json!({"containers": [{"name": "main"}]}));
    assert!(node.condition("AllContainersRestarting").is_none());
}

#[test]
fn with_the_gate_off_a_match_falls_back_to_the_policy() {
    let mut node = running_ml_worker();
    node.gates.restart_all_containers_on_container_exits = false;
    node.exit("watcher", 88);
    assert_eq!((node.ledger.epoch, node.last("watcher").0, node.last("main").0), (0, 1, 0));
}

#[test]
fn a_restart_rule_restarts_only_its_container_whatever_the_policy() {
    let rules = json!([{"action": "Restart", "exitCodes": {"operator": "In", "values": [0]}}]);
    let mut node = Node::start(json!({
        "restartPolicy": "Never",
        "containers": [{"name": "a", "restartPolicy": "Never", "restartPolicyRules": rules}, {"name": "b"}],
    }));
    node.exit("a", 0);
    assert_eq!((node.ledger.epoch, node.runs("a"), node.last("a").0, node.last("b").0), (0, true, 1, 0));
}

#[test]
fn ephemeral_containers_are_killed_and_not_started_again() {
    let mut spec = ml_worker();
    spec["ephemeralContainers"] = json!([{"name": "debug", "image": "img"}]);
    let mut node = Node::start(spec);
    node.exit("setup", 0);
    assert!(node.runs("debug"));
    node.exit("watcher", 88);
    node.exit("setup", 0);
    assert!(node.runs("main") && !node.runs("debug"));
    assert_eq!(node.last("debug").0, 0);
}

#[test]
fn a_newer_restart_at_restarts_the_pod_once_and_one_from_before_its_start_does_not() {
    let old = json!({"reprise.dev/restart-at": "2020-01-01T00:00:00Z"});
    let mut node = Node::start_with(old, json!({"restartPolicy": "Never", "containers": [{"name": "main"}]}));
    assert_eq!(node.ledger.epoch, 0);
    node.annotate("reprise.dev/restart-at", "2026-01-01T00:00:00Z");
    assert_eq!((node.ledger.epoch, node.runs("main"), node.last("main").0), (1, true, 1));
    node.settle();
    assert_eq!(node.ledger.epoch, 1);
}

#[test]
fn a_plan_is_the_same_after_the_ledger_went_through_its_file_format() {
    let mut node = running_ml_worker();
    node.ends("watcher", 88);
    let first = node.pass();
    let text = serde_json::to_string(&first.ledger).unwrap();
    assert_eq!(serde_json::from_str::<reprise_core::ledger::Ledger>(&text).unwrap(), first.ledger);
}

#[test]
fn a_container_of_which_the_runtime_knows_nothing_is_ended_and_runs_again() {
    let mut node = Node::new(json!({}), ml_worker());
    while node.observed.containers.is_empty() {
        node.step();
    }
    node.lose_sight_of("setup");
    assert_eq!((node.kills.len(), node.runs("setup"), node.last("setup").0), (1, true, 1));
    node.exit("setup", 0);
    node.lose_sight_of("watcher");
    assert!(node.runs("watcher") && node.runs("main"));
    assert_eq!((node.kills.len(), node.ledger.epoch, node.last("watcher").0), (2, 0, 1));
}
