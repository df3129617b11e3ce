//! The test workload does what its steps say; tests of containers rely on it.

// What fails here fails a test.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};

fn testload(steps: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_testload"));
    command.args(steps).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(steps: &[&str]) -> (Option<i32>, String) {
    let Output { status, stdout, .. } = testload(steps).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap())
}

/// Starts a script that prints a line once it is where it should be.
fn start(steps: &[&str]) -> (Child, BufReader<std::process::ChildStdout>) {
    let mut child = testload(steps).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    lines.read_line(&mut String::new()).unwrap();
    (child, lines)
}

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).to_str().unwrap().to_owned()
}

#[test]
fn the_first_run_can_end_differently_from_later_ones() {
    let folder = tempfile::tempdir().unwrap();
    let runs = path(folder.path(), "runs");
    let steps = ["count", &runs, "exit-if", &runs, "eq", "1", "88", "print", "later"];
    assert_eq!(run(&steps), (Some(88), "count 1\n".into()));
    assert_eq!(run(&steps), (Some(0), "count 2\nlater\n".into()));
}

#[test]
fn counting_together_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let runs = path(folder.path(), "runs");
    let steps: Vec<&str> = ["count", runs.as_str()].repeat(50);
    let mut children: Vec<Child> = (0..4).map(|_| testload(&steps).spawn().unwrap()).collect();
    children.iter_mut().for_each(|child| assert!(child.wait().unwrap().success()));
    assert_eq!(std::fs::read_to_string(&runs).unwrap(), "200\n");
}

#[test]
fn waiting_scripts_go_on_when_the_file_appears() {
    let folder = tempfile::tempdir().unwrap();
    let go = path(folder.path(), "go");
    let (mut first, _first) = start(&["print", "waiting", "wait-file", &go, "exit", "3"]);
    let (mut second, _second) = start(&["print", "waiting", "wait-file", &go, "exit", "4"]);
    std::fs::write(&go, "").unwrap();
    assert_eq!((first.wait().unwrap().code(), second.wait().unwrap().code()), (Some(3), Some(4)));
}

#[test]
fn term_ends_with_143_or_the_code_asked_for_and_leaves_its_note() {
    let folder = tempfile::tempdir().unwrap();
    let note = path(folder.path(), "note");
    let cases: [(&[&str], i32); 2] = [
        (&["print", "up", "forever"], 143),
        (&["on-term", "5", "on-term-append", &note, "bye", "print", "up", "forever"], 5),
    ];
    for (steps, code) in cases {
        let (mut child, _lines) = start(steps);
        kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(code));
    }
    assert_eq!(std::fs::read_to_string(&note).unwrap(), "bye\n");
}

#[test]
fn an_ignored_term_leaves_it_running() {
    let folder = tempfile::tempdir().unwrap();
    let go = path(folder.path(), "go");
    let (mut child, _lines) = start(&["ignore-term", "print", "up", "wait-file", &go, "exit", "6"]);
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    std::fs::write(&go, "").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(6));
}

#[test]
fn its_web_server_tells_whether_a_file_exists() {
    let folder = tempfile::tempdir().unwrap();
    let ready = path(folder.path(), "ready");
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let address = format!("127.0.0.1:{port}");
    let exists = format!("/exists{ready}");
    let steps = ["serve", &port, "get", &address, &exists, "touch", &ready, "get", &address, &exists];
    let expected =
        format!("get {address}{exists}: HTTP/1.1 503 Service Unavailable\nget {address}{exists}: HTTP/1.1 200 OK\n");
    assert_eq!(run(&steps), (Some(0), expected));
}

#[test]
fn a_wrong_script_ends_with_64_and_a_failing_step_with_74() {
    assert_eq!(run(&["bogus"]).0, Some(64));
    assert_eq!(run(&["exit"]).0, Some(64));
    assert_eq!(run(&["cat", "/no/such/file"]).0, Some(74));
}
