//! Probes, run against a runtime whose commands end as a test says.

use k8s_openapi::api::core::v1::Pod;
use reprise_core::plan::Stage;
use serde_json::{Value, json};

use crate::harness::{Agent, condition, container, key, pod, watched_pod};

fn exec(command: &str) -> Value {
    json!({"exec": {"command": [command]}, "periodSeconds": 1, "failureThreshold": 1})
}

/// A Pod of one container with these fields.
fn probed(policy: &str, fields: Value) -> Pod {
    let mut main = json!({"name": "main", "image": "busybox:1"});
    main.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    pod(json!({"restartPolicy": policy, "containers": [main]}))
}

/// A Pod that can restart in place, whose main container is probed.
fn watched(fields: Value) -> Pod {
    let mut pod = watched_pod();
    let main = &mut pod.spec.as_mut().unwrap().containers[0];
    let mut value = serde_json::to_value(&*main).unwrap();
    value.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    *main = serde_json::from_value(value).unwrap();
    pod
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_is_ready_as_long_as_its_readiness_probe_passes() {
    let mut agent = Agent::start_with(|_, runtime| runtime.answer("ready", 1)).await;
    agent.node.apply(probed("Never", json!({"readinessProbe": exec("ready")}))).await.unwrap();
    let message = agent.event("Unhealthy").await;
    assert_eq!(message, "Readiness probe failed: ready\u{fffd}");
    let status = agent.node.pod(&key()).unwrap().status;
    assert_eq!((condition(&status, "Ready"), container(&status, "main").started), (Some("False"), Some(true)));
    agent.runtime.answer("ready", 0);
    agent.ready().await;
    agent.runtime.answer("ready", 1);
    let status = agent.status("not ready", |s| condition(s, "Ready") == Some("False")).await;
    assert_eq!(container(&status, "main").restart_count, 0);
    agent.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_liveness_probe_ends_the_container_and_the_policy_starts_it_again() {
    let mut agent = Agent::start_with(|_, runtime| runtime.answer("live", 1)).await;
    let mut live = exec("live");
    live["terminationGracePeriodSeconds"] = json!(7);
    agent.node.apply(probed("Always", json!({"livenessProbe": live}))).await.unwrap();
    assert_eq!(agent.event("Killing").await, "Container main failed liveness probe, will be restarted");
    agent.runtime.until("it is asked to end", |s| s.called("StopContainer main@0 7")).await;
    agent.runtime.answer("live", 0);
    agent.runtime.exit("main", 143);
    let status = agent.status("it runs again", |s| container(s, "main").restart_count == 1).await;
    let last = container(&status, "main").last_state.clone().unwrap().terminated.unwrap();
    assert_eq!(last.exit_code, 143);
    agent.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn under_never_a_failed_startup_probe_is_the_end_of_the_pod() {
    let mut agent = Agent::start_with(|_, runtime| runtime.answer("up", 1)).await;
    agent.node.apply(probed("Never", json!({"startupProbe": exec("up")}))).await.unwrap();
    agent.happens("ContainerCondemned").await;
    agent.runtime.until("it is asked to end", |s| s.called("StopContainer main@0 30")).await;
    agent.runtime.exit("main", 143);
    assert_eq!(agent.stage(Stage::Ended).await.phase.as_deref(), Some("Failed"));
    agent.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_else_is_probed_before_the_startup_probe_has_passed_and_it_is_not_tried_again() {
    let mut agent = Agent::start_with(|_, runtime| {
        runtime.answer("up", 1);
        runtime.answer("live", 0);
        runtime.answer("ready", 0);
    })
    .await;
    let mut up = exec("up");
    up["failureThreshold"] = json!(100);
    let fields = json!({"startupProbe": up, "livenessProbe": exec("live"), "readinessProbe": exec("ready")});
    agent.node.apply(probed("Never", fields)).await.unwrap();
    agent.event("Unhealthy").await;
    agent.event("Unhealthy").await;
    assert!(!agent.runtime.calls().iter().any(|call| call.ends_with(" live") || call.ends_with(" ready")));
    agent.runtime.answer("up", 0);
    agent.ready().await;
    let tries = agent.runtime.count("ExecSync main@0 up");
    agent.runtime.until("liveness twice", |s| s.calls.iter().filter(|c| c.ends_with(" live")).count() == 2).await;
    assert_eq!(agent.runtime.count("ExecSync main@0 up"), tries);
    agent.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_of_an_older_epoch_can_not_act_on_the_new_one() {
    let mut agent = Agent::start_with(|_, runtime| {
        runtime.answer("live", 0);
        runtime.answer("main@0 live", 1);
        runtime.hold("ExecSync main@0 live");
    })
    .await;
    agent.node.apply(watched(json!({"livenessProbe": exec("live")}))).await.unwrap();
    agent.runtime.until("the probe hangs", |s| s.called("ExecSync main@0 live")).await;
    agent.runtime.exit("watcher", 88);
    agent.happens("ContainersRemoved").await;
    agent.ready().await;
    agent.runtime.release();
    let probed_twice =
        |s: &crate::fake_runtime::State| s.calls.iter().filter(|c| *c == "ExecSync main@1 live").count() == 2;
    agent.runtime.until("the new run has been probed twice", probed_twice).await;
    assert!(!agent.runtime.calls().iter().any(|call| call.starts_with("StopContainer main@1")));
    let status = agent.node.pod(&key()).unwrap().status;
    assert_eq!((condition(&status, "Ready"), container(&status, "main").restart_count), (Some("True"), 1));
    agent.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_in_place_takes_readiness_away_until_the_new_runs_probe_passes() {
    let mut agent = Agent::start_with(|_, runtime| {
        runtime.answer("main@0 ready", 0);
        runtime.answer("main@1 ready", 1);
    })
    .await;
    agent.node.apply(watched(json!({"readinessProbe": exec("ready")}))).await.unwrap();
    agent.ready().await;
    agent.runtime.exit("watcher", 88);
    agent.event("Unhealthy").await;
    let status = agent.node.pod(&key()).unwrap().status;
    assert_eq!((condition(&status, "Ready"), container(&status, "main").restart_count), (Some("False"), 1));
    agent.runtime.answer("main@1 ready", 0);
    agent.ready().await;
    agent.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn probing_goes_on_with_the_next_agent() {
    let agent = Agent::start_with(|_, runtime| runtime.answer("live", 0)).await;
    agent.node.apply(probed("Always", json!({"livenessProbe": exec("live")}))).await.unwrap();
    agent.runtime.until("it is probed", |s| s.called("ExecSync main@0 live")).await;
    agent.runtime.hold("ExecSync main@0 live");
    let mut agent = agent
        .crash_do_restart(|runtime| {
            runtime.answer("live", 1);
            runtime.release();
        })
        .await;
    agent.happens("ContainerCondemned").await;
    agent.runtime.until("it is asked to end", |s| s.called("StopContainer main@0 30")).await;
    agent.runtime.answer("live", 0);
    agent.runtime.exit("main", 143);
    agent.status("it runs again", |s| container(s, "main").restart_count == 1).await;
    agent.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_probe_condemned_is_ended_by_the_next_agent() {
    let agent = Agent::start_with(|_, runtime| runtime.answer("live", 1)).await;
    agent.node.apply(probed("Always", json!({"livenessProbe": exec("live")}))).await.unwrap();
    agent.runtime.hold("StopContainer");
    agent.runtime.until("it is being ended", |s| s.called("StopContainer main@0 30")).await;
    let mut agent = agent
        .crash_do_restart(|runtime| {
            runtime.answer("live", 0);
            runtime.state().calls.clear();
            runtime.release();
        })
        .await;
    agent
        .runtime
        .until("it is asked to end again", |s| s.calls.iter().any(|c| c.starts_with("StopContainer main@0")))
        .await;
    agent.runtime.exit("main", 143);
    agent.status("it runs again", |s| container(s, "main").restart_count == 1).await;
    agent.end().await;
}
