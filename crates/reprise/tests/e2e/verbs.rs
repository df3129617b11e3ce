//! The verbs that look at a node and change it, with a running agent and without one.

use std::time::{Duration, Instant};

use reprise_testkit::{Node, Run};
use serde_json::Value;

use crate::scene::{LIMIT, Scene, container, eventually, fails_once, pod, wait_counted};

fn ready(node: &Node, manifest: Value, arguments: &[&str]) -> Run {
    let command = arguments.iter().fold(node.run(&[manifest]), |command, argument| command.arg(argument));
    let mut run = command.start();
    run.wait_for("Ready", LIMIT, |e| e.is("PodReady"));
    wait_counted(node);
    run
}

/// A node with a Pod that was left running by a `run --keep` that has ended.
fn kept() -> Node {
    let node = Node::with_testload();
    let manifest = pod(&node, "worker")
        .container(container("main", &["print", "hello", "eprint", "trouble", "on-term", "7", "forever"]))
        .build();
    let finished = ready(&node, manifest, &["--keep"]).interrupt(LIMIT);
    assert_eq!(finished.code, Some(0), "{finished:#?}");
    assert!(
        finished.stderr.contains(&format!("{} ps", node.data_dir().display())),
        "not told how to find the Pod: {}",
        finished.stderr
    );
    node
}

fn pods(node: &Node) -> Value {
    node.verb(&["ps", "-o", "json"]).ok().json()
}

/// The words of the table's row about `pod`.
fn row(node: &Node, pod: &str) -> Vec<String> {
    let table = node.verb(&["ps"]).ok().stdout;
    let row = table.lines().find(|line| line.split_whitespace().nth(1) == Some(pod));
    row.unwrap_or_else(|| panic!("no row for {pod}:\n{table}")).split_whitespace().map(str::to_owned).collect()
}

#[test]
fn ps_shows_pods_as_kubectl_does() {
    let node = Node::with_testload();
    assert_eq!(pods(&node), serde_json::json!([]));
    let manifest = pod(&node, "worker")
        .init(container("proxy", &["forever"]).sidecar())
        .container(container("main", &["forever"]))
        .build();
    let run = ready(&node, manifest, &[]);
    let row = row(&node, "worker");
    assert_eq!(row[..6], ["default", "worker", "2/2", "Running", "0", "0"], "{row:?}");
    let pod = &pods(&node)[0];
    assert_eq!((pod["pod"].as_str(), pod["phase"].as_str()), (Some("default/worker"), Some("Running")));
    assert_eq!(pod["ip"].as_str(), Some(row[6].as_str()));
    assert_eq!(pod["ip"], pod["status"]["podIP"]);
    for field in ["uid", "sandbox"] {
        assert!(pod[field].as_str().is_some_and(|text| !text.is_empty()), "{field}: {pod:#}");
    }
    assert_eq!(pod["steps"], serde_json::json!([]));
    drop(run.interrupt(LIMIT));
    assert_eq!(pods(&node), serde_json::json!([]), "without --keep nothing is left");
}

#[test]
fn logs_are_told_as_the_api_tells_them() {
    let node = Node::with_testload();
    let manifest = pod(&node, "worker")
        .container(container("main", &["print", "hello", "print-bytes", "40000", "eprint", "trouble", "forever"]))
        .container(container("other", &["forever"]))
        .build();
    let run = ready(&node, manifest, &[]);
    let long = "x".repeat(40_000);
    let whole = || Some(node.verb(&["logs", "worker"]).ok()).filter(|answer| answer.stdout.ends_with("trouble\n"));
    let answer = eventually("all is logged", whole);
    assert_eq!(answer.stdout, format!("count 1\nhello\n{long}\ntrouble\n"));
    assert!(answer.stderr.contains("Defaulted container \"main\" out of: main, other"), "{}", answer.stderr);
    let fails = |arguments: &[&str], says: &str| {
        let answer = node.verb(arguments);
        assert!(answer.code == Some(1) && answer.stderr.contains(says), "{arguments:?}: {answer:#?}");
    };
    fails(&["logs", "nobody"], "there is no Pod default/nobody");
    fails(&["logs", "worker", "-c", "none"], "container none is not valid for pod worker");
    let previous = "previous terminated container \"main\" in pod \"worker\" not found";
    fails(&["logs", "worker", "-c", "main", "--previous"], previous);
    drop(run);
}

