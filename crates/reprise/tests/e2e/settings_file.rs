//! Settings in the kubelet's format, and what the program says about its own work.

use std::path::PathBuf;

use reprise_testkit::Node;
use reprise_testkit::manifest::{Container, Pod};
use serde_json::Value;

fn files(node: &Node, settings: &str) -> (PathBuf, PathBuf) {
    let (config, manifest) = (node.scratch().join("kubelet.yaml"), node.scratch().join("pod.json"));
    let head = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n";
    std::fs::write(&config, format!("{head}{settings}")).unwrap();
    let pod = Pod::new("p").container(Container::new("main", &["print", "hello"]));
    std::fs::write(&manifest, pod.build().to_string()).unwrap();
    (config, manifest)
}

#[test]
fn a_field_without_meaning_is_named_and_the_pods_run() {
    let node = Node::with_testload();
    let (config, manifest) = files(&node, "podsPerCore: 50\npodPidsLimit: 100\n");
    let log = ["--log-level", "info", "--log-format", "json"];
    let output = node.command().arg("--config").arg(&config).args(log).arg("run").arg(&manifest).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(stderr.contains("kubelet.yaml: podsPerCore: not supported: it changes nothing\n"), "{stderr}");
    let lines = stderr.lines().filter(|line| line.starts_with('{'));
    let said: Vec<Value> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |event: &str| said.iter().any(|line| line["event"] == event && line["pod"] == "default/p");
    assert!(of("PodAdmitted") && of("PodSucceeded"), "{stderr}");
}

#[test]
fn a_wrong_value_is_bad_input_with_file_field_and_value() {
    let node = Node::new();
    let (config, manifest) = files(&node, "port: 70000\n");
    let output = node.command().arg("--config").arg(&config).arg("run").arg(&manifest).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("kubelet.yaml: port: Invalid value: 70000"), "{stderr}");
}
