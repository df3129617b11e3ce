//! The harness against a stand-in for `reprise` that says what a script tells it to.

use super::*;

const READY: &str =
    r#"echo '{"time":"2026-01-02T03:04:05Z","pod":"default/p","uid":"u","epoch":0,"event":"PodReady"}'"#;
const SUMMARY: &str = r#"echo '{"event":"Summary","pods":[]}'"#;
const LIMIT: Duration = Duration::from_secs(20);

fn run(script: &str) -> Run {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    let nobody = Footprint::new(std::path::Path::new("/nowhere/reprise-test"), "rptestnone");
    RunCommand::new(command, Vec::new(), Arc::new(Mutex::new(nobody))).start()
}

#[test]
fn events_are_met_in_order_and_the_summary_and_status_are_kept() {
    let mut run = run(&format!("{READY}; {READY}; echo hint >&2; {SUMMARY}; exit 1"));
    run.wait_for("ready", LIMIT, |event| event.is("PodReady"));
    run.wait_for("ready again", LIMIT, |event| event.is("PodReady"));
    let finished = run.finish(LIMIT);
    assert_eq!((finished.code, finished.all("PodReady").count(), finished.summary().pods.len()), (Some(1), 2, 0));
    assert_eq!(finished.stderr, "hint\n");
}

#[test]
#[should_panic(expected = "waited 10ms for a restart")]
fn an_event_that_does_not_come_fails_the_test_with_the_story() {
    run(&format!("{READY}; exec sleep 100"))
        .wait_for("a restart", Duration::from_millis(10), |event| event.is("RestartStepped"));
}

#[test]
#[should_panic(expected = "something else than events")]
fn anything_else_on_stdout_fails_the_test() {
    run("echo hello").finish(LIMIT);
}

#[test]
fn a_killed_run_has_no_exit_status() {
    let mut run = run(&format!("{READY}; exec sleep 100"));
    run.wait_for("ready", LIMIT, |event| event.is("PodReady"));
    let finished = run.kill();
    assert_eq!((finished.code, finished.summary.is_none()), (None, true));
}
