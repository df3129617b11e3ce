//! Devices of the sample plugin in real containers, over restarts of everything around them.

use std::fs;

use reprise_testkit::manifest::{Container, Pod};
use reprise_testkit::{DevicePlugin, Node, Runtime};
use serde_json::{Value, json};

use crate::scene::{LIMIT, container, ctl, eventually, pod};

on_each_runtime!(
    a_pod_keeps_its_device_over_epochs_and_when_agent_and_plugin_are_killed,
    a_plugin_registers_with_the_next_agent_and_prepares_devices_for_each_start,
);

const RESOURCE: &str = "example.com/sample";

fn asks(container: Container, count: u32) -> Container {
    container.field("resources", json!({ "limits": { RESOURCE: count.to_string() } }))
}

/// A Pod with a device that starts all over when `/ctl/fail` is there. It shows what it got of the device.
fn worker(node: &Node) -> Pod {
    let shows =
        ["env", "SAMPLE_DEVICES", "ls", "/dev/sample", "ls", "/var/lib/sample", "try-read", "/dev/sample/dev-0"];
    let then = ["wait-file", "/ctl/fail", "exit-if", "/data/main", "eq", "1", "88", "forever"];
    let main = container("main", &[&shows[..], &then[..]].concat());
    pod(node, "worker").container(asks(main, 1).policy("Never").restart_all_on(&[88]))
}

/// The lines that the newest run of the worker shows of its device, once it has shown all.
fn shown(node: &Node, previous: bool) -> Vec<String> {
    eventually("the container shows its device", || {
        let lines: Vec<String> = node.logs("worker", "main", previous).lines().map(str::to_owned).collect();
        (lines.len() >= 5).then(|| lines[1..].to_vec())
    })
}

const DEV_0: [&str; 4] = ["SAMPLE_DEVICES=dev-0", "dev-0", "dev-0", "try-read /dev/sample/dev-0: ok"];

fn pod_of(node: &Node, name: &str) -> Value {
    let pods = node.verb(&["ps", "-o", "json"]).ok().json();
    let found = pods.as_array().unwrap().iter().find(|p| p["pod"] == format!("default/{name}").as_str());
    found.unwrap_or_else(|| panic!("no {name} in {pods:#}")).clone()
}

fn wait_health(node: &Node, health: &str) {
    eventually(&format!("the device is {health}"), || {
        let pod = pod_of(node, "worker");
        let shown = &pod["status"]["containerStatuses"][0]["allocatedResourcesStatus"];
        let wanted = json!([{ "name": RESOURCE, "resources": [{ "resourceID": "dev-0", "health": health }] }]);
        (*shown == wanted).then_some(())
    });
}

fn a_pod_keeps_its_device_over_epochs_and_when_agent_and_plugin_are_killed(runtime: Runtime) {
    let node = Node::with_testload_on(runtime);
    let (state, ill) = (node.scratch().join("state"), node.scratch().join("ill"));
    let flags =
        ["--node", "/dev/zero", "--state-dir", state.to_str().unwrap(), "--unhealthy-file", ill.to_str().unwrap()];
    let plugin = DevicePlugin::start(&node, &flags);
    let manifest = worker(&node).build();
    let mut run = node.run(std::slice::from_ref(&manifest)).start();
    run.wait_for("Ready", LIMIT, |e| e.is("PodReady"));
    assert_eq!(shown(&node, false), DEV_0);
    wait_health(&node, "Healthy");
    fs::write(&ill, "dev-0\n").unwrap();
    wait_health(&node, "Unhealthy");

    // In place, with the device that it has, whatever its health.
    fs::write(ctl(&node).join("fail"), "").unwrap();
    run.wait_for("Ready in epoch 1", LIMIT, |e| e.is("PodReady") && e.epoch == 1);
    assert_eq!((shown(&node, false), shown(&node, true)), (DEV_0.map(str::to_owned).to_vec(), shown(&node, false)));
    let uid = pod_of(&node, "worker")["uid"].clone();

    // Without agent and plugin, then with an agent only.
    run.kill();
    drop(plugin);
    let mut run = node.run(std::slice::from_ref(&manifest)).start();
    run.wait_for_stderr("already here", LIMIT);
    wait_health(&node, "Unknown");
    let _ = node.verb(&["restart", "worker"]).ok();
    let pod = pod_of(&node, "worker");
    assert_eq!((&pod["uid"], &pod["epoch"]), (&uid, &json!(2)));
    assert_eq!(shown(&node, false), DEV_0);

    // It comes again, with all devices well; the Pod's own is nobody else's.
    fs::remove_file(&ill).unwrap();
    let _plugin = DevicePlugin::start(&node, &flags);
    wait_health(&node, "Healthy");
    drop(run);
    let main = |steps: &[&str]| asks(Container::new("main", steps), 1);
    let others =
        ["second", "third"].map(|name| Pod::new(name).container(main(&["env", "SAMPLE_DEVICES", "forever"])).build());
    let mut run = node.run(&others).start();
    let (is_ready, is_failed) = (run_event("PodReady"), run_event("PodFailed"));
    let first = run.wait_for("one has the last device", LIMIT, |e| is_ready(e) || is_failed(e));
    let second = run.wait_for("the other has none", LIMIT, |e| (is_ready(e) || is_failed(e)) && e.pod != first.pod);
    let (ready, failed) = if first.is("PodReady") { (first, second) } else { (second, first) };
    assert!(ready.is("PodReady") && failed.is("PodFailed"), "{ready:?} {failed:?}");
    let name = ready.pod.trim_start_matches("default/");
    eventually("the log", || node.logs(name, "main", false).contains("SAMPLE_DEVICES=dev-1").then_some(()));
    let status = pod_of(&node, failed.pod.trim_start_matches("default/"))["status"].clone();
    assert_eq!((&status["phase"], &status["reason"]), (&json!("Failed"), &json!("UnexpectedAdmissionError")));
    let message = "Pod was rejected: Allocate failed due to requested number of devices unavailable for example.com/sample. Requested: 1, Available: 0, which is unexpected";
    assert_eq!(status["message"], message);
}

