//! Probes and lifecycle hooks of real containers. grpc probes are tried in the node's own tests, with a server there.

use reprise_testkit::event::Event;
use reprise_testkit::manifest::Pod;
use reprise_testkit::{Node, Runtime};
use serde_json::{Value, json};

use crate::scene::{LIMIT, Scene, container, ctl, eventually, fails_once, last, pod, status};

on_each_runtime!(
    a_container_has_started_when_its_port_is_open_and_restarts_when_a_command_in_it_fails,
    hooks_run_after_the_start_and_before_sigterm,
    a_restart_in_place_runs_the_start_hook_again_not_the_stop_hook_and_readiness_begins_anew,
);

on_newer_containerd!(a_restart_in_place_runs_the_start_hook_again_not_the_stop_hook_and_readiness_begins_anew);

/// A probe that runs every second and acts on its first failure.
fn probe(handler: Value) -> Value {
    let mut probe = handler;
    probe["periodSeconds"] = json!(1);
    probe["failureThreshold"] = json!(1);
    probe
}

fn exec(steps: &[&str]) -> Value {
    let command = [&["/testload"], steps].concat();
    json!({"exec": {"command": command}})
}

/// Passes while `/ctl/<file>` is there.
fn http(port: Value, file: &str) -> Value {
    json!({"httpGet": {"port": port, "path": format!("/exists/ctl/{file}")}})
}

fn start(node: Node, pod: Pod) -> Scene {
    Scene::start_with(node, pod.build(), &["--events"])
}

/// Waits for a Kubernetes Event.
fn event(scene: &mut Scene, reason: &str) -> String {
    let wanted = |e: &Event| e.is("Event") && e.reason.as_deref() == Some(reason);
    scene.run.wait_for(reason, LIMIT, wanted).message.unwrap()
}

fn is_ready(scene: &Scene) -> bool {
    let pod = scene.pod();
    pod["status"]["conditions"].as_array().unwrap().iter().any(|c| c["type"] == "Ready" && c["status"] == "True")
}

