//! What Pods are given of the machine: cgroups, admission, limits of their storage, kernel parameters.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use reprise_testkit::manifest::{Container, Pod};
use reprise_testkit::{Node, RunCommand};
use serde_json::{Value, json};

use crate::scene::{LIMIT, container, ctl, eventually, fails_once, pod};

fn with_config(node: &Node, manifests: &[Value], settings: &str) -> RunCommand {
    let file = node.scratch().join("kubelet.yaml");
    let head = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n";
    fs::write(&file, format!("{head}{settings}")).unwrap();
    node.run(manifests).arg("--config").arg(file).arg("--events")
}

fn asking(name: &str, steps: &[&str], resources: Value) -> Container {
    Container::new(name, steps).field("resources", resources)
}

fn is_v2() -> bool {
    Path::new("/sys/fs/cgroup/cgroup.controllers").exists()
}

/// The folder of a Pod's cgroup in the hierarchy of `controller`.
fn cgroup(controller: &str, uid: &str) -> Option<PathBuf> {
    let root = Path::new("/sys/fs/cgroup");
    let root = if is_v2() { root.to_owned() } else { root.join(controller) };
    let nodes = fs::read_dir(root).unwrap().flatten().map(|entry| entry.path());
    let ours = nodes.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("reprise-"));
    let classes = ours.flat_map(|path| ["", "burstable", "besteffort"].map(|class| path.join("kubepods").join(class)));
    classes.map(|path| path.join(format!("pod{uid}"))).find(|path| path.exists())
}

/// What is set, by the name of the file in version 1 or 2.
fn setting(uid: &str, controller: &str, file_v1: &str, file_v2: &str) -> String {
    let folder = cgroup(controller, uid).unwrap_or_else(|| panic!("no cgroup of {uid}"));
    fs::read_to_string(folder.join(if is_v2() { file_v2 } else { file_v1 })).unwrap().trim().to_owned()
}

fn class_of(uid: &str) -> String {
    let folder = cgroup("cpu", uid).unwrap_or_else(|| panic!("no cgroup of {uid}"));
    folder.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned()
}

fn by_version(v1: &str, v2: &str) -> String {
    if is_v2() { v2.to_owned() } else { v1.to_owned() }
}

#[test]
fn pods_have_the_kubelet_s_cgroups_over_a_restart_and_a_crash_of_the_agent() {
    let node = Node::with_testload();
    let half = json!({"limits": {"cpu": "500m", "memory": "64Mi"}});
    let guaranteed = pod(&node, "guaranteed")
        .init(container("sidecar", &["forever"]).sidecar().field("resources", half.clone()))
        .container(fails_once("main", "go", "88").policy("Never").restart_all_on(&[88]).field("resources", half))
        .build();
    let burstable = |name| Pod::new(name).container(asking("c", &["forever"], json!({"requests": {"cpu": "250m"}})));
    let manifests = [
        guaranteed,
        burstable("b1").build(),
        burstable("b2").build(),
        Pod::new("besteffort").container(Container::new("c", &["forever"])).build(),
    ];
    let mut run = node.run(&manifests).arg("--keep").arg("--pod-pids-limit").arg("77").start();
    for _ in &manifests {
        run.wait_for("all Ready", LIMIT, |e| e.is("PodReady"));
    }
    let pods = node.verb(&["ps", "-o", "json"]).ok().json();
    let of = |name: &str| pods.as_array().unwrap().iter().find(|pod| pod["name"] == name).unwrap();
    let uid = |name: &str| of(name)["uid"].as_str().unwrap().to_owned();
    let (guaranteed, b1, besteffort) = (uid("guaranteed"), uid("b1"), uid("besteffort"));

    assert_eq!([class_of(&guaranteed), class_of(&b1), class_of(&besteffort)], ["kubepods", "burstable", "besteffort"]);
    assert_eq!(setting(&guaranteed, "cpu", "cpu.shares", "cpu.weight"), by_version("1024", "39"));
    assert_eq!(setting(&guaranteed, "cpu", "cpu.cfs_quota_us", "cpu.max"), by_version("100000", "100000 100000"));
    assert_eq!(setting(&guaranteed, "memory", "memory.limit_in_bytes", "memory.max"), (128 << 20).to_string());
    assert_eq!(setting(&b1, "cpu", "cpu.shares", "cpu.weight"), by_version("256", "10"));
    assert_eq!(setting(&b1, "cpu", "../cpu.shares", "../cpu.weight"), by_version("512", "20"));
    assert_eq!(setting(&besteffort, "cpu", "cpu.shares", "cpu.weight"), by_version("2", "1"));
    assert_eq!(setting(&besteffort, "pids", "pids.max", "pids.max"), "77");
    let status = &of("guaranteed")["status"];
    assert_eq!(status["containerStatuses"][0]["allocatedResources"], json!({"cpu": "500m", "memory": "64Mi"}));

    let inode = |uid: &str| fs::metadata(cgroup("memory", uid).unwrap()).unwrap().ino();
    let before = inode(&guaranteed);
    fs::write(ctl(&node).join("go"), "").unwrap();
    run.wait_for("Ready again", LIMIT, |e| e.is("PodReady") && e.epoch == 1);
    assert_eq!(inode(&guaranteed), before, "the Pod's cgroup was made anew");

    run.kill();
    assert_eq!(inode(&guaranteed), before);
    let _ = node.verb(&["rm", "b2"]).ok();
    assert_eq!(setting(&b1, "cpu", "../cpu.shares", "../cpu.weight"), by_version("256", "10"), "b2 still counts");
    let _ = node.verb(&["rm", "guaranteed", "b1", "besteffort"]).ok();
    assert_eq!(cgroup("cpu", &guaranteed), None);
}

