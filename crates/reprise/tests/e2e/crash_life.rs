//! The agent is killed with SIGKILL while it does something for a Pod, and started again: the Pod ends where it should.
//!
//! Restarts in place have tests of their own (`crash`), as have postStart hooks (`health`) and volumes (`volumes`). That
//! nothing leaks is checked of every node when it is dropped.

use std::process::{Child, Stdio};
use std::time::Instant;

use reprise_testkit::manifest::{Container, Pod};
use reprise_testkit::{Node, Run};
use serde_json::{Value, json};

use crate::images::{push, registry::Registry};
use crate::scene::{LIMIT, Scene, container, ctl, eventually, last, pod, status};
use crate::slow_registry::SlowLine;

fn exec(steps: &[&str]) -> Value {
    let command = [&["/testload"], steps].concat();
    json!({"exec": {"command": command}})
}

fn text(node: &Node, file: &str) -> String {
    std::fs::read_to_string(ctl(node).join(file)).unwrap_or_default()
}

/// Starts a run that is to outlive its agent, and waits until the Pod is Ready.
fn running(node: &Node, manifest: &Value) -> Run {
    let mut run = node.run(std::slice::from_ref(manifest)).arg("--keep").arg("--events").start();
    run.wait_for("Ready", LIMIT, |e| e.is("PodReady"));
    run
}