/// The lines that hooks and containers have left in `/ctl/notes`.
fn notes(node: &Node) -> Vec<String> {
    let text = std::fs::read_to_string(ctl(node).join("notes")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn readiness_follows_what_a_server_in_the_pod_answers() {
    let node = Node::with_testload();
    let main = container("main", &["serve", "8080", "forever"])
        .field("ports", json!([{"name": "web", "containerPort": 8080}]))
        .field("readinessProbe", probe(http(json!("web"), "ready")));
    let pod = pod(&node, "worker").container(main);
    let mut scene = start(node, pod);
    let wanted =
        |e: &Event| e.message.as_deref() == Some("Readiness probe failed: HTTP probe failed with statuscode: 503");
    scene.run.wait_for("the probe to fail", LIMIT, wanted);
    assert!(!is_ready(&scene) && status(&scene.pod(), "main")["started"] == true);
    scene.signal("ready");
    scene.wait_ready(0);
    std::fs::remove_file(ctl(&scene.node).join("ready")).unwrap();
    eventually("it is not ready any more", || (!is_ready(&scene)).then_some(()));
    assert_eq!(last(&scene.pod(), "main"), (0, None));
}

fn a_container_has_started_when_its_port_is_open_and_restarts_when_a_command_in_it_fails(runtime: Runtime) {
    let node = Node::with_testload_on(runtime);
    let main = container("main", &["wait-file", "/ctl/open", "serve", "8080", "forever"])
        .field("startupProbe", json!({"tcpSocket": {"port": 8080}, "periodSeconds": 1, "failureThreshold": 100}))
        .field("livenessProbe", probe(exec(&["exit-if", "/data/main", "eq", "1", "1"])))
        .policy("Always");
    let pod = pod(&node, "worker").container(main);
    let mut scene = start(node, pod);
    let refused = event(&mut scene, "Unhealthy");
    assert!(refused.starts_with("Startup probe failed: dial tcp 10.213."), "{refused}");
    assert!(refused.ends_with(":8080: connect: connection refused"), "{refused}");
    assert_eq!(status(&scene.pod(), "main")["started"], false);
    scene.signal("open");
    assert_eq!(event(&mut scene, "Killing"), "Container main failed liveness probe, will be restarted");
    let started = |e: &Event| e.is_of("ContainerStarted", "main");
    scene.run.wait_for("its second run", LIMIT, started);
    eventually("it has started again", || (status(&scene.pod(), "main")["started"] == true).then_some(()));
    assert_eq!(last(&scene.pod(), "main"), (1, Some((143, "Error".to_owned()))));
}

fn hooks_run_after_the_start_and_before_sigterm(runtime: Runtime) {
    let node = Node::with_testload_on(runtime);
    let main = container("main", &["on-term-append", "/ctl/notes", "SIGTERM", "forever"]).field(
        "lifecycle",
        json!({
            "postStart": exec(&["append", "/ctl/notes", "postStart"]),
            "preStop": exec(&["append", "/ctl/notes", "preStop"]),
        }),
    );
    let pod = pod(&node, "worker").container(main);
    let mut scene = start(node, pod);
    scene.wait_ready(0);
    assert_eq!(notes(&scene.node), ["postStart"]);
    let Scene { run, node } = scene;
    drop(run.interrupt(LIMIT));
    assert_eq!(notes(&node), ["postStart", "preStop", "SIGTERM"]);
}

#[test]
fn hooks_can_ask_a_server_or_sleep() {
    let node = Node::with_testload();
    let server = container("server", &["serve", "8080", "forever"])
        .field("startupProbe", json!({"tcpSocket": {"port": 8080}, "periodSeconds": 1, "failureThreshold": 100}))
        .sidecar();
    let hooks = json!({"postStart": {"httpGet": {"port": 8080}}, "preStop": {"sleep": {"seconds": 1}}});
    let main = container("main", &["forever"]).field("lifecycle", hooks);
    let pod = pod(&node, "worker").spec("terminationGracePeriodSeconds", json!(20)).init(server).container(main);
    let mut scene = start(node, pod);
    scene.wait_ready(0);
    let finished = scene.run.interrupt(LIMIT);
    let killing = finished.events.iter().find(|e| e.reason.as_deref() == Some("Killing")).unwrap();
    let exited = finished.events.iter().find(|e| e.is_of("ContainerExited", "main")).unwrap();
    assert_eq!(exited.exit_code, Some(143));
    assert!(exited.time.duration_since(killing.time).as_secs_f64() >= 1.0, "SIGTERM came before the hook was done");
}

#[test]
fn a_post_start_hook_that_fails_ends_its_container() {
    let node = Node::with_testload();
    let main = container("main", &["forever"]).field("lifecycle", json!({"postStart": {"httpGet": {"port": 1}}}));
    let pod = pod(&node, "worker").container(main);
    let mut scene = start(node, pod);
    let condemned = scene.run.wait_for("the failure", LIMIT, |e| e.is_of("ContainerCondemned", "main"));
    let message = condemned.message.unwrap();
    assert!(message.starts_with("PostStartHook failed: Get \"http://10.213."), "{message}");
    let finished = scene.run.finish(LIMIT);
    assert_eq!((finished.code, finished.summary().pod("worker").phase.as_str()), (Some(1), "Failed"));
    assert!(finished.events.iter().any(|e| e.reason.as_deref() == Some("FailedPostStartHook")));
}

fn a_restart_in_place_runs_the_start_hook_again_not_the_stop_hook_and_readiness_begins_anew(runtime: Runtime) {
    let node = Node::with_testload_on(runtime);
    let main = container("main", &["on-term-append", "/ctl/notes", "SIGTERM", "forever"])
        .field("readinessProbe", probe(exec(&["exit-if-missing", "/ctl/ready", "1"])))
        .field(
            "lifecycle",
            json!({
                "postStart": exec(&["append", "/ctl/notes", "postStart"]),
                "preStop": exec(&["append", "/ctl/notes", "preStop"]),
            }),
        );
    let watcher = fails_once("watcher", "fail", "88").sidecar().restart_all_on(&[88]);
    let pod = pod(&node, "worker").init(watcher).container(main);
    let mut scene = start(node, pod);
    scene.signal("ready");
    scene.wait_ready(0);
    std::fs::remove_file(ctl(&scene.node).join("ready")).unwrap();
    scene.signal("fail");
    scene.run.wait_for("main again", LIMIT, |e| e.is_of("ContainerStarted", "main") && e.epoch == 1);
    assert!(event(&mut scene, "Unhealthy").starts_with("Readiness probe failed"));
    assert!(!is_ready(&scene));
    scene.signal("ready");
    scene.wait_restarted(1);
    assert_eq!(notes(&scene.node), ["postStart", "postStart"]);
}

#[test]
fn a_post_start_hook_during_which_the_agent_is_killed_is_run_again() {
    let node = Node::with_testload();
    let hook = exec(&["count", "/data/hooks", "wait-file", "/ctl/go"]);
    let main = container("main", &["forever"]).field("lifecycle", json!({"postStart": hook}));
    let manifest = pod(&node, "worker").container(main).build();
    let mut run = node.run(std::slice::from_ref(&manifest)).start();
    run.wait_for("main", LIMIT, |e| e.is_of("ContainerStarted", "main"));
    let pods = node.verb(&["ps", "-o", "json"]).ok().json();
    let data = node
        .data_dir()
        .join("pods")
        .join(pods[0]["uid"].as_str().unwrap())
        .join("volumes/kubernetes.io~empty-dir/data");
    let hooks = || std::fs::read_to_string(data.join("hooks")).ok();
    eventually("the hook runs", || hooks().filter(|count| count == "1\n"));
    run.kill();
    let mut scene = Scene { run: node.run(&[manifest]).start(), node };
    eventually("the hook runs again", || hooks().filter(|count| count == "2\n"));
    assert!(!is_ready(&scene));
    scene.signal("go");
    scene.wait_ready(0);
    assert_eq!(last(&scene.pod(), "main"), (0, None));
}
