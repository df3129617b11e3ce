//! Semantics section 5.

use serde_json::{Value, json};

use crate::stage::{Node, on};

fn worker(code: i32) -> Value {
    json!({
        "restartPolicy": "Never",
        "containers": [{"name": "main", "restartPolicy": "Never", "restartPolicyRules": on(code)}],
    })
}

/// Lets `main` fail at once and says after how many seconds it runs again.
fn wait_after_failure(node: &mut Node) -> i64 {
    node.exit("main", 42);
    (0..400)
        .find(|_| {
            node.runs("main") || {
                node.after(1);
                false
            }
        })
        .expect("it never runs again")
}

#[test]
fn the_first_failure_restarts_at_once_and_further_ones_wait_longer_and_longer() {
    let mut node = Node::start(worker(42));
    let waits: Vec<i64> = (0..8).map(|_| wait_after_failure(&mut node)).collect();
    assert_eq!(waits, [0, 10, 20, 40, 80, 160, 300, 300]);
    assert_eq!(node.last("main").0, 8);
}

#[test]
fn while_it_waits_the_old_containers_are_gone_and_the_new_ones_show_the_time_left() {
    let mut node = Node::start(worker(42));
    node.exit("main", 42);
    node.exit("main", 42);
    assert!(node.observed.containers.is_empty());
    assert_eq!(node.waiting_reason("main"), Some("CrashLoopBackOff"));
    node.after(4);
    let waiting = node.container("main").state.clone().unwrap().waiting.unwrap();
    assert!(waiting.message.unwrap().contains("6s left"));
    assert_eq!((node.phase(), node.last("main")), ("Pending", (2, Some((42, "Error".into())))));
}

#[test]
fn ten_minutes_without_failure_reset_the_delay() {
    let mut node = Node::start(worker(42));
    wait_after_failure(&mut node);
    assert_eq!(wait_after_failure(&mut node), 10);
    node.after(600);
    assert_eq!(wait_after_failure(&mut node), 0);
}

#[test]
fn a_recycle_never_waits() {
    let mut node = Node::start(worker(0));
    for turn in 1..=50 {
        node.exit("main", 0);
        assert!(node.runs("main"));
        assert_eq!(node.last("main").0, turn);
    }
}

#[test]
fn the_annotation_switches_the_delay_off_or_sets_it() {
    let mut node = Node::start_with(json!({"reprise.dev/restart-backoff": "none"}), worker(42));
    assert_eq!((0..5).map(|_| wait_after_failure(&mut node)).sum::<i64>(), 0);
    let mut node = Node::start_with(json!({"reprise.dev/restart-backoff": "2s..5s"}), worker(42));
    let waits: Vec<i64> = (0..5).map(|_| wait_after_failure(&mut node)).collect();
    assert_eq!(waits, [0, 2, 4, 5, 5]);
}

#[test]
fn asking_for_a_restart_ends_the_wait() {
    let mut node = Node::start(worker(42));
    node.exit("main", 42);
    node.exit("main", 42);
    assert!(!node.runs("main"));
    let now = node.now.to_string();
    node.annotate("reprise.dev/restart-at", &now);
    assert!(node.runs("main"));
    assert_eq!(node.ledger.epoch, 2);
}

#[test]
fn a_single_container_that_fails_waits_on_its_own_and_the_next_epoch_starts_it_afresh() {
    let mut node = Node::start(json!({
        "restartPolicy": "Always",
        "containers": [{"name": "crashes"}, {"name": "other", "restartPolicy": "Never", "restartPolicyRules": on(42)}],
    }));
    node.exit("crashes", 1);
    node.exit("crashes", 1);
    assert_eq!(node.waiting_reason("crashes"), Some("CrashLoopBackOff"));
    assert!(node.runs("other"));
    node.exit("other", 42);
    assert!(node.runs("crashes"), "R5: a new epoch starts as a new Pod would");
}