/// `reprise rm worker` with the grace period of the Pod, while the test goes on.
fn remove(node: &Node) -> Child {
    let mut command = node.command();
    command.args(["rm", "worker"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn a_pull_goes_on_where_the_next_agent_begins_and_leaves_nothing_half_done() {
    let node = Node::new();
    let registry = Registry::start();
    push(&registry, &node, "work", "1");
    let line = SlowLine::to(registry.host());
    let image = format!("{}/work:1", line.host());
    let main = Container::of_image("main", &image)
        .field("imagePullPolicy", json!("IfNotPresent"))
        .field("args", json!(["print", "ran"]));
    let manifest = Pod::new("p").container(main).build();
    let run = node.run(std::slice::from_ref(&manifest)).arg("--keep").start();
    eventually("a layer is on its way", || line.is_stuck().then_some(()));
    drop(run.kill());
    line.open();
    let finished = node.run(&[manifest]).arg("--keep").start().finish(LIMIT);
    assert_eq!(finished.code, Some(0), "{finished:#?}");
    assert_eq!(node.logs("p", "main", false), "ran\n");
    let half_done = std::fs::read_dir(node.data_dir().join("runtime/images/tmp")).unwrap().count();
    assert_eq!(half_done, 0, "the first pull's files are left");
}

#[test]
fn failures_that_a_killed_agent_has_counted_are_counted_anew_and_restart_the_container_once() {
    let node = Node::with_testload();
    let mut liveness = exec(&["count", "/data/probes", "exit-if", "/data/main", "eq", "1", "1"]);
    liveness["periodSeconds"] = json!(1);
    liveness["failureThreshold"] = json!(3);
    let main = container("main", &["forever"]).policy("Always").field("livenessProbe", liveness);
    let manifest = pod(&node, "worker").container(main).build();
    let run = running(&node, &manifest);
    let pods = node.verb(&["ps", "-o", "json"]).ok().json();
    let data = node.data_dir().join("pods").join(pods[0]["uid"].as_str().unwrap());
    let probes = data.join("volumes/kubernetes.io~empty-dir/data/probes");
    let probed = |times: &str| std::fs::read_to_string(&probes).ok().filter(|count| count.trim() == times);
    eventually("two of three failures", || probed("2"));
    drop(run.kill());
    let mut scene = Scene { run: node.run(&[manifest]).start(), node };
    scene.run.wait_for("its second run", LIMIT, |e| e.is_of("ContainerStarted", "main"));
    assert!(probed("5").is_some(), "three failures of the new agent's own: {:?}", std::fs::read_to_string(&probes));
    scene.wait_ready(0);
    assert_eq!(last(&scene.pod(), "main"), (1, Some((143, "Error".to_owned()))));
    drop(scene.run.interrupt(LIMIT));
}

#[test]
fn a_container_that_a_startup_probe_has_condemned_ends_at_its_time_whatever_becomes_of_the_agent() {
    let node = Node::with_testload();
    let mut startup = exec(&["exit-if", "/data/main", "eq", "1", "1"]);
    startup["periodSeconds"] = json!(1);
    startup["failureThreshold"] = json!(1);
    startup["terminationGracePeriodSeconds"] = json!(4);
    let steps = ["ignore-term", "on-term-append", "/ctl/notes", "SIGTERM", "forever"];
    let main = container("main", &steps).policy("Always").field("startupProbe", startup);
    let manifest = pod(&node, "worker").container(main).build();
    let mut run = node.run(std::slice::from_ref(&manifest)).arg("--keep").start();
    run.wait_for("the probe has failed", LIMIT, |e| e.is_of("ContainerCondemned", "main"));
    eventually("SIGTERM has come", || (text(&node, "notes") == "SIGTERM\n").then_some(()));
    drop(run.kill());
    let mut scene = Scene { run: node.run(&[manifest]).start(), node };
    scene.wait_ready(0);
    assert_eq!(last(&scene.pod(), "main"), (1, Some((137, "Error".to_owned()))));
    drop(scene.run.interrupt(LIMIT));
}

#[test]
fn a_pre_stop_hook_during_which_the_agent_is_killed_holds_the_pods_end_up_no_longer_than_its_grace() {
    let node = Node::with_testload();
    let hook = exec(&["append", "/ctl/notes", "preStop", "wait-file", "/ctl/never"]);
    let steps = ["on-term-append", "/ctl/notes", "SIGTERM", "forever"];
    let main = container("main", &steps).field("lifecycle", json!({"preStop": hook}));
    let manifest = pod(&node, "worker").spec("terminationGracePeriodSeconds", json!(4)).container(main).build();
    let run = running(&node, &manifest);
    let (mut removal, asked_at) = (remove(&node), Instant::now());
    eventually("the hook runs", || text(&node, "notes").starts_with("preStop").then_some(()));
    drop(run.kill());
    removal.wait().unwrap();
    // The next agent ends what was begun, by the time that was set then.
    let _ = node.verb(&["rm", "worker"]).ok();
    let took = asked_at.elapsed().as_secs_f64();
    assert!((3.0..20.0).contains(&took), "the grace period of 4 s took {took} s");
    let notes = text(&node, "notes");
    assert!(notes.ends_with("SIGTERM\n"), "after the hook comes SIGTERM: {notes:?}");
}

#[test]
fn a_sidecar_still_ends_after_the_others_when_the_agent_is_killed_in_between() {
    let node = Node::with_testload();
    let sidecar = container("sidecar", &["on-term-append", "/ctl/notes", "sidecar", "forever"]).sidecar();
    let main = container("main", &["ignore-term", "on-term-append", "/ctl/asked", "main", "wait-file", "/ctl/go"]);
    let manifest = pod(&node, "worker").init(sidecar).container(main).build();
    let run = running(&node, &manifest);
    let mut removal = remove(&node);
    eventually("main was asked to end", || (!text(&node, "asked").is_empty()).then_some(()));
    drop(run.kill());
    removal.wait().unwrap();
    let mut removal = remove(&node);
    eventually("the next agent asks too", || (text(&node, "asked").lines().count() > 1).then_some(()));
    assert_eq!(text(&node, "notes"), "", "the sidecar serves main as long as it runs");
    std::fs::write(ctl(&node).join("go"), "").unwrap();
    assert!(removal.wait().unwrap().success());
    assert_eq!(text(&node, "notes"), "sidecar\n");
}

/// A Pod that is run once for each fault point of its life.
struct Life {
    manifest: fn(&Node) -> Value,
    /// How often each container runs, whatever becomes of the agent.
    runs: &'static [(&'static str, u32)],
}

/// It comes, works and ends by itself.
const WORKS: Life = Life { manifest: works, runs: &[("setup", 1), ("sidecar", 1), ("main", 1)] };

fn works(node: &Node) -> Value {
    let hooks =
        json!({"postStart": exec(&["touch", "/data/up"]), "preStop": exec(&["append", "/ctl/stopped", "sidecar"])});
    pod(node, "worker")
        .init(counted("setup", &["touch", "/data/ready"]))
        .init(counted("sidecar", &["wait-file", "/data/ready", "forever"]).sidecar().field("lifecycle", hooks))
        .container(counted("main", &["wait-file", "/data/up"]))
        .build()
}

/// Its liveness probe fails at once in its first run.
const CONDEMNED: Life = Life { manifest: condemned, runs: &[("main", 2)] };

fn condemned(node: &Node) -> Value {
    let mut liveness = exec(&["exit-if", "/ctl/main", "eq", "1", "1"]);
    liveness["periodSeconds"] = json!(1);
    liveness["failureThreshold"] = json!(1);
    let main = counted("main", &["exit-if", "/ctl/main", "eq", "2", "0", "forever"]).policy("OnFailure");
    pod(node, "worker").container(main.field("livenessProbe", liveness)).build()
}

/// A container that counts its runs where they outlast the Pod.
fn counted(name: &str, steps: &[&str]) -> Container {
    let file = format!("/ctl/{name}");
    Container::new(name, &[&["count", file.as_str()], steps].concat()).mount("ctl", "/ctl").mount("data", "/data")
}

/// Whether the Pod's end is on record.
fn has_ended(node: &Node) -> bool {
    let pods = std::fs::read_dir(node.data_dir().join("pods")).into_iter().flatten().flatten();
    let mut ledgers = pods.filter_map(|pod| std::fs::read(pod.path().join("ledger.json")).ok());
    ledgers.any(|ledger| serde_json::from_slice::<Value>(&ledger).unwrap()["ending"]["over"] == true)
}

impl Life {
    /// Kills the agent at fault point `number` and starts it again. False if there are fewer points.
    fn outlives(&self, number: u32) -> bool {
        let node = Node::with_testload();
        let manifest = (self.manifest)(&node);
        let run = node.run(std::slice::from_ref(&manifest)).arg("--keep").env("REPRISE_FAULT", number.to_string());
        let was_hit = run.env("REPRISE_FAULT_ARM", "start").start().finish(LIMIT).code.is_none();
        // One that has ended would be run anew; what is left of it goes with the node.
        if was_hit && !has_ended(&node) {
            let again = node.run(&[manifest]).arg("--keep").start().finish(LIMIT);
            assert_eq!(again.code, Some(0), "fault point {number}: {again:#?}");
        }
        for (name, runs) in self.runs {
            assert_eq!(text(&node, name), format!("{runs}\n"), "{name} after a kill at fault point {number}");
        }
        let pod = node.verb(&["ps", "-o", "json"]).ok().json()[0].clone();
        // The status file may be a little older than the ledger.
        if !was_hit || pod["phase"] == "Succeeded" {
            assert_eq!(status(&pod, "main")["state"]["terminated"]["exitCode"], 0, "fault point {number}");
            for (name, runs) in self.runs {
                assert_eq!(status(&pod, name)["restartCount"], runs - 1, "fault point {number}: {pod:#}");
            }
        }
        assert!(has_ended(&node), "fault point {number}: {pod:#}");
        was_hit
    }

    fn share(&self, first: u32, of: u32) {
        let mut number = first;
        while self.outlives(number) {
            number += of;
        }
        assert!(number > 20, "only {number} fault points: were they switched off?");
    }
}

#[test]
fn a_pod_lives_and_ends_wherever_the_agent_is_killed_at_odd_points() {
    WORKS.share(1, 2);
}

#[test]
fn a_pod_lives_and_ends_wherever_the_agent_is_killed_at_even_points() {
    WORKS.share(2, 2);
}

#[test]
fn a_container_that_a_probe_has_condemned_runs_once_more_wherever_the_agent_is_killed() {
    CONDEMNED.share(1, 1);
}
