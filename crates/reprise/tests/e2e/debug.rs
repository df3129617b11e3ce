//! `reprise debug`: ephemeral containers of running Pods.

use std::io::{Read, Write};
use std::process::Stdio;

use reprise_testkit::image::{BUSYBOX_IMAGE, TestImage};
use reprise_testkit::{Node, TESTLOAD_IMAGE};
use serde_json::Value;

use crate::scene::{Scene, container, eventually, fails_once, pod};

fn worker(node: &Node) -> Value {
    let watcher = fails_once("watcher", "fail", "88").sidecar().restart_all_on(&[88]);
    pod(node, "worker").init(watcher).container(container("main", &["forever"])).build()
}

/// The status of the Pod's only ephemeral container.
fn ephemeral(scene: &Scene) -> Value {
    scene.pod()["status"]["ephemeralContainerStatuses"][0].clone()
}

#[test]
fn a_container_added_to_a_running_pod_sees_its_processes_and_is_not_started_again() {
    let node = Node::with_testload();
    let manifest = worker(&node);
    let mut scene = Scene::start(node, manifest);
    scene.wait_ready(0);
    let custom = scene.node.scratch().join("debug.yaml");
    let fields = "
workingDir: /made
args: [env, MOOD, cwd, processes, cat, /data/main, forever]
env: [{name: MOOD, value: curious}]
volumeMounts: [{name: data, mountPath: /data}]
securityContext: {windowsOptions: {runAsUserName: u}}
";
    std::fs::write(&custom, fields).unwrap();
    let debug = |image: &str, target: &str| {
        let custom = custom.to_str().unwrap();
        scene.node.verb(&["debug", "worker", "--image", image, "-c", "look", "--target", target, "--custom", custom])
    };
    assert!(debug(TESTLOAD_IMAGE, "none").stderr.contains("targetContainerName: Not found: \"none\""));
    let added = debug(TESTLOAD_IMAGE, "main").ok();
    assert_eq!(added.stdout, "container look was added to default/worker\n");
    let warning =
        "Warning: spec.ephemeralContainers[0].securityContext.windowsOptions: not supported yet: the node runs Linux\n";
    assert!(added.stderr.contains(warning), "{added:?}");
    assert_eq!(debug(TESTLOAD_IMAGE, "main").code, Some(0), "asking for the same again changes nothing");
    let changed = debug("other:1", "main");
    assert!(changed.stderr.contains("existing ephemeral containers \"look\" may not be changed"), "{changed:?}");

    let seen = eventually("it has looked", || {
        Some(scene.node.logs("worker", "look", false)).filter(|log| log.ends_with("\n1\n"))
    });
    assert!(seen.starts_with("MOOD=curious\n/made\n1 testload\n"), "main is the first process it sees: {seen}");
    let namespaces = |container: &str| scene.node.exec("worker", container, &["/testload", "namespaces"]).ok().stdout;
    let of = |text: &str, name: &str| text.lines().find(|l| l.starts_with(name)).unwrap().to_owned();
    let (look, main) = (namespaces("look"), namespaces("main"));
    assert_eq!((of(&look, "pid "), of(&look, "net ")), (of(&main, "pid "), of(&main, "net ")));
    assert_ne!(of(&look, "mnt "), of(&main, "mnt "));

    scene.signal("fail");
    scene.wait_restarted(1);
    let ended = ephemeral(&scene);
    assert_eq!(ended["state"]["terminated"]["exitCode"], 137, "killed with the others: {ended:#}");
    assert_eq!(
        (&ended["state"]["terminated"]["reason"], &ended["restartCount"]),
        (&"RestartAllContainers".into(), &0.into())
    );
}

#[test]
fn a_container_is_added_and_attached_to_in_one_go() {
    let node = Node::with_testload();
    node.import(&TestImage::busybox().unwrap());
    let manifest = worker(&node);
    let mut scene = Scene::start(node, manifest);
    scene.wait_ready(0);
    let mut command = scene.node.command();
    let script = "read line; echo got $line; exit 3";
    command.args(["debug", "-i", "worker", "--image", BUSYBOX_IMAGE, "--", "/bin/sh", "-c", script]);
    let mut debug = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    debug.stdin.take().unwrap().write_all(b"it\n").unwrap();
    let mut out = String::new();
    debug.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    debug.wait().unwrap();
    assert_eq!(out, "got it\n");
    let ended = eventually("its end is seen", || {
        Some(ephemeral(&scene)).filter(|status| status["state"]["terminated"].is_object())
    });
    assert_eq!(ended["state"]["terminated"]["exitCode"], 3);
    assert!(ended["name"].as_str().unwrap().starts_with("debugger-"), "{ended:#}");
    let unknown = scene.node.verb(&["debug", "worker", "--image", "not.there/x:1"]);
    assert!(unknown.stderr.contains("does not start yet: ErrImagePull"), "{unknown:?}");
}
