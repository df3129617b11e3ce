//! What a node does for itself: logs are rotated, images and what is nobody's are removed.

use std::collections::BTreeSet;
use std::path::PathBuf;

use reprise_testkit::image::TestImage;
use reprise_testkit::manifest::Container;
use reprise_testkit::{Node, Runtime, TESTLOAD_IMAGE};

use crate::scene::{LIMIT, Scene, container, ctl, eventually, pod};

on_each_runtime!(a_log_that_grows_is_rotated_and_still_read_as_a_whole);

/// A `KubeletConfiguration` with these fields.
pub fn config(node: &Node, fields: &str) -> PathBuf {
    let path = node.scratch().join("kubelet.yaml");
    let head = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n";
    std::fs::write(&path, format!("{head}{fields}")).unwrap();
    path
}

fn names_in(folder: &std::path::Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn a_log_that_grows_is_rotated_and_still_read_as_a_whole(runtime: Runtime) {
    let node = Node::with_testload_on(runtime);
    let config =
        config(&node, "containerLogMaxSize: 64Ki\ncontainerLogMaxFiles: 20\ncontainerLogMonitorInterval: 3s\n");
    let steps = ["print-lines", "3000", "a", "wait-file", "/ctl/b", "print-lines", "3000", "b"];
    let steps = [&steps[..], &["wait-file", "/ctl/c", "print-lines", "3000", "c", "forever"]].concat();
    let chatty = pod(&node, "chatty").container(Container::new("main", &steps).mount("ctl", "/ctl")).build();
    let mut scene = Scene::start_with(node, chatty, &["--config", config.to_str().unwrap()]);
    scene.run.wait_for("the container", LIMIT, |e| e.is("ContainerStarted"));
    let uid = scene.pod()["uid"].as_str().unwrap().to_owned();
    let folder = scene.node.data_dir().join(format!("logs/pods/default_chatty_{uid}/main"));
    // What is being compressed is there twice for a moment, and on a busy machine a rotation may come amid the lines.
    let parts = || {
        let names = names_in(&folder).into_iter().filter(|name| !name.ends_with(".tmp"));
        names.map(|name| name.trim_end_matches(".gz").to_owned()).collect::<BTreeSet<_>>().len()
    };
    let rotated = |to: usize| eventually("the log is rotated", || (parts() > to).then_some(()));
    rotated(1);
    for more in ["b", "c"] {
        let before = parts();
        scene.signal(more);
        rotated(before);
    }
    let compressed = names_in(&folder).iter().filter(|name| name.ends_with(".gz")).count();
    assert!(compressed >= 2, "{:?}", names_in(&folder));
    let text = scene.node.logs("chatty", "main", false);
    let printed = ["a", "b", "c"].into_iter().flat_map(|text| (1..=3000).map(move |n| format!("{text} {n}")));
    assert!(text.lines().eq(printed), "{} lines, not all in the order they were printed", text.lines().count());
}

/// No disk is empty: above 1 % it counts as full, and 0 % can't be reached.
#[test]
fn images_that_nobody_uses_go_when_the_disk_is_too_full() {
    let node = Node::with_testload();
    node.import(&TestImage::testload().unwrap().file("spare", 0o644, vec![7; 4096]).named("spare:1"));
    let fields = "imageGCHighThresholdPercent: 1\nimageGCLowThresholdPercent: 0\nimageMinimumGCAge: 0s\n";
    let config = config(&node, fields);
    let user = pod(&node, "user").container(container("main", &["forever"])).build();
    let arguments = ["--events", "--config", config.to_str().unwrap()];
    let mut scene = Scene::start_with(node, user, &arguments);
    scene.wait_ready(0);
    let told = scene.run.wait_for("the shortage", LIMIT, |e| e.reason.as_deref() == Some("FreeDiskSpaceFailed"));
    assert!(told.message.unwrap().starts_with("Failed to garbage collect required amount of images."));
    let images = scene.node.verb(&["image", "ls"]).ok().stdout;
    let name = TESTLOAD_IMAGE.split(':').next().unwrap();
    assert!(images.contains(name) && !images.contains("spare"), "{images}");
}

#[test]
fn what_is_left_of_a_pod_that_is_gone_is_cleared_away() {
    let node = Node::with_testload();
    let lost = pod(&node, "lost").container(Container::new("main", &["forever"])).build();
    let mut run = node.run(&[lost]).start();
    run.wait_for("Ready", LIMIT, |e| e.is("PodReady"));
    let uid = node.verb(&["ps", "-o", "json"]).ok().json()[0]["uid"].as_str().unwrap().to_owned();
    run.kill();
    // Its record is lost, and with it all that anybody knew of it.
    std::fs::remove_dir_all(node.data_dir().join("pods").join(&uid)).unwrap();
    let programs = |node: &Node| {
        let is_program = |command: &str| command.contains("/testload") && command.contains("forever");
        node.processes().iter().filter(|process| is_program(&process.command)).count()
    };
    assert_eq!(programs(&node), 1);
    let other = pod(&node, "other").container(Container::new("main", &["wait-file", "/ctl/end"]).mount("ctl", "/ctl"));
    let again = node.run(&[other.policy("Never").build()]).start();
    eventually("the lost container is gone", || (programs(&node) == 0).then_some(()));
    let logs = node.data_dir().join("logs/pods");
    eventually("its logs are gone", || (names_in(&logs).len() == 1).then_some(()));
    std::fs::write(ctl(&node).join("end"), "").unwrap();
    let finished = again.finish(LIMIT);
    assert_eq!(finished.summary().pod("other").phase, "Succeeded", "another Pod is left alone");
}
