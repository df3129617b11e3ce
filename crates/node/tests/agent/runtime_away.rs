//! The runtime goes away and comes back.

use reprise_core::backoff::BackoffLimits;

use crate::harness::{Agent, container, key, watched_pod};

#[tokio::test(flavor = "multi_thread")]
async fn an_exit_while_the_runtime_was_away_is_seen_when_it_is_back() {
    let mut agent = Agent::start().await;
    agent.node.apply(watched_pod()).await.unwrap();
    agent.ready().await;
    agent.runtime.die().await;
    agent.runtime.exit("watcher", 88);
    agent.runtime.serve();
    agent.happens("RestartStepped").await;
    let status = agent.ready().await;
    assert_eq!(container(&status, "main").restart_count, 1);
    agent.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_goes_on_when_the_runtime_dies_in_the_middle() {
    // With Kubernetes' long delays: a runtime that is away is no failure of the container.
    let mut agent = Agent::start_with(|config, _| config.limits = BackoffLimits::default()).await;
    agent.node.apply(watched_pod()).await.unwrap();
    agent.ready().await;
    agent.runtime.hold("CreateContainer main@1");
    agent.runtime.exit("watcher", 88);
    agent.runtime.until("the create hangs", |s| s.called("CreateContainer main@1")).await;
    agent.runtime.die().await;
    agent.runtime.release();
    agent.runtime.serve();
    let status = agent.ready().await;
    assert_eq!(agent.node.pod(&key()).unwrap().ledger.epoch, 1);
    assert_eq!(container(&status, "main").restart_count, 1);
    let alive = agent.runtime.state().containers.values().filter(|(_, c)| c.state == 1).count();
    assert_eq!(alive, 2, "one watcher and one main");
    agent.end().await;
}