#[test]
fn a_pod_for_which_there_is_no_room_fails_at_once_with_the_reason() {
    let node = Node::with_testload();
    let greedy = Pod::new("greedy").container(asking("c", &["forever"], json!({"requests": {"cpu": "1000"}}))).build();
    let finished = with_config(&node, &[greedy], "systemReserved: {cpu: 100m}\n").start().finish(LIMIT);
    assert_eq!((finished.code, finished.summary().pod("greedy").phase.as_str()), (Some(1), "Failed"));
    let refused = finished.all("PodRefused").next().unwrap();
    assert_eq!(refused.reason.as_deref(), Some("OutOfcpu"));
    let cpus = std::thread::available_parallelism().unwrap().get() * 1000 - 100;
    let message = format!("Node didn't have enough resource: cpu, requested: 1000000, used: 0, capacity: {cpus}");
    assert_eq!(refused.message.as_deref(), Some(message.as_str()));
    let event = finished.all("Event").next().unwrap();
    assert_eq!((event.reason.as_deref(), event.message.as_deref()), (Some("OutOfcpu"), Some(message.as_str())));
    assert!(finished.all("SandboxReady").next().is_none() && finished.summary().pod("greedy").containers.is_empty());
}

#[test]
fn a_pod_is_taken_on_when_another_has_gone_and_one_that_is_there_stays() {
    let node = Node::with_testload();
    let first = Pod::new("first").container(Container::new("c", &["forever"])).build();
    let second = Pod::new("second").container(Container::new("c", &["print", "hello"])).build();
    let one = "maxPods: 1\n";
    let mut run = with_config(&node, &[first.clone(), second.clone()], one).arg("--keep").start();
    let refused = run.wait_for("no room", LIMIT, |e| e.is("PodRefused"));
    assert_eq!((refused.pod.as_str(), refused.reason.as_deref()), ("default/second", Some("OutOfpods")));
    run.wait_for("it runs", LIMIT, |e| e.is("ContainerStarted"));
    drop(run.interrupt(LIMIT));
    let pods = node.verb(&["ps", "-o", "json"]).ok().json();
    let status = pods.as_array().unwrap().iter().find(|pod| pod["name"] == "second").unwrap()["status"].clone();
    let message = "Pod was rejected: Node didn't have enough resource: pods, requested: 1, used: 1, capacity: 1";
    assert_eq!((&status["phase"], &status["message"]), (&json!("Failed"), &json!(message)));

    // With less room than it takes, what runs goes on.
    let mut run = with_config(&node, &[first], "maxPods: 0\n").arg("--keep").start();
    run.wait_for_stderr("default/first is already here", LIMIT);
    drop(run.interrupt(LIMIT));
    assert!(node.exec("first", "c", &["/testload", "print", "alive"]).ok().stdout.contains("alive"));
    let _ = node.verb(&["rm", "first"]).ok();
    let finished = with_config(&node, &[second], one).start().finish(LIMIT);
    assert_eq!(finished.code, Some(0), "{finished:#?}");
}

