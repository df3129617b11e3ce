//! Whichever container triggers, the whole Pod starts again in place.

use reprise_testkit::manifest::Container;
use reprise_testkit::{Node, Runtime};

use crate::scene::{LIMIT, Scene, container, eventually, fails_once, last, pod};

on_each_runtime!(
    a_sidecar_triggers_and_every_container_counts_one_restart,
    a_regular_container_triggers,
    the_second_of_two_init_containers_triggers_and_the_first_runs_again,
    a_container_that_had_been_restarted_before_counts_one_more,
);

on_newer_containerd!(a_sidecar_triggers_and_every_container_counts_one_restart);

fn killed() -> Option<(i64, String)> {
    Some((137, "RestartAllContainers".to_owned()))
}

fn exited(code: i64) -> Option<(i64, String)> {
    Some((code, if code == 0 { "Completed" } else { "Error" }.to_owned()))
}

/// Starts a Pod, lets its trigger go off, and checks that all stays as R4 says.
fn restarts_in_place(
    runtime: Runtime,
    trigger: Container,
    others: impl FnOnce(reprise_testkit::manifest::Pod) -> reprise_testkit::manifest::Pod,
    sidecar: bool,
) -> Scene {
    let node = Node::with_testload_on(runtime);
    let name = "worker";
    let pod = pod(&node, name).init(container("setup", &[]));
    let pod = if sidecar { pod.init(trigger) } else { pod.container(trigger) };
    let mut scene = Scene::start(node, others(pod).build());
    scene.wait_ready(0);
    let before = scene.identity("main");
    scene.signal("fail");
    scene.wait_restarted(1);
    assert_eq!(scene.identity("main"), before, "R4: something changed");
    scene
}

fn a_sidecar_triggers_and_every_container_counts_one_restart(runtime: Runtime) {
    let trigger = fails_once("watcher", "fail", "88").sidecar().restart_all_on(&[88]);
    let main = container("main", &["print", "hello", "forever"]);
    let scene = restarts_in_place(runtime, trigger, |pod| pod.container(main), true);
    let pod = scene.pod();
    assert_eq!(last(&pod, "setup"), (1, exited(0)));
    assert_eq!(last(&pod, "watcher"), (1, exited(88)));
    assert_eq!(last(&pod, "main"), (1, killed()));
    let whole = || Some(scene.node.logs("worker", "main", false)).filter(|log| log.ends_with("hello\n"));
    assert_eq!(eventually("all is logged", whole), "count 2\nhello\n", "the emptyDir kept its count");
    assert_eq!(scene.node.logs("worker", "main", true), "count 1\nhello\n", "the run that was ended stays readable");
    let finished = scene.run.interrupt(LIMIT);
    let summary = finished.summary().pod("worker");
    assert_eq!((summary.epoch, summary.restarts("main")), (1, 1));
}

fn a_regular_container_triggers(runtime: Runtime) {
    let trigger = fails_once("trigger", "fail", "42").policy("Never").restart_all_on(&[42]);
    let main = container("main", &["forever"]);
    let scene = restarts_in_place(runtime, trigger, |pod| pod.container(main), false);
    let pod = scene.pod();
    assert_eq!(last(&pod, "trigger"), (1, exited(42)));
    assert_eq!(last(&pod, "main"), (1, killed()));
}

#[test]
fn containers_that_had_succeeded_or_failed_run_again() {
    let trigger = fails_once("trigger", "fail", "42").policy("Never").restart_all_on(&[42]);
    let node = Node::with_testload();
    let pod = pod(&node, "worker")
        .container(trigger)
        .container(container("good", &["exit-if", "/data/good", "eq", "1", "0", "forever"]))
        .container(container("bad", &["exit-if", "/data/bad", "eq", "1", "7", "forever"]));
    let mut scene = Scene::start(node, pod.build());
    scene.run.wait_for("the end of good", LIMIT, |e| e.is_of("ContainerExited", "good"));
    if !scene.run.events().iter().any(|e| e.is_of("ContainerExited", "bad")) {
        scene.run.wait_for("the end of bad", LIMIT, |e| e.is_of("ContainerExited", "bad"));
    }
    scene.signal("fail");
    let pod = scene.wait_restarted(1);
    assert_eq!(last(&pod, "good"), (1, exited(0)));
    assert_eq!(last(&pod, "bad"), (1, exited(7)));
}

#[test]
fn the_first_of_two_init_containers_triggers_and_the_second_keeps_its_count() {
    let node = Node::with_testload();
    let first = container("first", &["exit-if", "/data/first", "eq", "1", "3"]);
    let pod = pod(&node, "worker")
        .init(first.policy("Never").restart_all_on(&[3]))
        .init(container("second", &[]))
        .container(container("main", &["forever"]));
    let mut scene = Scene::start(node, pod.build());
    let pod = scene.wait_restarted(1);
    assert_eq!(last(&pod, "first"), (1, exited(3)));
    assert_eq!((last(&pod, "second"), last(&pod, "main")), ((0, None), (0, None)));
}

fn the_second_of_two_init_containers_triggers_and_the_first_runs_again(runtime: Runtime) {
    let node = Node::with_testload_on(runtime);
    let second = container("second", &["exit-if", "/data/second", "eq", "1", "3"]);
    let pod = pod(&node, "worker")
        .init(container("first", &[]))
        .init(second.policy("Never").restart_all_on(&[3]))
        .container(container("main", &["forever"]));
    let mut scene = Scene::start(node, pod.build());
    let pod = scene.wait_restarted(1);
    assert_eq!((last(&pod, "first"), last(&pod, "second")), ((1, exited(0)), (1, exited(3))));
    assert_eq!(last(&pod, "main"), (0, None));
    assert_eq!(scene.node.logs("worker", "first", false), "count 2\n");
}

#[test]
fn two_triggers_at_once_make_one_step() {
    let node = Node::with_testload();
    let trigger = |name| fails_once(name, "fail", "42").policy("Never").restart_all_on(&[42]);
    let pod = pod(&node, "worker").container(trigger("a")).container(trigger("b"));
    let mut scene = Scene::start(node, pod.build());
    scene.wait_ready(0);
    scene.signal("fail");
    scene.wait_restarted(1);
    let finished = scene.run.interrupt(LIMIT);
    let summary = finished.summary().pod("worker");
    assert_eq!((summary.epoch, summary.restarts("a"), summary.restarts("b")), (1, 1, 1));
    assert_eq!(finished.all("RestartStepped").count(), 1);
}

fn a_container_that_had_been_restarted_before_counts_one_more(runtime: Runtime) {
    let node = Node::with_testload_on(runtime);
    let flaky = container("flaky", &["exit-if", "/data/flaky", "eq", "1", "1", "forever"]).policy("OnFailure");
    let pod = pod(&node, "worker")
        .container(flaky)
        .container(fails_once("trigger", "fail", "42").policy("Never").restart_all_on(&[42]));
    let mut scene = Scene::start(node, pod.build());
    let second_run = |e: &reprise_testkit::event::Event| e.is_of("ContainerStarted", "flaky");
    scene.run.wait_for("the first run of flaky", LIMIT, second_run);
    scene.run.wait_for("the second run of flaky", LIMIT, second_run);
    assert_eq!(last(&scene.pod(), "flaky").0, 1);
    scene.signal("fail");
    let pod = scene.wait_restarted(1);
    assert_eq!((last(&pod, "flaky"), last(&pod, "trigger").0), ((2, killed()), 1));
}
