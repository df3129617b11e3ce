//! Starting a Pod.

use reprise_core::plan::Stage;
use serde_json::json;

use crate::harness::{Agent, container, key, pod, watched_pod};

#[tokio::test(flavor = "multi_thread")]
async fn containers_start_in_order_and_the_pod_becomes_ready() {
    let mut agent = Agent::start().await;
    agent.node.apply(watched_pod()).await.unwrap();
    let status = agent.ready().await;
    assert_eq!(status.pod_ip.as_deref(), Some("10.9.8.7"));
    assert_eq!(container(&status, "main").image_id, "busybox@sha256:1");
    assert_eq!(
        agent.runtime.calls(),
        [
            "RunPodSandbox ",
            "CreateContainer setup@0",
            "StartContainer setup@0",
            "CreateContainer watcher@0",
            "StartContainer watcher@0",
            "CreateContainer main@0",
            "StartContainer main@0",
        ]
    );
    agent.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runtime_whose_events_say_little_is_asked_for_the_rest() {
    let mut agent = Agent::start_with(|_, runtime| runtime.state().bare_events = true).await;
    agent.node.apply(watched_pod()).await.unwrap();
    agent.ready().await;
    agent.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runtime_without_events_is_polled() {
    let mut agent = Agent::start_with(|_, runtime| runtime.state().no_events = true).await;
    agent.node.apply(watched_pod()).await.unwrap();
    agent.ready().await;
    agent.runtime.exit("watcher", 88);
    agent.happens("RestartStepped").await;
    agent.ready().await;
    agent.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_has_done_its_work_ends_and_keeps_its_last_words() {
    let mut agent = Agent::start().await;
    agent.node.apply(pod(json!({"containers": [{"name": "main", "image": "busybox:1"}]}))).await.unwrap();
    agent.ready().await;
    let view = agent.node.pod(&key()).unwrap();
    let file = agent.config.data_dir.join("pods").join(view.pod.metadata.uid.unwrap());
    std::fs::write(file.join("containers/main/termination-log"), "all done").unwrap();
    agent.runtime.exit("main", 0);
    let status = agent.stage(Stage::Ended).await;
    assert_eq!(status.phase.as_deref(), Some("Succeeded"));
    let ended = container(&status, "main").state.clone().unwrap().terminated.unwrap();
    assert_eq!((ended.exit_code, ended.message.as_deref()), (0, Some("all done")));
    agent.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_beyond_its_limit_evicts_the_pod() {
    let mut agent = Agent::start_with(|config, _| config.usage_period = std::time::Duration::from_millis(20)).await;
    let spec = json!({
        "terminationGracePeriodSeconds": 0,
        "volumes": [{"name": "scratch", "emptyDir": {"sizeLimit": "1Mi"}}],
        "containers": [{"name": "main", "image": "busybox:1", "volumeMounts": [{"name": "scratch", "mountPath": "/s"}]}]
    });
    agent.node.apply(pod(spec)).await.unwrap();
    agent.ready().await;
    let id = agent.runtime.running("main").unwrap();
    let mounts = agent.runtime.state().containers[&id].1.mounts.clone();
    let volume = mounts.iter().find(|m| m.container_path == "/s").unwrap().host_path.clone();
    std::fs::write(format!("{volume}/big"), vec![1; 2 << 20]).unwrap();
    let status = agent.stage(Stage::Ended).await;
    assert_eq!((status.phase.as_deref(), status.reason.as_deref()), (Some("Failed"), Some("Evicted")));
    let message = status.message.unwrap();
    assert!(message.contains("Usage of EmptyDir volume \"scratch\" exceeds the limit \"1Mi\"."), "{message}");
    agent.end().await;
}
