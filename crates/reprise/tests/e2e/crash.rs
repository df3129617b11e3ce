//! The agent is killed with SIGKILL wherever it writes the ledger or calls the runtime during a restart.
//!
//! The `fault-points` feature numbers those places from the step on. Each test takes its share of the numbers, one
//! node each, until a restart runs through without having been hit.

use std::collections::BTreeSet;

use reprise_testkit::containerd::Release;
use reprise_testkit::event::Event;
use reprise_testkit::leftovers::Owned;
use reprise_testkit::manifest::Pod;
use reprise_testkit::{Node, Runtime};
use serde_json::Value;

use crate::scene::{LIMIT, Scene, container, ctl, eventually, last, pod, status, wait_counted};

/// How many tests share the fault points.
const SHARES: u32 = 2;

/// Every container holds `/data/pod` as long as it lives; the first init container must have it alone. So if a
/// container of an older epoch is alive when the new one starts, `setup` ends with 99 and the Pod fails.
fn guarded(node: &Node) -> Pod {
    pod(node, "worker")
        .init(container("setup", &["alone", "/data/pod"]))
        .init(
            container(
                "watcher",
                &[
                    "hold",
                    "/data/pod",
                    "wait-file",
                    "/ctl/fail",
                    "exit-if",
                    "/data/watcher",
                    "eq",
                    "1",
                    "88",
                    "forever",
                ],
            )
            .sidecar()
            .restart_all_on(&[88]),
        )
        .container(container("main", &["hold", "/data/pod", "forever"]))
}

fn ready_in_epoch_1(event: &Event) -> bool {
    event.is("PodReady") && event.epoch == 1
}

/// Kills the agent at fault point `number` of a restart and starts it again. False if the restart has fewer points.
fn survives(runtime: Runtime, number: u32) -> bool {
    let node = Node::with_testload_on(runtime);
    let manifest = guarded(&node).build();
    let run = node.run(std::slice::from_ref(&manifest)).arg("--keep").env("REPRISE_FAULT", number.to_string());
    let names = node.scratch().join("fault-points");
    let mut run = run.env("REPRISE_FAULT_LOG", &names).start();
    run.wait_for("Ready", LIMIT, |e| e.is("PodReady"));
    wait_counted(&node);
    let before = facts(&node);
    std::fs::write(ctl(&node).join("fail"), "").unwrap();
    if run.wait_for_or_end("Ready again", LIMIT, ready_in_epoch_1).is_some() {
        return false;
    }
    // For whoever looks into a failure.
    eprintln!("killed at fault point {number}: {:?}", std::fs::read_to_string(names).unwrap().lines().last());
    let mut scene = Scene { run: node.run(&[manifest]).start(), node };
    let what = format!("Ready in epoch 1 after a kill at fault point {number}");
    if status_of(&scene).as_deref() != Some("ready") {
        scene.run.wait_for(&what, LIMIT, |e| e.is("PodReady"));
    }
    wait_counted(&scene.node);
    let pod = scene.pod();
    for name in ["setup", "watcher", "main"] {
        assert_eq!(last(&pod, name).0, 1, "{name} after a kill at fault point {number}: {pod:#}");
        let count = std::fs::read_to_string(before.data.join(name)).unwrap();
        // containerd takes a start back whose caller has died, and kills what had begun: then it is made again.
        let more = runtime != Runtime::Embedded && count == "3\n";
        assert!(count == "2\n" || more, "{name} started {count:?} times after a kill at fault point {number}");
    }
    assert_eq!(last(&pod, "watcher").1, Some((88, "Error".to_owned())), "fault point {number}");
    assert_eq!(last(&pod, "main").1, Some((137, "RestartAllContainers".to_owned())), "fault point {number}");
    assert_eq!(status(&pod, "setup")["state"]["terminated"]["exitCode"], 0, "fault point {number}: two epochs at once");
    assert_eq!((&pod["uid"], &pod["ip"], &pod["sandbox"]), (&before.uid, &before.ip, &before.sandbox));
    let finished = scene.run.interrupt(LIMIT);
    assert_eq!(finished.summary().pod("worker").epoch, 1, "fault point {number}");
    true
}

/// Whether the agent found the restart complete and had nothing to report.
fn status_of(scene: &Scene) -> Option<String> {
    let pod = scene.node.verb(&["ps", "-o", "json"]).ok().json()[0].clone();
    let ready = pod["status"]["conditions"].as_array()?.iter().any(|c| c["type"] == "Ready" && c["status"] == "True");
    (ready && pod["epoch"] == 1).then(|| "ready".to_owned())
}

struct Facts {
    uid: Value,
    ip: Value,
    sandbox: Value,
    data: std::path::PathBuf,
}

fn facts(node: &Node) -> Facts {
    let pod = node.verb(&["ps", "-o", "json"]).ok().json()[0].clone();
    let uid = pod["uid"].as_str().unwrap().to_owned();
    let data = node.data_dir().join("pods").join(uid).join("volumes/kubernetes.io~empty-dir/data");
    Facts { uid: pod["uid"].clone(), ip: pod["ip"].clone(), sandbox: pod["sandbox"].clone(), data }
}

fn share(first: u32) {
    let mut number = first;
    while survives(Runtime::Embedded, number) {
        number += SHARES;
    }
    assert!(number > 20, "only {number} fault points: were they switched off?");
}

#[test]
fn a_restart_completes_wherever_the_agent_is_killed_at_odd_points() {
    share(1);
}

#[test]
fn a_restart_completes_wherever_the_agent_is_killed_at_even_points() {
    share(2);
}

/// Some of them: containerd takes longer for each.
#[test]
fn on_containerd_a_restart_completes_too_if_the_agent_is_killed_in_it() {
    for number in [1, 8, 11, 15, 18, 22] {
        assert!(survives(Runtime::Containerd(Release::Installed), number), "a restart has no fault point {number}");
    }
}

#[test]
fn containers_keep_their_processes_when_the_agent_is_killed_and_started_again() {
    let node = Node::with_testload();
    let manifest = guarded(&node).build();
    let mut run = node.run(std::slice::from_ref(&manifest)).start();
    run.wait_for("Ready", LIMIT, |e| e.is("PodReady"));
    // Not the agent, and not a helper of it that is about to end.
    let lasting = |process: &Owned| ["/testload", "__shim"].iter().any(|part| process.command.contains(part));
    let programs = || -> BTreeSet<i32> { node.processes().iter().filter(|p| lasting(p)).map(|p| p.pid).collect() };
    let before = programs();
    assert_eq!(before.len(), 3, "a shim and two containers");
    run.kill();
    let mut again = node.run(&[manifest]).start();
    again.wait_for_stderr("already here", LIMIT);
    assert_eq!(programs(), before);
    let pod = eventually("the Pod is seen to run", || {
        let pod = node.verb(&["ps", "-o", "json"]).ok().json()[0].clone();
        (pod["phase"] == "Running").then_some(pod)
    });
    assert_eq!((last(&pod, "main").0, last(&pod, "watcher").0), (0, 0));
    let finished = again.interrupt(LIMIT);
    assert_eq!(finished.summary().pod("worker").epoch, 0);
}
