//! The agent dies at a bad moment and another takes its place.

use crate::fake_runtime::Phase;
use crate::harness::{Agent, container, key, watched_pod};

#[tokio::test(flavor = "multi_thread")]
async fn running_containers_are_left_alone() {
    let mut agent = Agent::start().await;
    agent.node.apply(watched_pod()).await.unwrap();
    agent.ready().await;
    let calls = agent.runtime.calls();
    let mut agent = agent.crash_and_restart().await;
    agent.ready().await;
    assert_eq!(agent.runtime.calls(), calls);
    agent.end().await;
}

/// The calls of a restart of this Pod: one kill, three removals, three creates, three starts.
const CALLS: usize = 10;

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_survives_a_crash_before_and_after_each_of_its_calls() {
    for phase in [Phase::Before, Phase::After] {
        for call in 1..=CALLS {
            let mut agent = Agent::start().await;
            agent.node.apply(watched_pod()).await.unwrap();
            agent.ready().await;
            agent.runtime.state().hang_at = Some((call, phase));
            agent.runtime.exit("watcher", 88);
            agent.runtime.hangs().await;
            let mut agent = agent.crash_do_restart(|runtime| runtime.state().hang_at = None).await;
            let status = agent.ready().await;
            assert_eq!(agent.node.pod(&key()).unwrap().ledger.epoch, 1, "{phase:?} call {call}");
            for name in ["setup", "watcher", "main"] {
                assert_eq!(container(&status, name).restart_count, 1, "{name}, {phase:?} call {call}");
            }
            let last = container(&status, "main").last_state.clone().unwrap().terminated.unwrap();
            assert_eq!((last.exit_code, last.reason.as_deref()), (137, Some("RestartAllContainers")));
            assert!(agent.runtime.state().fencing_broken.is_empty(), "{phase:?} call {call}");
            agent.end().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_that_was_cut_off_while_removing_goes_on_to_its_end() {
    let mut agent = Agent::start().await;
    agent.node.apply(watched_pod()).await.unwrap();
    agent.ready().await;
    agent.runtime.hold("RemoveContainer main@0");
    agent.runtime.exit("watcher", 88);
    agent.runtime.until("the removal hangs", |s| s.called("RemoveContainer main@0")).await;
    let mut agent = agent.crash_do_restart(crate::fake_runtime::Fake::release).await;
    let status = agent.ready().await;
    assert_eq!(agent.node.pod(&key()).unwrap().ledger.epoch, 1);
    for name in ["setup", "watcher", "main"] {
        assert_eq!(container(&status, name).restart_count, 1, "{name}");
        assert_eq!(agent.runtime.count(&format!("CreateContainer {name}@1")), 1, "{name}");
    }
    agent.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_was_cut_off_is_made_good() {
    let mut agent = Agent::start().await;
    agent.node.apply(watched_pod()).await.unwrap();
    agent.ready().await;
    agent.runtime.hold("StartContainer watcher@1");
    agent.runtime.exit("watcher", 88);
    agent.runtime.until("the start hangs", |s| s.called("StartContainer watcher@1")).await;
    let mut agent = agent.crash_do_restart(crate::fake_runtime::Fake::release).await;
    let status = agent.ready().await;
    assert_eq!(container(&status, "watcher").restart_count, 1);
    assert_eq!(agent.runtime.count("CreateContainer watcher@1"), 1);
    assert_eq!(agent.runtime.count("CreateContainer setup@1"), 1, "what had run in the epoch is not run again");
    agent.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trigger_that_nobody_saw_restarts_the_pod_once() {
    let mut agent = Agent::start().await;
    agent.node.apply(watched_pod()).await.unwrap();
    agent.ready().await;
    let mut agent = agent.crash_do_restart(|runtime| runtime.exit("watcher", 88)).await;
    agent.happens("RestartStepped").await;
    agent.ready().await;
    assert_eq!(agent.node.pod(&key()).unwrap().ledger.epoch, 1);
    agent.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_reboot_the_pod_starts_again() {
    let mut agent = Agent::start().await;
    let mut pod = watched_pod();
    pod.spec.as_mut().unwrap().restart_policy = Some("Always".to_owned());
    agent.node.apply(pod).await.unwrap();
    agent.ready().await;
    let mut agent = agent.reboot().await;
    let status = agent.ready().await;
    assert_eq!(agent.runtime.count("RunPodSandbox "), 2);
    assert_eq!(container(&status, "main").restart_count, 1);
    agent.end().await;
}