#[test]
fn logs_follow_a_container_to_its_end() {
    let node = Node::with_testload();
    let manifest = pod(&node, "worker")
        .container(container("main", &["print", "first", "wait-file", "/ctl/go", "tick", "3", "20", "line"]))
        .container(container("other", &["forever"]))
        .build();
    let run = ready(&node, manifest, &[]);
    let follow =
        node.command().args(["logs", "-f", "worker", "-c", "main"]).stdout(std::process::Stdio::piped()).spawn();
    let follow = follow.unwrap();
    std::fs::write(node.scratch().join("ctl/go"), "").unwrap();
    let output = follow.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "count 1\nfirst\nline 1\nline 2\nline 3\n");
    assert_eq!(output.status.code(), Some(0));
    drop(run);
}

fn exec_works(node: &Node) {
    let answer = node.exec("worker", "main", &["/testload", "print", "out", "eprint", "err", "exit", "9"]);
    assert_eq!((answer.code, answer.stdout.as_str()), (Some(9), "out\n"), "{answer:#?}");
    assert!(answer.stderr.lines().any(|line| line == "err"), "{answer:#?}");
    let answer = node.exec("default/worker", "main", &["/testload", "cat", "/data/main"]).ok();
    assert_eq!(answer.stdout, "1\n", "exec sees the container's files");
    let answer = node.exec("worker", "none", &["/testload"]);
    assert!(answer.code == Some(1) && answer.stderr.contains("none"), "{answer:#?}");
    let answer = node.exec("worker", "main", &["/missing"]);
    assert!(answer.code.is_some_and(|code| code != 0) && answer.stderr.contains("/missing"), "{answer:#?}");
}

#[test]
fn exec_runs_a_program_beside_the_container_s_own() {
    let node = Node::with_testload();
    let manifest = pod(&node, "worker").container(container("main", &["forever"])).build();
    let run = ready(&node, manifest, &[]);
    exec_works(&node);
    drop(run);
}

#[test]
fn what_a_run_kept_is_found_by_every_verb_without_an_agent() {
    let node = kept();
    assert_eq!(row(&node, "worker")[..4], ["default", "worker", "1/1", "Running"]);
    let answer = node.verb(&["ps"]).ok();
    assert!(answer.stderr.contains("no agent"), "not told that nobody looks after the Pod: {}", answer.stderr);
    let whole = || Some(node.logs("worker", "main", false)).filter(|log| log.ends_with("trouble\n"));
    assert_eq!(eventually("all is logged", whole), "count 1\nhello\ntrouble\n");
    exec_works(&node);
    assert_eq!(pods(&node)[0]["epoch"], 0);
    restart_works(&node);
    let gone = node.verb(&["rm", "worker"]).ok();
    assert!(gone.stdout.contains("default/worker"), "{gone:#?}");
    assert_eq!(pods(&node), serde_json::json!([]));
}

#[test]
fn a_run_finds_what_a_run_before_kept() {
    let node = kept();
    let before = pods(&node)[0].clone();
    let manifest = pod(&node, "worker")
        .container(container("main", &["print", "hello", "eprint", "trouble", "on-term", "7", "forever"]))
        .build();
    let mut run = node.run(&[manifest]).start();
    run.wait_for_stderr("already here", LIMIT);
    let now = pods(&node)[0].clone();
    assert_eq!((&now["uid"], &now["sandbox"], &now["ip"]), (&before["uid"], &before["sandbox"], &before["ip"]));
    let finished = run.interrupt(LIMIT);
    assert_eq!(finished.summary().pod("worker").container("main").exit_code, Some(7));
    assert_eq!(pods(&node), serde_json::json!([]));
}