fn run_event(name: &'static str) -> impl Fn(&reprise_testkit::event::Event) -> bool {
    move |event| event.is(name) && event.pod != "default/worker"
}

fn a_plugin_registers_with_the_next_agent_and_prepares_devices_for_each_start(runtime: Runtime) {
    let node = Node::with_testload_on(runtime);
    // A folder of the plugins' own, as with plugins that were made for a kubelet.
    let (folder, starts) = (node.scratch().join("plugins"), node.scratch().join("starts"));
    let flags = ["--devices", "3", "--prefer-last", "--pre-start-file", starts.to_str().unwrap()];
    let _plugin = DevicePlugin::start_in(&folder, &flags);
    let setup = asks(Container::new("setup", &["env", "SAMPLE_DEVICES"]), 2);
    let main = asks(Container::new("main", &["env", "SAMPLE_DEVICES", "forever"]), 1);
    let manifest = Pod::new("worker").init(setup).container(main).build();
    let run = || node.run(std::slice::from_ref(&manifest)).arg("--device-plugin-dir").arg(&folder);
    let mut first = run().start();
    first.wait_for("Ready", LIMIT, |e| e.is("PodReady"));
    assert_eq!(fs::read_to_string(&starts).unwrap(), "dev-1,dev-2\ndev-1\n", "main has a device of setup");
    first.kill();
    let mut again = run().start();
    again.wait_for_stderr("already here", LIMIT);
    let _ = node.verb(&["restart", "worker"]).ok();
    again.wait_for("Ready in epoch 1", LIMIT, |e| e.is("PodReady") && e.epoch == 1);
    assert_eq!(fs::read_to_string(&starts).unwrap(), "dev-1,dev-2\ndev-1\n".repeat(2));
    let log = |container: &str| node.logs("worker", container, false);
    eventually("both show their devices", || {
        let shown = (log("setup"), log("main"));
        (shown == ("SAMPLE_DEVICES=dev-1,dev-2\n".to_owned(), "SAMPLE_DEVICES=dev-1\n".to_owned())).then_some(())
    });
    // A verb that is the agent for a moment knows where the plugins are.
    again.kill();
    let _ = node.verb(&["restart", "worker"]).ok();
    assert_eq!(fs::read_to_string(&starts).unwrap(), "dev-1,dev-2\ndev-1\n".repeat(3));
}

/// Kills the agent at the `number`th point of a Pod's way to its device, and starts it again. Gives the point's name.
fn survives(number: u32) -> String {
    let node = Node::with_testload();
    let _plugin = DevicePlugin::start(&node, &[]);
    let log = node.scratch().join("points");
    let manifest = |name: &str| Pod::new(name).container(asks(Container::new("main", &["forever"]), 1)).build();
    let command = node.run(&[manifest("first")]).env("REPRISE_FAULT_ARM", "start").env("REPRISE_FAULT_LOG", &log);
    let killed = command.env("REPRISE_FAULT", number.to_string()).start().finish(LIMIT);
    assert_eq!(killed.code, None, "{killed:#?}");
    let mut run = node.run(&[manifest("first"), manifest("second")]).start();
    let first = run.wait_for("one is Ready", LIMIT, |e| e.is("PodReady"));
    run.wait_for("the other is Ready: no device was lost", LIMIT, |e| e.is("PodReady") && e.pod != first.pod);
    let device = |name: &str| {
        let status = &pod_of(&node, name)["status"]["containerStatuses"][0];
        status["allocatedResourcesStatus"][0]["resources"][0]["resourceID"].as_str().map(str::to_owned)
    };
    let mut devices = ["first", "second"].map(|name| device(name).unwrap_or_default());
    devices.sort();
    assert_eq!(devices, ["dev-0", "dev-1"], "after a kill at point {number}");
    fs::read_to_string(log).unwrap().lines().last().unwrap().to_owned()
}

#[test]
fn no_device_is_lost_or_given_twice_wherever_the_agent_is_killed_while_it_gives_one() {
    let mut points = (1..20).map(survives);
    assert!(points.any(|name| name == "after the devices are written"), "never there");
}

#[test]
fn a_pod_whose_resource_no_plugin_has_fails_and_says_so() {
    let node = Node::with_testload();
    let manifest = Pod::new("worker").container(asks(Container::new("main", &["forever"]), 1)).build();
    let finished = node.run(&[manifest]).arg("--keep").start().finish(LIMIT);
    assert_eq!(finished.code, Some(1), "{finished:#?}");
    let message = &pod_of(&node, "worker")["status"]["message"];
    let expected = "Pod was rejected: Allocate failed due to cannot allocate unregistered device example.com/sample, which is unexpected";
    assert_eq!(message, expected);
}
