//! How Pods end: by themselves, by failing to initialize, by deadline, deletion and reboot.

use reprise_core::plan::Stage;
use serde_json::json;

use crate::stage::{Node, on};
use crate::{ml_worker, running_ml_worker};

#[test]
fn a_pod_succeeds_when_its_regular_containers_have_and_its_sidecars_are_ended() {
    let mut node = running_ml_worker();
    node.exit("main", 0);
    assert_eq!((node.phase(), node.stage), ("Succeeded", Stage::Ended));
    assert!(node.observed.containers.is_empty() && node.observed.sandboxes.is_empty());
    assert_eq!(node.condition("Ready").unwrap().reason.as_deref(), Some("PodCompleted"));
}

#[test]
fn a_sidecar_that_exits_after_the_work_is_done_triggers_nothing() {
    let mut node = running_ml_worker();
    node.ends("main", 0);
    node.now = node.now.saturating_add(jiff::SignedDuration::from_millis(5)).unwrap();
    node.exit("watcher", 88);
    assert_eq!((node.ledger.epoch, node.phase()), (0, "Succeeded"));
}

#[test]
fn a_trigger_that_came_before_the_work_was_done_still_counts() {
    let mut node = running_ml_worker();
    node.ends("watcher", 88);
    node.now = node.now.saturating_add(jiff::SignedDuration::from_millis(5)).unwrap();
    node.exit("main", 0);
    assert_eq!(node.ledger.epoch, 1);
}

#[test]
fn an_init_container_that_fails_after_the_step_fails_the_pod_under_never() {
    let mut node = running_ml_worker();
    node.exit("watcher", 88);
    node.exit("setup", 1);
    assert_eq!((node.phase(), node.stage), ("Failed", Stage::Ended));
}

#[test]
fn an_init_container_that_fails_after_the_step_recovers_under_on_failure() {
    let mut spec = ml_worker();
    spec["restartPolicy"] = json!("OnFailure");
    let mut node = Node::start(spec);
    node.exit("setup", 0);
    node.exit("watcher", 88);
    node.exit("setup", 1);
    assert!(node.runs("setup"));
    node.exit("setup", 0);
    assert!(node.runs("main"));
    assert_eq!(node.last("setup").0, 2);
}

#[test]
fn an_init_container_whose_exit_nobody_saw_runs_again_and_a_regular_one_only_by_its_policy() {
    let mut node = Node::start(ml_worker());
    node.exit_unseen("setup", 255);
    assert!(node.runs("setup"));
    node.exit("setup", 0);
    node.exit_unseen("watcher", 88);
    assert_eq!((node.ledger.epoch, node.runs("watcher")), (0, true), "a code that was made up matches no rule");
    node.exit_unseen("main", 255);
    assert_eq!(node.phase(), "Failed");
}

#[test]
fn the_deadline_fails_the_pod_even_while_it_waits_to_restart() {
    let mut node = Node::start(json!({
        "restartPolicy": "Never",
        "activeDeadlineSeconds": 5,
        "containers": [{"name": "main", "restartPolicy": "Never", "restartPolicyRules": on(42)}],
    }));
    node.exit("main", 42);
    node.exit("main", 42);
    node.after(5);
    assert_eq!((node.phase(), node.status().reason.as_deref()), ("Failed", Some("DeadlineExceeded")));
}

#[test]
fn a_pod_deleted_in_the_middle_of_a_restart_is_gone() {
    let mut node = running_ml_worker();
    node.ends("watcher", 88);
    node.pass();
    node.delete();
    assert_eq!(node.stage, Stage::Gone);
    assert!(node.observed.containers.is_empty() && node.observed.sandboxes.is_empty());
}

#[test]
fn after_a_reboot_a_recorded_restart_starts_its_epoch_even_under_never() {
    let mut node = running_ml_worker();
    node.ends("watcher", 88);
    node.pass();
    node.reboot();
    assert_eq!(node.ledger.epoch, 1);
    assert!(node.runs("setup"));
    assert_eq!(node.last("watcher"), (1, Some((88, "Error".into()))));
}

#[test]
fn after_a_reboot_a_pod_starts_again_as_its_policy_says() {
    let mut never = running_ml_worker();
    never.reboot();
    assert_eq!(never.phase(), "Failed");

    let mut spec = ml_worker();
    spec["restartPolicy"] = json!("Always");
    let mut always = Node::start(spec);
    always.exit("setup", 0);
    always.reboot();
    assert!(always.runs("setup"));
    assert_eq!((always.ledger.epoch, always.last("main")), (0, (1, Some((137, "ContainerStatusUnknown".into())))));
}
