//! Bad input ends the program with status 2 and one message per error, and nothing is started.

use std::path::PathBuf;

use reprise_testkit::manifest::{Container, Pod};
use reprise_testkit::{Answer, Node};
use serde_json::json;

const GOOD: &str = "
apiVersion: v1
kind: Pod
metadata: {name: good}
spec:
  containers: [{name: main, image: reprise.test/testload:1}]
";

fn file(node: &Node, name: &str, text: &str) -> PathBuf {
    let path = node.scratch().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// Runs these files; the program must refuse them and must not have made a node.
fn refused(node: &Node, arguments: &[&str], files: &[PathBuf]) -> Answer {
    let mut all: Vec<String> = ["run", "-o", "json"].iter().chain(arguments).map(ToString::to_string).collect();
    all.extend(files.iter().map(|file| file.display().to_string()));
    let answer = node.verb(&all);
    assert_eq!(answer.code, Some(2), "{answer:#?}");
    assert_eq!(answer.stdout, "", "only events and the summary belong on stdout");
    assert!(!node.data_dir().exists(), "a node was made: {answer:#?}");
    answer
}

#[test]
fn every_error_is_one_message_with_file_document_field_and_value() {
    let node = Node::new();
    let bad = format!(
        "{GOOD}---
apiVersion: v1
kind: Pod
metadata: {{name: Bad_Name}}
spec:
  restartPolicy: Sometimes
  containers:
  - name: main
    image: a
    restartPolicyRules:
    - action: Restart
      exitCodes: {{operator: In, values: [1]}}
  - name: other
    image: a
    restartPolicy: Never
    restartPolicyRules:
    - action: Explode
      exitCodes: {{operator: In, values: [1]}}
"
    );
    let answer = refused(&node, &[], &[file(&node, "pods.yaml", &bad)]);
    let message = |parts: &[&str]| {
        let found = answer.stderr.lines().any(|line| parts.iter().all(|part| line.contains(part)));
        assert!(found, "no message with {parts:?}: {}", answer.stderr);
    };
    message(&["pods.yaml", "document 2", "metadata.name", "\"Bad_Name\""]);
    message(&["pods.yaml", "document 2", "spec.restartPolicy", "Unsupported value: \"Sometimes\""]);
    message(&["document 2", "spec.containers[1].restartPolicyRules[0].action: Unsupported value: \"Explode\""]);
    message(&["document 2", "spec.containers[0].restartPolicy: Required value"]);
    assert!(!answer.stderr.contains("document 1"), "{}", answer.stderr);
}

#[test]
fn errors_of_all_files_are_told_at_once() {
    let node = Node::new();
    let files = [
        file(&node, "a.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: []}\n"),
        file(&node, "b.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: b}\nspec: {container: []}\n"),
        file(&node, "c.yaml", "a: [b\n"),
        file(&node, "d.yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n"),
    ];
    let stderr = refused(&node, &[], &files).stderr;
    for (file, text) in [
        ("a.yaml", "spec.containers: Required value"),
        ("b.yaml", "unknown field \"spec.container\""),
        ("c.yaml", "line"),
        ("d.yaml", "Deployment"),
    ] {
        assert!(stderr.lines().any(|line| line.contains(file) && line.contains(text)), "{file} {text}: {stderr}");
    }
}

#[test]
fn both_spellings_of_a_condition_are_an_error() {
    let node = Node::new();
    let both = json!({ "operator": "In", "values": [1] });
    let rule = json!({ "action": "Restart", "exitCodes": both, "onExit": { "exitCodes": both } });
    let main = Container::new("main", &[]).policy("Never").field("restartPolicyRules", json!([rule]));
    let manifest = Pod::new("p").container(main).build().to_string();
    let stderr = refused(&node, &[], &[file(&node, "p.json", &manifest)]).stderr;
    assert!(stderr.contains("spec.containers[0].restartPolicyRules[0].onExit"), "{stderr}");
}

#[test]
fn two_pods_of_one_name_are_an_error() {
    let node = Node::new();
    let stderr = refused(&node, &[], &[file(&node, "p.yaml", &format!("{GOOD}---{GOOD}"))]).stderr;
    assert!(stderr.contains("default/good") && stderr.contains("document 2"), "{stderr}");
}

#[test]
fn a_gate_that_is_off_takes_its_action_from_new_pods() {
    let node = Node::new();
    let main = Container::new("main", &[]).policy("Never").restart_all_on(&[3]);
    let file = file(&node, "p.json", &Pod::new("p").container(main).build().to_string());
    let stderr = refused(&node, &["--feature-gates", "RestartAllContainersOnContainerExits=false"], &[file]).stderr;
    assert!(stderr.contains("Unsupported value: \"RestartAllContainers\""), "{stderr}");
}

#[test]
fn flags_that_make_no_sense_say_what_does() {
    let node = Node::new();
    let good = file(&node, "good.yaml", GOOD);
    let flag = |name: &str, value: &str, says: &str| {
        let stderr = refused(&node, &[name, value], std::slice::from_ref(&good)).stderr;
        assert!(stderr.contains(says), "{name} {value}: {stderr}");
    };
    flag("--feature-gates", "Foo=true", "unknown feature gate \"Foo\"");
    flag("--subnet", "10.0.0.0/33", "10.0.0.0/33");
    flag("--restart-backoff", "5s", "5s");
    flag("--restart-backoff", "5m..10s", "5m..10s");
    flag("--bridge", "a-name-that-is-too-long", "a-name-that-is-too-long");
}

#[test]
fn files_that_can_not_be_read_and_folders_without_manifests_are_named() {
    let node = Node::new();
    let stderr = refused(&node, &[], &[node.scratch().join("missing.yaml")]).stderr;
    assert!(stderr.contains("missing.yaml"), "{stderr}");
    let folder = node.scratch().join("folder");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("notes.txt"), "").unwrap();
    let stderr = refused(&node, &[], &[folder]).stderr;
    assert!(stderr.contains("no .yaml, .yml or .json file"), "{stderr}");
}
