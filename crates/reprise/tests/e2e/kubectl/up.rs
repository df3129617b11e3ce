//! What `up` does by itself: the manifests of a folder, and Pods that go on without it until `down`.

use std::fs;

use reprise_testkit::Node;

use super::cluster::{Cluster, Release};
use super::pods::{SLEEP, run};
use crate::scene::eventually;

fn map(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: team}}\ndata: {{value: {value}}}\n")
}

#[test]
fn manifests_of_a_folder_are_applied_whenever_they_change() {
    let node = Node::new();
    let folder = node.scratch().join("manifests");
    fs::create_dir(&folder).unwrap();
    let write = |file: &str, text: &str| fs::write(folder.join(file), text).unwrap();
    // By name the first needs the second.
    write("a.yaml", &map("first", "one"));
    write("team.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: team}\n");
    let arguments = ["--no-node", "--manifests", folder.to_str().unwrap()];
    let cluster = Cluster::start(Release::Newer, node, &arguments);
    let value = |name: &str| {
        let answer = cluster.kubectl(&["get", "cm", name, "-n", "team", "-o", "jsonpath={.data.value}"]);
        (answer.code == Some(0)).then_some(answer.stdout)
    };
    let becomes = |name: &str, wanted: &str| {
        eventually(&format!("{name} is {wanted}"), || value(name).filter(|value| value == wanted));
    };
    becomes("first", "one");

    write("a.yaml", &map("first", "two"));
    becomes("first", "two");
    // What can't be read holds up nothing else, and is applied when it can.
    write("b.yaml", "apiVersion: v1\nkind: Nonsense\n");
    write("c.yaml", &map("third", "one"));
    becomes("third", "one");
    write("b.yaml", &map("second", "one"));
    becomes("second", "one");
    // As editors and deployments do it.
    fs::write(folder.join("c.yaml.new"), map("third", "two")).unwrap();
    fs::rename(folder.join("c.yaml.new"), folder.join("c.yaml")).unwrap();
    becomes("third", "two");

    // Objects outlive their files.
    fs::remove_file(folder.join("c.yaml")).unwrap();
    write("a.yaml", &map("first", "three"));
    becomes("first", "three");
    assert_eq!(value("third").as_deref(), Some("two"));
}

#[test]
fn pods_go_on_without_up_until_they_are_taken_down() {
    let mut cluster = Cluster::with_node(Release::Newer);
    run(&cluster, "p", SLEEP);
    let uid = cluster.field("pod/p", ".metadata.uid");
    let programs = |node: &Node| -> Vec<i32> {
        node.processes()
            .iter()
            .filter(|process| process.command.contains("trap exit"))
            .map(|process| process.pid)
            .collect()
    };
    let before = programs(&cluster.node);
    assert_eq!(before.len(), 1);
    cluster.interrupt(|node| assert_eq!(programs(node), before));
    let refused = cluster.node.verb(&["down"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("an agent runs on"), "{refused:?}");
    assert_eq!(programs(&cluster.node), before, "an `up` that starts again takes Pods over as they are");

    cluster.interrupt(|node| {
        let down = node.verb(&["down", "--grace-period", "1"]).ok();
        assert!(down.stdout.contains("default/p ended"), "{down:?}");
        assert!(programs(node).is_empty());
    });
    eventually("the Pod runs again, as its object was kept", || (programs(&cluster.node).len() == 1).then_some(()));
    assert_eq!(cluster.field("pod/p", ".metadata.uid"), uid);
    cluster.ok(&["delete", "pod", "p", "--now"]);
}
