//! How Pods end: by themselves, by failing to initialize, by deadline, deletion and reboot.

use reprise_core::ephemeral_storage::StorageUse;
use reprise_core::ledger::Ledger;
use reprise_core::node_admission::Refusal;
use reprise_core::plan::Stage;
use reprise_core::timeline::Happened;
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

#[test]
fn a_pod_with_too_much_on_disk_is_evicted_within_a_second_also_during_a_restart() {
    let mut spec = ml_worker();
    spec["terminationGracePeriodSeconds"] = json!(300);
    spec["containers"][0]["resources"] = json!({"limits": {"ephemeral-storage": "1Ki"}});
    let mut node = Node::start(spec);
    node.exit("setup", 0);
    node.observed.storage = Some(StorageUse { total: 1024, ..StorageUse::default() });
    node.settle();
    assert_eq!(node.phase(), "Running");
    assert_eq!(node.container("main").resources.as_ref().unwrap().limits.as_ref().unwrap().len(), 1);
    node.ends("watcher", 88);
    node.step();
    node.observed.storage = Some(StorageUse { total: 1025, ..StorageUse::default() });
    node.kills.clear();
    node.settle();
    assert!(node.kills.iter().all(|(_, seconds, _)| seconds.is_none_or(|s| s <= 1)), "{:?}", node.kills);
    let message = "Pod ephemeral local storage usage exceeds the total limit of containers 1Ki. ";
    let status = node.status();
    assert_eq!((status.reason.as_deref(), status.message.as_deref()), (Some("Evicted"), Some(message)));
    assert_eq!((node.phase(), node.stage), ("Failed", Stage::Ended));
}

#[test]
fn a_pod_that_the_node_refused_has_failed_and_nothing_of_it_is_made() {
    let mut node = Node::start(ml_worker());
    let (reason, message) = ("OutOfcpu".to_owned(), "no".to_owned());
    node.ledger = Ledger::refused(Refusal { reason, message }, node.now);
    node.happened.clear();
    node.reboot();
    assert_eq!((node.phase(), node.stage), ("Failed", Stage::Ended));
    let status = node.status();
    assert_eq!((status.reason.as_deref(), status.message.as_deref()), (Some("OutOfcpu"), Some("Pod was rejected: no")));
    assert!(status.container_statuses.is_none() && status.init_container_statuses.is_none());
    assert!(node.observed.sandboxes.is_empty(), "{:?}", node.observed.sandboxes);
    assert_eq!(node.happened, [Happened::PodRefused { reason: "OutOfcpu".into(), message: "no".into() }]);
    node.delete();
    assert_eq!(node.stage, Stage::Gone);
}

#[test]
fn an_agent_that_finds_all_work_done_already_ends_the_pod() {
    let mut node = running_ml_worker();
    node.ends("main", 0);
    // What the last agent knew was lost with it, and not written yet.
    node.ledger.initialized = false;
    for record in node.ledger.containers.values_mut() {
        record.run = record.run.take_if(|run| run.exit.is_some());
    }
    node.settle();
    assert_eq!((node.phase(), node.stage), ("Succeeded", Stage::Ended));
}
