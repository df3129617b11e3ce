//! Pods that refer to ConfigMaps and claims which appear and change.

use jiff::SignedDuration;
use reprise_core::backoff::BackoffLimits;
use reprise_core::objects::ApiObject;
use reprise_core::timeline::Happened;
use reprise_node::News;
use serde_json::{Value, json};

use crate::harness::{Agent, key, pod, waiting};

/// An agent that tries nothing again by itself within the time of a test.
async fn patient() -> Agent {
    let long = SignedDuration::from_hours(1);
    Agent::start_with(|config, _| config.limits = BackoffLimits { initial: long, max: long }).await
}

fn map(data: Value) -> Vec<ApiObject> {
    let metadata = json!({"name": "m", "namespace": "default", "uid": "m"});
    vec![ApiObject::ConfigMap(serde_json::from_value(json!({"metadata": metadata, "data": data})).unwrap())]
}

fn with_volume(source: Value) -> k8s_openapi::api::core::v1::Pod {
    let mut volume = source;
    volume["name"] = json!("v");
    pod(json!({"volumes": [volume], "containers": [{"name": "main", "image": "busybox:1"}]}))
}

async fn refusal(agent: &mut Agent) -> (String, String) {
    let Happened::SetupFailed { reason, message, .. } = agent.happens("SetupFailed").await else { panic!() };
    (reason, message)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_starts_at_once_when_the_config_map_of_its_variables_appears() {
    let mut agent = patient().await;
    let from = json!([{"configMapRef": {"name": "m"}}]);
    let spec = json!({"containers": [{"name": "main", "image": "busybox:1", "envFrom": from}]});
    agent.node.apply(pod(spec)).await.unwrap();
    agent.status("it waits", |s| waiting(s, "main") == Some("CreateContainerConfigError")).await;
    agent.node.apply_objects(map(json!({"a": "1"}))).await.unwrap();
    agent.ready().await;
    agent.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_starts_at_once_when_the_config_map_of_its_volume_appears_and_follows_it() {
    let mut agent = patient().await;
    agent.node.apply(with_volume(json!({"configMap": {"name": "m"}}))).await.unwrap();
    let (reason, message) = refusal(&mut agent).await;
    assert_eq!(reason, "FailedMount");
    assert_eq!(message, "MountVolume.SetUp failed for volume \"v\" : configmap \"m\" not found");
    agent.node.apply_objects(map(json!({"a": "1"}))).await.unwrap();
    agent.ready().await;
    let uid = agent.node.pod(&key()).unwrap().pod.metadata.uid.unwrap();
    let volume = agent.config.data_dir.join("pods").join(uid).join("volumes/kubernetes.io~configmap/v");
    assert_eq!(std::fs::read_to_string(volume.join("a")).unwrap(), "1");
    agent.node.apply_objects(map(json!({"b": "2"}))).await.unwrap();
    let changed = async {
        while std::fs::read_to_string(volume.join("b")).is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), changed).await.unwrap();
    agent.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_takes_a_file_away_is_told_and_the_containers_go_on_with_what_they_have() {
    let mut agent = patient().await;
    agent.node.apply_objects(map(json!({"a": "1"}))).await.unwrap();
    let items = json!([{"key": "a", "path": "f"}]);
    agent.node.apply(with_volume(json!({"configMap": {"name": "m", "items": items}}))).await.unwrap();
    agent.ready().await;
    agent.node.apply_objects(map(json!({"b": "2"}))).await.unwrap();
    let message = agent.next("the Event", |e| match &e.news {
        News::Event(event) if event.reason == "FailedMount" => Some(event.message.clone()),
        _ => None,
    });
    let message = message.await;
    assert!(message.ends_with("volume \"v\" : configmap references non-existent config key: a"), "{message}");
    let uid = agent.node.pod(&key()).unwrap().pod.metadata.uid.unwrap();
    let volume = agent.config.data_dir.join("pods").join(uid).join("volumes/kubernetes.io~configmap/v");
    assert_eq!(std::fs::read_to_string(volume.join("f")).unwrap(), "1");
    agent.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_starts_at_once_when_its_claim_gets_a_volume_also_after_a_crash() {
    let mut agent = patient().await;
    let size = json!({"storage": "1Gi"});
    let metadata = |name: &str| json!({"name": name, "namespace": "default", "uid": name});
    let claim = json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": size}});
    let claim = serde_json::from_value(json!({"metadata": metadata("c"), "spec": claim})).unwrap();
    let volume = json!({"accessModes": ["ReadWriteOnce"], "capacity": size, "hostPath": {"path": agent.folder.path()}});
    let volume = serde_json::from_value(json!({"metadata": {"name": "big", "uid": "big"}, "spec": volume})).unwrap();
    agent.node.apply_objects(vec![ApiObject::PersistentVolumeClaim(claim)]).await.unwrap();
    agent.node.apply(with_volume(json!({"persistentVolumeClaim": {"claimName": "c"}}))).await.unwrap();
    let (_, message) = refusal(&mut agent).await;
    assert!(message.contains("error processing PVC default/c: PVC is not bound"), "{message}");
    let mut agent = agent.crash_and_restart().await;
    let (_, again) = refusal(&mut agent).await;
    assert_eq!(again, message, "the claim is still known");
    agent.node.apply_objects(vec![ApiObject::PersistentVolume(volume)]).await.unwrap();
    agent.ready().await;
    agent.end().await;
}