#[test]
fn a_pod_that_uses_more_storage_than_it_may_is_evicted() {
    let node = Node::with_testload();
    // Less than the kernel's limit for one argument, several times.
    let (line, block) = ("x".repeat(400), "x".repeat(100_000));
    let limit = json!({"limits": {"ephemeral-storage": "256Ki"}});
    // Neither the log nor the files are too much alone.
    let mut steps = vec!["print-lines", "500", &line, "write", "/1", &block, "write", "/2", &block];
    steps.extend(["ignore-term", "forever"]);
    let own = Pod::new("own").container(asking("c", &steps, limit.clone()));
    let files = ["1", "2", "3", "4"].map(|name| format!("/v/{name}"));
    let writes = files.iter().flat_map(|file| ["write", file.as_str(), block.as_str()]);
    let steps: Vec<&str> = writes.chain(["ignore-term", "forever"]).collect();
    let volume = Pod::new("volume")
        .volume(json!({"name": "v", "emptyDir": {"sizeLimit": "256Ki"}}))
        .container(Container::new("c", &steps).mount("v", "/v"));
    let modest = Pod::new("modest").container(asking("c", &["wait-file", "/ctl/go"], limit).mount("ctl", "/ctl"));
    fs::create_dir_all(ctl(&node)).unwrap();
    let manifests = [own.build(), volume.build(), modest.host_path("ctl", &ctl(&node)).build()];
    let mut run = node.run(&manifests).arg("--events").start();
    for _ in 0..2 {
        let failed = run.wait_for("two evictions", LIMIT, |e| e.is("PodFailed"));
        let message = match failed.pod.as_str() {
            "default/own" => "Pod ephemeral local storage usage exceeds the total limit of containers 256Ki. ",
            _ => "Usage of EmptyDir volume \"v\" exceeds the limit \"256Ki\". ",
        };
        assert_eq!((failed.reason.as_deref(), failed.message.as_deref()), (Some("Evicted"), Some(message)));
    }
    fs::write(ctl(&node).join("go"), "").unwrap();
    let finished = run.finish(LIMIT);
    let phase = |name| finished.summary().pod(name).phase.clone();
    assert_eq!([phase("own"), phase("volume"), phase("modest")], ["Failed", "Failed", "Succeeded"]);
    assert_eq!(finished.code, Some(1));
    assert!(finished.all("Event").any(|event| event.reason.as_deref() == Some("Evicted")));
}

#[test]
fn a_sysctl_that_is_not_safe_needs_the_node_s_leave() {
    let node = Node::with_testload();
    let manifest = Pod::new("p")
        .spec("securityContext", json!({"sysctls": [{"name": "net.core.somaxconn", "value": "77"}]}))
        .container(Container::new("c", &["cat", "/proc/sys/net/core/somaxconn", "forever"]))
        .build();
    let finished = node.run(std::slice::from_ref(&manifest)).start().finish(LIMIT);
    let refused = finished.all("PodRefused").next().unwrap();
    assert_eq!((finished.code, refused.reason.as_deref()), (Some(1), Some("SysctlForbidden")));
    assert_eq!(refused.message.as_deref(), Some("forbidden sysctl: \"net.core.somaxconn\" not allowlisted"));
    let mut run = with_config(&node, &[manifest], "allowedUnsafeSysctls: [net.core.*]\n").start();
    run.wait_for("it runs", LIMIT, |e| e.is("ContainerStarted"));
    let said = || Some(node.logs("p", "c", false)).filter(|log| !log.is_empty());
    assert_eq!(eventually("it has printed", said).trim(), "77");
    drop(run.interrupt(LIMIT));
}
