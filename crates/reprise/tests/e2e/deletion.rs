//! A Pod is deleted while it restarts in place, in each phase of that.

use std::time::Instant;

use reprise_testkit::manifest::Pod;
use reprise_testkit::{Node, Run};
use serde_json::json;

use crate::scene::{LIMIT, container, ctl, eventually, pod};

/// A Pod, made what the test needs by `of`, that has just begun to restart in place.
fn restarting(node: &Node, of: impl FnOnce(Pod) -> Pod) -> Run {
    let watcher = container("watcher", &["wait-file", "/ctl/fail", "exit", "88"]).sidecar().restart_all_on(&[88]);
    let manifest = of(pod(node, "worker").spec("terminationGracePeriodSeconds", json!(2)))
        .init(watcher)
        .container(container("main", &["ignore-term", "on-term-append", "/ctl/asked", "main", "forever"]))
        .build();
    let mut run = node.run(&[manifest]).arg("--keep").start();
    run.wait_for("Ready", LIMIT, |e| e.is("PodReady"));
    std::fs::write(ctl(node).join("fail"), "").unwrap();
    run
}

/// Deletes the Pod and requires that this takes about its grace period at most, and leaves nothing.
fn delete(node: &Node, phase: &str) {
    let began = Instant::now();
    let _ = node.verb(&["rm", "worker"]).ok();
    assert!(began.elapsed().as_secs() < 15, "{phase}: {:?}", began.elapsed());
    assert_eq!(node.verb(&["ps", "-o", "json"]).ok().json(), json!([]), "{phase}");
}

#[test]
fn a_pod_whose_containers_are_asked_to_end_for_a_restart_can_be_deleted() {
    let node = Node::with_testload();
    // SIGTERM first, and a long time for it: the phase of the kills.
    let run = restarting(&node, |pod| pod.annotation("reprise.dev/restart-grace-period", "1h"));
    eventually("main is asked to end", || ctl(&node).join("asked").exists().then_some(()));
    delete(&node, "killing");
    drop(run);
}

#[test]
fn a_pod_that_waits_to_start_again_can_be_deleted() {
    let node = Node::with_testload();
    // The watcher fails again at once, and the second restart waits.
    let mut run = restarting(&node, |pod| pod.annotation("reprise.dev/restart-backoff", "1h..2h"));
    run.wait_for("the wait", LIMIT, |e| e.is("Backoff") && e.container.is_none());
    delete(&node, "waiting");
    drop(run);
}

#[test]
fn a_pod_whose_init_containers_run_again_can_be_deleted() {
    let node = Node::with_testload();
    // In its second run it waits for what never comes.
    let steps = ["exit-if", "/data/setup", "eq", "1", "0", "append", "/ctl/again", "x", "wait-file", "/ctl/never"];
    let setup = container("setup", &steps);
    let run = restarting(&node, |pod| pod.init(setup));
    eventually("setup runs again", || ctl(&node).join("again").exists().then_some(()));
    delete(&node, "starting");
    drop(run);
}
