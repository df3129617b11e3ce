//! Lifecycle hooks, run against a runtime whose commands end as a test says.

use jiff::SignedDuration;
use k8s_openapi::api::core::v1::Pod;
use reprise_core::plan::Stage;
use serde_json::{Value, json};

use crate::fake_runtime::Fake;
use crate::harness::{Agent, condition, container, key, pod};

/// A Pod with a watcher whose exit 88 restarts all, and a main container with these fields.
fn with(fields: Value) -> Pod {
    let mut main = json!({"name": "main", "image": "busybox:1", "restartPolicy": "Always"});
    main.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let rules = json!([{"action": "RestartAllContainers", "exitCodes": {"operator": "In", "values": [88]}}]);
    let watcher =
        json!({"name": "watcher", "image": "busybox:1", "restartPolicy": "Always", "restartPolicyRules": rules});
    pod(json!({"initContainers": [watcher], "containers": [main]}))
}

fn hook(kind: &str, command: &str) -> Value {
    json!({"lifecycle": {kind: {"exec": {"command": [command]}}}})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_has_come_up_when_its_post_start_hook_is_done() {
    let mut agent = Agent::start_with(|_, runtime| {
        runtime.answer("greet", 0);
        runtime.hold("ExecSync main@0 greet");
    })
    .await;
    agent.node.apply(with(hook("postStart", "greet"))).await.unwrap();
    agent.runtime.until("the hook runs", |s| s.called("ExecSync main@0 greet")).await;
    let status = agent.node.pod(&key()).unwrap().status;
    assert_ne!((condition(&status, "Ready"), container(&status, "main").started), (Some("True"), Some(true)));
    agent.runtime.release();
    agent.ready().await;
    agent.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_post_start_hook_ends_its_container_and_the_policy_starts_it_again() {
    let mut agent = Agent::start_with(|_, runtime| runtime.answer("greet", 1)).await;
    agent.node.apply(with(hook("postStart", "greet"))).await.unwrap();
    assert_eq!(agent.event("FailedPostStartHook").await, "PostStartHook failed");
    assert_eq!(agent.event("Killing").await, "FailedPostStartHook");
    agent.runtime.until("it is asked to end", |s| s.called("StopContainer main@0 30")).await;
    agent.runtime.answer("greet", 0);
    agent.runtime.exit("main", 143);
    let status = agent.ready().await;
    assert_eq!(container(&status, "main").restart_count, 1);
    assert_eq!(agent.runtime.count("ExecSync main@0 greet"), 2, "once for each run");
    agent.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_start_hook_that_an_agent_did_not_see_end_is_run_again_by_the_next() {
    let agent = Agent::start_with(|_, runtime| {
        runtime.answer("greet", 0);
        runtime.hold("ExecSync main@0 greet");
    })
    .await;
    agent.node.apply(with(hook("postStart", "greet"))).await.unwrap();
    agent.runtime.until("the hook runs", |s| s.called("ExecSync main@0 greet")).await;
    let mut agent = agent.crash_do_restart(Fake::release).await;
    let status = agent.ready().await;
    assert_eq!(container(&status, "main").restart_count, 0);
    assert_eq!(agent.runtime.count("ExecSync main@0 greet"), 2);
    agent.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pre_stop_hook_runs_before_the_container_is_asked_to_end() {
    let mut agent = Agent::start_with(|_, runtime| runtime.answer("bye", 1)).await;
    agent.node.apply(with(hook("preStop", "bye"))).await.unwrap();
    agent.ready().await;
    agent.runtime.hold("ExecSync main@0 bye");
    agent.node.delete(&key(), Some(SignedDuration::from_secs(20))).await.unwrap();
    agent.runtime.until("the hook runs", |s| s.called("ExecSync main@0 bye")).await;
    assert!(!agent.runtime.calls().iter().any(|call| call.starts_with("StopContainer")));
    agent.runtime.release();
    assert_eq!(agent.event("FailedPreStopHook").await, "PreStopHook failed");
    let asked = |s: &crate::fake_runtime::State| s.calls.iter().any(|c| c.starts_with("StopContainer main@0"));
    agent.runtime.until("it is asked to end", asked).await;
    agent.runtime.exit("main", 143);
    agent.runtime.until("then the sidecar", |s| s.calls.iter().any(|c| c.starts_with("StopContainer watcher@0"))).await;
    agent.runtime.exit("watcher", 143);
    agent.stage(Stage::Gone).await;
    assert_eq!(agent.runtime.count("ExecSync main@0 bye"), 1);
    agent.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pre_stop_hook_that_takes_too_long_is_cut_off_and_a_little_time_is_left() {
    let mut agent = Agent::start().await;
    agent.node.apply(with(hook("preStop", "bye"))).await.unwrap();
    agent.ready().await;
    agent.runtime.hold("ExecSync main@0 bye");
    agent.node.delete(&key(), Some(SignedDuration::from_secs(60))).await.unwrap();
    agent.runtime.until("the hook runs", |s| s.called("ExecSync main@0 bye")).await;
    agent.node.delete(&key(), Some(SignedDuration::ZERO)).await.unwrap();
    agent.runtime.until("it is asked to end", |s| s.called("StopContainer main@0 2")).await;
    // It does not listen: SIGKILL follows.
    agent.stage(Stage::Gone).await;
    assert_eq!(agent.runtime.count("ExecSync main@0 bye"), 1);
    agent.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_in_place_runs_no_pre_stop_hook_and_every_post_start_hook_again() {
    let mut agent = Agent::start_with(|_, runtime| runtime.answer("greet", 0)).await;
    let lifecycle = json!({"postStart": {"exec": {"command": ["greet"]}}, "preStop": {"exec": {"command": ["bye"]}}});
    agent.node.apply(with(json!({"lifecycle": lifecycle}))).await.unwrap();
    agent.ready().await;
    agent.runtime.exit("watcher", 88);
    agent.happens("ContainersRemoved").await;
    agent.ready().await;
    assert!(!agent.runtime.calls().iter().any(|call| call.ends_with(" bye")));
    assert_eq!((agent.runtime.count("ExecSync main@0 greet"), agent.runtime.count("ExecSync main@1 greet")), (1, 1));
    agent.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_in_place_waits_for_no_hook_that_is_under_way() {
    let mut agent = Agent::start_with(|_, runtime| {
        runtime.answer("main@0 live", 1);
        runtime.answer("live", 0);
        runtime.hold("ExecSync main@0 bye");
    })
    .await;
    let mut fields = hook("preStop", "bye");
    fields["livenessProbe"] = json!({"exec": {"command": ["live"]}, "periodSeconds": 1, "failureThreshold": 1});
    agent.node.apply(with(fields)).await.unwrap();
    agent.runtime.until("the hook runs", |s| s.called("ExecSync main@0 bye")).await;
    agent.runtime.exit("watcher", 88);
    agent.runtime.until("it is killed", |s| s.called("StopContainer main@0 0")).await;
    agent.happens("ContainersRemoved").await;
    agent.ready().await;
    agent.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pre_stop_hook_that_an_agent_did_not_see_end_is_run_again_by_the_next() {
    let mut agent = Agent::start_with(|_, runtime| runtime.answer("bye", 0)).await;
    agent.node.apply(with(hook("preStop", "bye"))).await.unwrap();
    agent.ready().await;
    agent.runtime.hold("ExecSync main@0 bye");
    agent.node.delete(&key(), Some(SignedDuration::from_secs(60))).await.unwrap();
    agent.runtime.until("the hook runs", |s| s.called("ExecSync main@0 bye")).await;
    let agent = agent.crash_do_restart(Fake::release).await;
    let asked = |s: &crate::fake_runtime::State| s.calls.iter().any(|c| c.starts_with("StopContainer main@0"));
    agent.runtime.until("it is asked to end", asked).await;
    assert_eq!(agent.runtime.count("ExecSync main@0 bye"), 2);
    agent.end().await;
}
