//! Deleting Pods.

use jiff::SignedDuration;
use reprise_core::plan::Stage;
use reprise_node::NodeError;

use crate::harness::{Agent, key, watched_pod};

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_gets_its_grace_and_a_later_shorter_one_cuts_it_short() {
    let mut agent = Agent::start().await;
    agent.node.apply(watched_pod()).await.unwrap();
    agent.ready().await;
    agent.node.delete(&key(), Some(SignedDuration::from_secs(20))).await.unwrap();
    agent.runtime.until("main is asked to end", |s| s.called("StopContainer main@0 20")).await;
    let pod = agent.node.pod(&key()).unwrap().pod;
    assert_eq!(pod.metadata.deletion_grace_period_seconds, Some(20));
    agent.node.delete(&key(), Some(SignedDuration::from_secs(3000))).await.unwrap();
    assert_eq!(agent.node.pod(&key()).unwrap().pod.metadata.deletion_timestamp, pod.metadata.deletion_timestamp);

    agent.node.delete(&key(), Some(SignedDuration::ZERO)).await.unwrap();
    agent.stage(Stage::Gone).await;
    agent.node.gone(&key()).await;
    assert!(agent.node.pods().is_empty());
    let state_is_empty = agent.runtime.state().containers.is_empty() && agent.runtime.state().sandboxes.is_empty();
    assert!(state_is_empty);
    for folder in ["pods", "logs/pods"] {
        assert_eq!(std::fs::read_dir(agent.config.data_dir.join(folder)).unwrap().count(), 0, "{folder}");
    }
    assert!(matches!(agent.node.delete(&key(), None).await, Err(NodeError::NoSuchPod { .. })));
    agent.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_survives_the_agent() {
    let mut agent = Agent::start().await;
    agent.node.apply(watched_pod()).await.unwrap();
    agent.ready().await;
    agent.runtime.hold("StopContainer");
    agent.node.delete(&key(), Some(SignedDuration::ZERO)).await.unwrap();
    let mut agent = agent.crash_do_restart(crate::fake_runtime::Fake::release).await;
    agent.stage(Stage::Gone).await;
    agent.end().await;
}
