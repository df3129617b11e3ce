//! The main job: the announcement's Pod, offline, with nothing else installed.

use std::process::Command;
use std::time::{Duration, Instant};

use reprise_testkit::event::{Event, Line, Summary};
use reprise_testkit::reprise_path;
use serde_json::Value;

/// What the demo may take once it is built.
const LIMIT: Duration = Duration::from_secs(15);

fn demo(arguments: &[&str]) -> (String, String) {
    let begun = Instant::now();
    let output = Command::new(reprise_path()).arg("demo").args(arguments).output().unwrap();
    let took = begun.elapsed();
    let (stdout, stderr) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(0), "{stdout}\n{stderr}");
    assert!(took < LIMIT, "the demo took {took:?}\n{stdout}\n{stderr}");
    (stdout, stderr)
}

fn parse(stdout: &str) -> (Vec<Event>, Summary, Value) {
    let mut events = Vec::new();
    let mut summary = None;
    for line in stdout.lines() {
        match Line::parse(line) {
            Line::Event(event) => events.push(*event),
            Line::Summary(found) => summary = Some((found, serde_json::from_str(line).unwrap())),
            Line::Unknown(line) => panic!("stdout holds something else than events: {line}"),
        }
    }
    let (summary, raw) = summary.unwrap();
    (events, summary, raw)
}

#[test]
fn the_published_pod_restarts_in_place_and_finishes_from_its_checkpoint() {
    let (stdout, stderr) = demo(&["-o", "json"]);
    let (events, summary, raw) = parse(&stdout);
    assert!(stderr.contains("onExit"), "no warning about the old spelling: {stderr}");
    let pod = summary.pod("ml-worker-pod");
    assert_eq!((pod.phase.as_str(), pod.epoch, pod.steps.len()), ("Succeeded", 1, 1));
    let step = &pod.steps[0];
    assert_eq!(step.trigger.container.as_deref(), Some("watcher-sidecar"));
    assert_eq!((step.trigger.exit_code, step.trigger.rule), (Some(88), Some(0)));
    let times = [step.ms.killed, step.ms.removed, step.ms.init_running, step.ms.main_running, step.ms.ready];
    let times: Vec<f64> = times.into_iter().map(|ms| ms.expect("a phase of the restart is missing")).collect();
    assert!(times.is_sorted(), "{times:?}");
    for container in ["setup-environment", "watcher-sidecar", "main-application"] {
        assert_eq!(pod.restarts(container), 1, "{container}");
    }
    assert_eq!(pod.container("main-application").exit_code, Some(0));
    assert_eq!(events.iter().filter(|e| e.is("SandboxReady")).count(), 1);
    for same in ["uidSame", "ipSame", "sandboxSame", "emptyDirSame"] {
        assert_eq!(raw["demo"][same], true, "{same}: {raw:#}");
    }
    assert!(raw["demo"]["resumedFromStep"].as_u64().is_some_and(|step| step > 0), "{raw:#}");
}

#[test]
fn people_see_a_timeline_and_a_plain_summary() {
    let (stdout, _) = demo(&[]);
    for text in
        ["training from step", "RESTART IN PLACE", "exited with code 88", "main-application running", "the same"]
    {
        assert!(stdout.contains(text), "no {text:?} in:\n{stdout}");
    }
}
