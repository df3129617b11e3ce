//! A node on containerd: what is different from the embedded runtime, and a containerd that goes away and comes back.

use std::time::{Duration, Instant};

use reprise_testkit::containerd::Release;
use reprise_testkit::event::Event;
use reprise_testkit::{Node, Runtime};

use crate::scene::{LIMIT, Scene, container, fails_once, last, pod, wait_counted};

const INSTALLED: Runtime = Runtime::Containerd(Release::Installed);

on_each_runtime!(verbs_find_the_runtime_of_their_data_folder);
on_newer_containerd!(a_restart_completes_although_the_runtime_is_killed_in_it);

/// A watcher that triggers, beside a container that runs on.
fn watched(node: &Node) -> serde_json::Value {
    pod(node, "worker")
        .init(container("setup", &[]))
        .init(fails_once("watcher", "fail", "88").sidecar().restart_all_on(&[88]))
        .container(container("main", &["forever"]))
        .build()
}

fn verbs_find_the_runtime_of_their_data_folder(runtime: Runtime) {
    let node = Node::with_testload_on(runtime);
    let mut run = node.run(&[watched(&node)]).arg("--keep").start();
    run.wait_for("Ready", LIMIT, |e| e.is("PodReady"));
    wait_counted(&node);
    assert_eq!(run.interrupt(LIMIT).code, Some(0));
    let verb = |arguments: &[&str]| {
        let mut command = node.command();
        let output = command.env_remove("REPRISE_CRI").args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(verb(&["exec", "worker", "-c", "main", "--", "/testload", "print", "hello"]), "hello\n");
    assert_eq!(verb(&["logs", "worker", "-c", "main"]), "count 1\n");
    assert!(verb(&["restart", "worker"]).contains("restarted in place, epoch 1"));
    wait_counted(&node);
    assert_eq!(verb(&["logs", "worker", "-c", "main"]), "count 2\n");
    node.observe();
    assert_eq!(verb(&["rm", "worker", "--grace-period", "1"]), "default/worker removed\n");
    node.assert_clean();
}

#[test]
fn a_data_folder_with_pods_stays_with_its_runtime() {
    let node = Node::with_testload_on(INSTALLED);
    let mut run = node.run(&[watched(&node)]).arg("--keep").start();
    run.wait_for("Ready", LIMIT, |e| e.is("PodReady"));
    run.interrupt(LIMIT);
    let refused = |arguments: &[&str]| {
        let output = node.command().env_remove("REPRISE_CRI").args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let other = refused(&["--cri", "embedded", "restart", "worker"]);
    assert!(other.contains("1 Pods in") && other.contains("rm --all"), "{other}");
    let image = refused(&["image", "ls"]);
    assert!(image.contains("reprise image: not with --cri unix://"), "{image}");
    let network = refused(&["--subnet", "10.9.0.0/24", "restart", "worker"]);
    assert!(network.contains("--subnet: the runtime makes the network"), "{network}");
}

#[test]
fn a_runtime_that_is_not_there_is_waited_for_and_then_named() {
    let node = Node::with_testload_on(INSTALLED);
    let containerd = node.containerd();
    containerd.kill();
    let missing = node.scratch().join("none.sock");
    let begun = Instant::now();
    let mut late = node.run(&[watched(&node)]).start();
    let never = node.run(&[watched(&node)]).arg("--data-dir").arg(node.scratch().join("other"));
    let never = never.arg("--cri").arg(format!("unix://{}", missing.display())).start();
    late.wait_for_stderr("waiting for the container runtime", LIMIT);
    containerd.start_again();
    late.wait_for("Ready", LIMIT, |e| e.is("PodReady"));
    late.interrupt(LIMIT);
    let never = never.finish(LIMIT);
    assert_eq!(never.code, Some(1));
    assert!(begun.elapsed() >= Duration::from_secs(10));
    let words = format!("no answer from a container runtime at {}", missing.display());
    assert!(never.stderr.contains(&words) && never.stderr.contains("No such file"), "{}", never.stderr);
}

/// Kills the runtime when the step has come so far; it must complete when the runtime is back.
fn kill_in_step(runtime: Runtime, when: &str) -> Scene {
    let node = Node::with_testload_on(runtime);
    let manifest = watched(&node);
    let mut scene = Scene::start(node, manifest);
    scene.wait_ready(0);
    let before = scene.identity("main");
    scene.signal("fail");
    let begins = |e: &Event| e.epoch == 1 || !e.is("ContainerStarted");
    scene.run.wait_for(when, LIMIT, |e| e.is(when) && begins(e));
    scene.node.containerd().kill();
    scene.run.wait_for_stderr("container runtime is down", LIMIT);
    scene.node.containerd().start_again();
    scene.run.wait_for_stderr("container runtime is back", LIMIT);
    scene.run.wait_for("Ready again", LIMIT, |e| e.is("PodReady") && e.epoch == 1);
    scene.wait_restarted_as_before(&before);
    scene
}

fn a_restart_completes_although_the_runtime_is_killed_in_it(runtime: Runtime) {
    for when in ["RestartStepped", "ContainersKilled", "ContainersRemoved", "ContainerStarted"] {
        let scene = kill_in_step(runtime, when);
        let pod = scene.pod();
        assert_eq!(last(&pod, "watcher"), (1, Some((88, "Error".to_owned()))));
        assert_eq!(last(&pod, "main"), (1, Some((137, "RestartAllContainers".to_owned()))));
        // Killed before it wrote an exit down, containerd does not know it: then an init container runs once more.
        assert!([1, 2].contains(&last(&pod, "setup").0), "{pod:#}");
    }
}

#[test]
fn a_restart_completes_although_containerd_is_killed_in_it() {
    a_restart_completes_although_the_runtime_is_killed_in_it(INSTALLED);
}

#[test]
fn exits_while_containerd_is_away_are_found_when_it_is_back() {
    let node = Node::with_testload_on(INSTALLED);
    let manifest = watched(&node);
    let mut scene = Scene::start(node, manifest);
    scene.wait_ready(0);
    let containerd = scene.node.containerd();
    containerd.kill();
    scene.run.wait_for_stderr("container runtime is down", LIMIT);
    scene.signal("fail");
    let trigger = |e: &Event| e.is_of("ContainerExited", "watcher");
    scene.node.containerd().start_again();
    assert_eq!(scene.run.wait_for("the exit", LIMIT, trigger).exit_code, Some(88));
    scene.wait_restarted(1);
}

#[test]
fn an_exit_is_acted_on_at_once_although_containerd_tells_nothing() {
    let node = Node::with_testload_on(INSTALLED);
    let manifest = watched(&node);
    let mut scene = Scene::start(node, manifest);
    scene.wait_ready(0);
    // Until it is asked at the slowest pace: what is tested is that an exit does not wait for that.
    std::thread::sleep(Duration::from_secs(5));
    scene.signal("fail");
    scene.wait_restarted(1);
    let finished = scene.run.interrupt(LIMIT);
    let stepped = finished.all("RestartStepped").next().unwrap();
    let exited = finished.events.iter().find(|e| e.is_of("ContainerExited", "watcher")).unwrap();
    let late = stepped.time.duration_since(exited.time).as_secs_f64();
    assert!(late < 0.7, "{late} s from the exit to the step");
}
