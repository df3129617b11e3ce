//! The control socket.

use std::os::unix::fs::PermissionsExt;

use reprise_node::{ControlClient, ControlError, WantedStreams};

use crate::harness::{Agent, key, watched_pod};

#[tokio::test(flavor = "multi_thread")]
async fn another_process_can_look_act_and_run_commands() {
    let mut agent = Agent::start_with(|config, _| {
        // Too long for a socket address.
        config.data_dir = config.data_dir.join("d".repeat(100));
    })
    .await;
    agent.node.apply(watched_pod()).await.unwrap();
    agent.ready().await;
    let data_dir = &agent.config.data_dir.clone();
    let mode = std::fs::metadata(data_dir.join("agent.sock")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let mut client = ControlClient::connect(data_dir).await.unwrap();
    let pods = client.pods().await.unwrap();
    assert_eq!((pods.len(), pods[0].status.phase.as_deref()), (1, Some("Running")));
    let streams = WantedStreams { stdin: true, stdout: true, stderr: false, tty: true };
    let url = client.exec(key(), None, vec!["echo".into(), "hi".into()], streams).await.unwrap();
    assert_eq!(url, "http://fake/exec/echo hi");
    let error = client.exec(key(), Some("setup".into()), vec!["true".into()], streams).await.unwrap_err();
    assert!(matches!(error, ControlError::Refused { not_found: false, .. }), "{error}");
    assert_eq!(client.attach(key(), None, streams).await.unwrap(), "http://fake/attach");

    client.annotate(key(), "reprise.dev/restart-at", &jiff::Timestamp::now().to_string()).await.unwrap();
    agent.happens("RestartStepped").await;
    agent.ready().await;
    client.delete(key(), Some(0), true).await.unwrap();
    assert!(client.pods().await.unwrap().is_empty());
    let error = client.delete(key(), None, false).await.unwrap_err();
    assert!(matches!(error, ControlError::Refused { not_found: true, .. }), "{error}");
    agent.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_agent_the_client_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let error = ControlClient::connect(folder.path()).await.unwrap_err();
    assert!(matches!(error, ControlError::NoAgent { .. }));
}
