//! The agent as the main container's first process, with the worker as its child.

use rustix::process::Signal;
use serde_json::json;

use crate::scene::Scene;

fn lifted() -> serde_json::Value {
    json!({"currentInPlaceRestartAttempt": 0})
}

#[test]
fn the_worker_runs_once_the_barrier_is_lifted_and_its_exit_code_is_the_agents() {
    let scene = Scene::new(json!({}));
    let agent = scene.main_container(&format!("echo $HOME$$ > {}; exit 7", scene.path("ran")));
    scene.api.watches(1);
    assert!(!scene.folder.path().join("ran").exists(), "it waits at the barrier");
    scene.api.set_status(lifted());
    assert_eq!(agent.ends(), 7);
    scene.file("ran");
}

#[test]
fn a_worker_that_is_killed_gives_128_and_the_signal() {
    let scene = Scene::new(json!({}));
    let agent = scene.main_container("kill -KILL $$");
    scene.api.watches(1);
    scene.api.set_status(lifted());
    assert_eq!(agent.ends(), 137);
}

#[test]
fn signals_reach_the_worker_which_decides_what_follows() {
    let scene = Scene::new(json!({}));
    let (ready, usr) = (scene.path("ready"), scene.path("usr"));
    let traps = format!("trap 'echo 1 > {usr}' USR1; trap 'exit 42' TERM; echo 1 > {ready}");
    let agent = scene.main_container(&format!("{traps}; while :; do sleep 0.02; done"));
    scene.api.watches(1);
    scene.api.set_status(lifted());
    scene.file("ready");
    agent.signal(Signal::USR1);
    scene.file("usr");
    agent.signal(Signal::TERM);
    assert_eq!(agent.ends(), 42);
}

#[test]
fn a_signal_at_the_barrier_ends_the_agent() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let scene = Scene::new(json!({}));
        let agent = scene.main_container("exit 0");
        scene.api.watches(1);
        agent.signal(signal);
        assert_eq!(agent.ends(), code);
    }
}

#[test]
fn a_restart_kills_the_worker_and_ends_with_the_exit_code_for_restarts() {
    let scene = Scene::new(json!({}));
    let agent = scene.main_container(&format!("echo $$ > {}; exec sleep 1000", scene.path("pid")));
    scene.api.watches(1);
    scene.api.set_status(lifted());
    let pid = scene.file("pid");
    scene.api.set_status(json!({"currentInPlaceRestartAttempt": 0, "previousInPlaceRestartAttempt": 0}));
    assert_eq!(agent.ends(), 1);
    let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    assert!(state.is_empty() || state.contains(") Z "), "the worker is dead: {state}");
}

#[test]
fn a_shell_that_is_not_there_is_named() {
    let scene = Scene::new(lifted());
    let mut command = scene.command();
    command.env("WORKER_COMMAND", "true").env("SHELL", "/none/sh");
    let agent = scene.start(command);
    scene.api.attempts(1);
    scene.api.set_status(json!({"currentInPlaceRestartAttempt": 1}));
    agent.says("error: can't run /none/sh for WORKER_COMMAND");
    assert_eq!(agent.ends(), 2);
}