#[test]
fn a_pod_of_the_same_name_with_another_spec_is_refused() {
    let node = kept();
    let other = pod(&node, "worker").container(container("main", &["forever"])).build();
    let finished = node.run(&[other]).start().finish(LIMIT);
    assert_eq!(finished.code, Some(2), "{finished:#?}");
    assert!(finished.stderr.contains("default/worker"), "{}", finished.stderr);
    assert_eq!(pods(&node)[0]["phase"], "Running", "the Pod that was there was touched");
}

fn restart_works(node: &Node) {
    let before = pods(node)[0].clone();
    let answer = node.verb(&["restart", "worker", "-o", "json"]).ok().json();
    let after = pods(node)[0].clone();
    for field in ["uid", "ip", "sandbox"] {
        assert_eq!(before[field], after[field], "{field}");
    }
    let epoch = before["epoch"].as_u64().unwrap() + 1;
    assert_eq!((after["epoch"].as_u64(), answer["epoch"].as_u64()), (Some(epoch), Some(epoch)));
    assert_eq!(answer["trigger"]["kind"], "Requested");
    for part in ["killed", "removed", "mainRunning", "ready"] {
        assert!(answer["ms"][part].as_f64().is_some_and(|ms| ms >= 0.0), "{part}: {answer:#}");
    }
    assert_eq!(node.logs("worker", "main", true).lines().next(), Some("count 1"));
}

#[test]
fn restart_steps_the_epoch_on_demand() {
    let node = Node::with_testload();
    let manifest =
        pod(&node, "worker").init(container("setup", &[])).container(container("main", &["forever"])).build();
    let run = ready(&node, manifest, &[]);
    restart_works(&node);
    let text = node.verb(&["restart", "worker"]).ok().stdout;
    assert!(text.contains("epoch 2") && text.contains("ready"), "{text}");
    let answer = node.verb(&["restart", "nobody"]);
    assert!(answer.code == Some(1) && answer.stderr.contains("default/nobody"), "{answer:#?}");
    let finished = run.interrupt(LIMIT);
    assert_eq!(finished.summary().pod("worker").steps.len(), 2);
}

#[test]
fn rm_deletes_one_pod_and_a_run_that_waited_for_it_ends() {
    let node = Node::with_testload();
    let one = pod(&node, "one").container(container("main", &["on-term", "0", "forever"])).build();
    let run = ready(&node, one, &[]);
    let answer = node.verb(&["rm", "nobody"]);
    assert!(answer.code == Some(1) && answer.stderr.contains("default/nobody"), "{answer:#?}");
    let _ = node.verb(&["rm", "one"]).ok();
    let finished = run.finish(LIMIT);
    assert!(finished.summary.is_some(), "{finished:#?}");
}

#[test]
fn rm_honours_a_shorter_grace_period() {
    let node = Node::with_testload();
    let deaf = pod(&node, "deaf")
        .spec("terminationGracePeriodSeconds", serde_json::json!(3600))
        .container(container("main", &["ignore-term", "forever"]));
    let run = ready(&node, deaf.build(), &[]);
    let begun = Instant::now();
    let _ = node.verb(&["rm", "deaf", "--grace-period", "1"]).ok();
    assert!((Duration::from_millis(900)..LIMIT).contains(&begun.elapsed()), "took {:?}", begun.elapsed());
    drop(run.finish(LIMIT));
}

#[test]
fn events_are_told_on_request() {
    let node = Node::with_testload();
    let manifest =
        pod(&node, "worker").container(fails_once("main", "fail", "42").policy("Never").restart_all_on(&[42])).build();
    let mut scene = Scene::start_with(node, manifest, &["--events"]);
    scene.wait_ready(0);
    scene.signal("fail");
    scene.wait_ready(1);
    let finished = scene.run.interrupt(LIMIT);
    let messages: Vec<&str> = finished.all("Event").filter_map(|e| e.message.as_deref()).collect();
    let restart = "container \"main\" exited with code 42, matching restartPolicyRules[0]";
    assert!(messages.contains(&restart), "{messages:#?}");
}
