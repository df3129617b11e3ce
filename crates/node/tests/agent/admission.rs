//! Taking Pods on.

use reprise_core::plan::Stage;
use reprise_node::{Node, NodeError};
use serde_json::json;

use crate::harness::{Agent, key, pod, watched_pod};

#[tokio::test(flavor = "multi_thread")]
async fn the_same_manifest_adopts_the_running_pod_and_another_is_refused() {
    let mut agent = Agent::start().await;
    let first = agent.node.apply(watched_pod()).await.unwrap();
    agent.ready().await;
    let agent = agent.crash_and_restart().await;
    let again = agent.node.apply(watched_pod()).await.unwrap();
    assert!(again.adopted && !first.adopted);
    assert_eq!(again.uid, first.uid);
    let other = pod(json!({"containers": [{"name": "other", "image": "busybox:1"}]}));
    assert!(matches!(agent.node.apply(other).await, Err(NodeError::PodExists { .. })));
    agent.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_has_ended_is_replaced() {
    let mut agent = Agent::start().await;
    let manifest = || pod(json!({"containers": [{"name": "main", "image": "busybox:1"}]}));
    let first = agent.node.apply(manifest()).await.unwrap();
    agent.ready().await;
    agent.runtime.exit("main", 0);
    agent.stage(Stage::Ended).await;
    let second = agent.node.apply(manifest()).await.unwrap();
    assert!(!second.adopted);
    assert_ne!(second.uid, first.uid);
    agent.ready().await;
    assert_eq!(agent.node.pods().len(), 1);
    agent.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_without_room_has_failed_for_good_and_one_that_was_taken_on_is_not_asked_again() {
    let mut agent = Agent::start_with(|config, _| config.max_pods = 1).await;
    agent.node.apply(watched_pod()).await.unwrap();
    agent.ready().await;
    let mut second = pod(json!({"containers": [{"name": "main", "image": "busybox:1"}]}));
    second.metadata.name = Some("second".to_owned());
    agent.node.apply(second.clone()).await.unwrap();
    let status = agent.stage(Stage::Ended).await;
    assert_eq!((status.phase.as_deref(), status.reason.as_deref()), (Some("Failed"), Some("OutOfpods")));
    let message = "Pod was rejected: Node didn't have enough resource: pods, requested: 1, used: 1, capacity: 1";
    assert_eq!(status.message.as_deref(), Some(message));
    assert!(status.container_statuses.is_none() && status.start_time.is_some());

    agent.config.max_pods = 0;
    let agent = agent.crash_and_restart().await;
    let stages: Vec<Stage> = agent.node.pods().iter().map(|view| view.stage).collect();
    assert_eq!(agent.node.pod(&key()).unwrap().status.phase.as_deref(), Some("Running"), "{stages:?}");
    let refused = agent.node.pod(&"second".parse().unwrap()).unwrap();
    assert!(refused.ledger.is_refused(), "it may run after a crash");
    assert_eq!(agent.runtime.calls().iter().filter(|call| call.starts_with("RunPodSandbox")).count(), 1);
    agent.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_agent_on_the_same_folder_is_refused() {
    let agent = Agent::start().await;
    let error = Node::start(agent.config.clone()).await.unwrap_err();
    assert!(matches!(error, NodeError::AgentRunning { pid: Some(pid), .. } if pid == std::process::id()));
    let config = agent.config.clone();
    agent.node.shutdown().await;
    let Agent { node, folder, runtime, .. } = agent;
    drop(node);
    Node::start(config).await.unwrap().shutdown().await;
    drop((folder, runtime));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_runtime_the_agent_says_where_it_looked() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = reprise_node::NodeConfig::new(folder.path(), folder.path().join("none.sock"));
    config.runtime_wait = std::time::Duration::ZERO;
    let error = Node::start(config).await.unwrap_err();
    assert!(error.to_string().contains("none.sock"), "{error}");
}
