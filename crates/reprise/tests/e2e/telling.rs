//! What a run says and how it ends.

use std::io::Write;
use std::process::Stdio;

use reprise_testkit::Node;
use reprise_testkit::manifest::{Container, Pod};
use serde_json::Value;

use crate::scene::{LIMIT, container, pod};

fn simple(name: &str, steps: &[&str]) -> Pod {
    Pod::new(name).container(Container::new("main", steps))
}

#[test]
fn people_see_logs_with_pod_and_container_the_timeline_and_a_summary() {
    let node = Node::with_testload();
    let file = node.scratch().join("pod.json");
    std::fs::write(&file, simple("talker", &["print", "hello", "eprint", "oh", "exit", "3"]).build().to_string())
        .unwrap();
    let output = node.command().arg("run").arg(&file).output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stdout}");
    let place = |text: &str| stdout.find(text).unwrap_or_else(|| panic!("no {text:?} in:\n{stdout}"));
    assert!(place("talker main | hello\n") < place("main exited with code 3"), "{stdout}");
    assert!(place("talker main | oh\n") < place("Pod failed"), "{stdout}");
    assert!(place("Pod failed") < place("default/talker: Failed\n  main: 0 restarts, exit code 3"), "{stdout}");
}

#[test]
fn every_line_of_json_has_its_fields_and_the_last_is_the_summary() {
    let node = Node::with_testload();
    let file = node.scratch().join("pod.json");
    let trigger = container("main", &["exit-if", "/data/main", "eq", "1", "88"]).policy("Never").restart_all_on(&[88]);
    std::fs::write(&file, pod(&node, "worker").container(trigger).build().to_string()).unwrap();
    let output = node.command().args(["run", "-o", "json"]).arg(&file).output().unwrap();
    let lines: Vec<Value> = output
        .stdout
        .split(|b| *b == b'\n')
        .filter(|l| !l.is_empty())
        .map(|l| serde_json::from_slice(l).unwrap())
        .collect();
    let (summary, events) = lines.split_last().unwrap();
    for event in events {
        let time = event["time"].as_str().unwrap();
        assert_eq!(time.len(), "2026-01-02T03:04:05.123456Z".len(), "microseconds: {event}");
        assert!(event["pod"] == "default/worker" && event["uid"] == summary["pods"][0]["uid"], "{event}");
        assert!(event["epoch"].is_u64(), "{event}");
    }
    let of =
        |name: &str| events.iter().find(|e| e["event"] == name).unwrap_or_else(|| panic!("no {name}: {events:#?}"));
    let stepped = of("RestartStepped");
    assert_eq!(
        (&stepped["container"], &stepped["exitCode"], &stepped["rule"]),
        (&"main".into(), &88.into(), &0.into())
    );
    let message = "container \"main\" exited with code 88, matching restartPolicyRules[0]";
    assert_eq!(stepped["message"], message);
    assert_eq!((&of("ContainerExited")["exitCode"], &of("ContainerExited")["rule"]), (&88.into(), &0.into()));
    assert!(of("SandboxReady")["ip"].is_string() && of("SandboxReady")["sandbox"].is_string());
    for name in ["PodAdmitted", "ContainerStarted", "PodSucceeded"] {
        of(name);
    }
    for name in ["RestartStepped", "ContainersKilled", "ContainersRemoved"] {
        assert!(of(name)["sinceTriggerMs"].as_f64().is_some_and(|ms| ms >= 0.0), "{}", of(name));
    }
    assert_eq!((&summary["event"], &summary["pods"][0]["steps"][0]["epoch"]), (&"Summary".into(), &1.into()));
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_run_fails_if_one_of_its_pods_does() {
    let node = Node::with_testload();
    let finished =
        node.run(&[simple("good", &[]).build(), simple("bad", &["exit", "1"]).build()]).start().finish(LIMIT);
    assert_eq!(finished.code, Some(1));
    let phase = |name: &str| finished.summary().pod(name).phase.clone();
    assert_eq!((phase("good").as_str(), phase("bad").as_str()), ("Succeeded", "Failed"));
}

#[test]
fn manifests_come_from_folders_and_standard_input_too() {
    let node = Node::with_testload();
    let folder = node.scratch().join("manifests");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("a.json"), simple("a", &[]).build().to_string()).unwrap();
    std::fs::write(folder.join("b.yml"), format!("---\n{}\n---\n", simple("b", &[]).build())).unwrap();
    let mut child = node
        .command()
        .args(["run", "-o", "json", "-"])
        .arg(&folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let list = serde_json::json!({ "apiVersion": "v1", "kind": "List", "items": [simple("c", &[]).build()] });
    child.stdin.take().unwrap().write_all(list.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let summary: Value = serde_json::from_str(stdout.lines().last().unwrap()).unwrap();
    let mut names: Vec<&str> = summary["pods"].as_array().unwrap().iter().map(|p| p["pod"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!((names.as_slice(), output.status.code()), (["default/a", "default/b", "default/c"].as_slice(), Some(0)));
}

#[test]
fn a_run_whose_reader_is_gone_still_removes_its_pods() {
    let node = Node::with_testload();
    let file = node.scratch().join("pod.json");
    std::fs::write(&file, simple("talker", &["tick", "200", "20", "line"]).build().to_string()).unwrap();
    let mut child = node.command().arg("run").arg(&file).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(node.verb(&["ps", "-o", "json"]).ok().json(), serde_json::json!([]));
}

#[test]
fn a_pod_outside_the_usual_namespace_is_named_with_it() {
    let node = Node::with_testload();
    let mut manifest = simple("p", &["print", "hello"]).build();
    manifest["metadata"]["namespace"] = "team".into();
    let finished = node.run(&[manifest]).arg("--keep").start().finish(LIMIT);
    assert_eq!(finished.summary().pod("team/p").phase, "Succeeded");
    assert_eq!(node.logs("team/p", "main", false), "hello\n");
    assert_eq!(node.verb(&["logs", "p"]).code, Some(1));
}
