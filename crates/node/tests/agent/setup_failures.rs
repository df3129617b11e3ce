//! Sandboxes and containers that can't be made.

use reprise_core::timeline::Happened;
use serde_json::json;
use tonic::Status;

use crate::harness::{Agent, pod, waiting, watched_pod};

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_call_is_shown_with_the_runtimes_words_and_tried_again() {
    for (call, reason) in [
        ("RunPodSandbox", "CreatePodSandboxError"),
        ("CreateContainer main@0", "CreateContainerError"),
        ("StartContainer main@0", "RunContainerError"),
    ] {
        let mut agent = Agent::start().await;
        agent.runtime.fail_next(call, Status::unknown("no more room"));
        agent.node.apply(watched_pod()).await.unwrap();
        let Happened::SetupFailed { reason: told, message, .. } = agent.happens("SetupFailed").await else { panic!() };
        assert_eq!((told.as_str(), message.as_str()), (reason, "no more room"), "{call}");
        agent.ready().await;
        agent.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_can_not_be_configured_says_why() {
    let mut agent = Agent::start().await;
    let spec = json!({"containers": [
        {"name": "main", "image": "busybox:1", "securityContext": {"runAsNonRoot": true}}]});
    agent.node.apply(pod(spec)).await.unwrap();
    agent.status("it waits", |s| waiting(s, "main") == Some("CreateContainerConfigError")).await;
    agent.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_path_of_another_type_holds_the_pod_back() {
    let mut agent = Agent::start().await;
    let spec = json!({
        "volumes": [{"name": "v", "hostPath": {"path": "/dev/null", "type": "Directory"}}],
        "containers": [{"name": "main", "image": "busybox:1"}]
    });
    agent.node.apply(pod(spec)).await.unwrap();
    let Happened::SetupFailed { reason, message, .. } = agent.happens("SetupFailed").await else { panic!() };
    assert_eq!(reason, "FailedMount");
    assert!(message.ends_with("hostPath type check failed: /dev/null is not a directory"), "{message}");
    agent.end().await;
}
