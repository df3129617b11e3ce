//! What becomes of a Pod after the step, and how often and how soon it may step.

use jiff::Timestamp;
use reprise_testkit::{Finished, Node, Runtime};

use crate::scene::{LIMIT, Scene, container, fails_once, last, pod};

on_each_runtime!(
    an_init_container_that_fails_after_the_step_fails_the_pod_under_never,
    a_pod_that_fails_at_once_waits_longer_each_time,
    ctrl_c_ends_pods_gracefully_and_a_second_one_kills,
);

fn an_init_container_that_fails_after_the_step_fails_the_pod_under_never(runtime: Runtime) {
    let node = Node::with_testload_on(runtime);
    let pod = pod(&node, "worker")
        .init(container("setup", &["exit-if", "/data/setup", "eq", "2", "5"]))
        .container(fails_once("main", "fail", "42").policy("Never").restart_all_on(&[42]));
    let mut scene = Scene::start(node, pod.build());
    scene.wait_ready(0);
    scene.signal("fail");
    let finished = scene.run.finish(LIMIT);
    let summary = finished.summary().pod("worker");
    assert_eq!((finished.code, summary.phase.as_str(), summary.epoch), (Some(1), "Failed", 1));
    assert_eq!(summary.container("setup").exit_code, Some(5));
}

#[test]
fn an_init_container_that_fails_after_the_step_recovers_under_on_failure() {
    let node = Node::with_testload();
    let pod = pod(&node, "worker")
        .policy("OnFailure")
        .init(container("setup", &["exit-if", "/data/setup", "eq", "2", "5"]))
        .container(fails_once("main", "fail", "42").policy("Never").restart_all_on(&[42]));
    let mut scene = Scene::start(node, pod.build());
    scene.wait_ready(0);
    scene.signal("fail");
    let pod = scene.wait_restarted(1);
    assert_eq!(last(&pod, "setup").0, 2);
}

#[test]
fn a_pod_recycles_fifty_times_in_a_row_without_waiting() {
    let node = Node::with_testload();
    let pod = pod(&node, "worker")
        .init(container("fetch", &[]))
        .container(container("main", &["exit-if", "/data/main", "ge", "51", "9"]).policy("Never").restart_all_on(&[0]));
    let finished = Scene::start(node, pod.build()).run_to_end();
    let summary = finished.summary().pod("worker");
    assert_eq!((summary.epoch, summary.restarts("fetch"), summary.restarts("main")), (50, 50, 50));
    assert_eq!(summary.container("main").exit_code, Some(9));
    assert_eq!(finished.all("Backoff").count(), 0);
    assert_eq!(summary.steps.len(), 50);
    assert_eq!(finished.all("SandboxReady").count(), 1);
}

/// How long each wait was announced to be, in milliseconds from the exit that earned it.
fn waits(finished: &Finished) -> Vec<i64> {
    let until = |e: &reprise_testkit::event::Event| e.until.expect("a Backoff says until when");
    let exits: Vec<Timestamp> = finished.all("ContainerExited").map(|e| e.time).collect();
    let before = |at: Timestamp| exits.iter().filter(|exit| **exit <= at).max().copied().unwrap();
    finished.all("Backoff").map(|e| until(e).duration_since(before(e.time)).as_millis() as i64).collect()
}

fn failing_at_once(runtime: Runtime, annotation: Option<&str>, arguments: &[&str]) -> Finished {
    let node = Node::with_testload_on(runtime);
    let main = container("main", &["exit-if", "/data/main", "lt", "4", "42"]).policy("Never").restart_all_on(&[42]);
    let mut pod = pod(&node, "worker").container(main);
    if let Some(value) = annotation {
        pod = pod.annotation("reprise.dev/restart-backoff", value);
    }
    Scene::start_with(node, pod.build(), arguments).run_to_end()
}

fn a_pod_that_fails_at_once_waits_longer_each_time(runtime: Runtime) {
    let finished = failing_at_once(runtime, None, &["--restart-backoff", "300ms..10s"]);
    assert_eq!(waits(&finished), [300, 600]);
    let summary = finished.summary().pod("worker");
    assert_eq!((summary.phase.as_str(), summary.epoch, summary.restarts("main")), ("Succeeded", 3, 3));
}

#[test]
fn the_annotation_none_switches_the_back_off_off() {
    let finished = failing_at_once(Runtime::Embedded, Some("none"), &[]);
    assert_eq!(waits(&finished), [] as [i64; 0]);
    assert_eq!(finished.summary().pod("worker").epoch, 3);
}

fn ctrl_c_ends_pods_gracefully_and_a_second_one_kills(runtime: Runtime) {
    let node = Node::with_testload_on(runtime);
    let polite = pod(&node, "polite").container(container("main", &["on-term", "7", "forever"]));
    let mut scene = Scene::start(node, polite.build());
    scene.wait_ready(0);
    let finished = scene.run.interrupt(LIMIT);
    assert_eq!(finished.summary().pod("polite").container("main").exit_code, Some(7));

    let node = Node::with_testload_on(runtime);
    let stubborn = pod(&node, "stubborn")
        .spec("terminationGracePeriodSeconds", serde_json::json!(3600))
        .container(container("main", &["ignore-term", "print", "deaf", "forever"]));
    let mut scene = Scene::start(node, stubborn.build());
    scene.wait_ready(0);
    scene.run.signal(rustix::process::Signal::INT);
    scene.run.wait_for_stderr("Ctrl-C again", LIMIT);
    let finished = scene.run.interrupt(LIMIT);
    assert_eq!(finished.summary().pod("stubborn").container("main").exit_code, Some(137));
}

impl Scene {
    /// Waits until the Pod has ended by itself. The node cleans up when the scene is dropped.
    fn run_to_end(self) -> Finished {
        let Self { run, node } = self;
        let finished = run.finish(LIMIT);
        drop(node);
        finished
    }
}
