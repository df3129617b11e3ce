use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::json;
use tokio::task::JoinHandle;

use crate::scene::{Scene, pod};

/// Renews the node's lease until it is ended.
async fn beat(scene: &Scene, node: &'static str) -> JoinHandle<()> {
    let leases: Api<Lease> = Api::namespaced(scene.client.clone(), "kube-node-lease");
    let now = |offset: i64| {
        (Timestamp::now() + SignedDuration::from_secs(offset)).strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
    };
    let lease = json!({"metadata": {"name": node}, "spec": {"holderIdentity": node, "renewTime": now(0)}});
    if leases.get_opt(node).await.unwrap().is_none() {
        leases.create(&PostParams::default(), &serde_json::from_value(lease).unwrap()).await.unwrap();
    }
    tokio::spawn(async move {
        loop {
            // A clock that is an hour late is no reason to give a node up.
            let renewed = Patch::Merge(json!({"spec": {"renewTime": now(-3600)}}));
            leases.patch(node, &PatchParams::default(), &renewed).await.unwrap();
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
}

async fn taints(scene: &Scene, node: &str) -> Vec<String> {
    let nodes: Api<Node> = Api::all(scene.client.clone());
    let taints = nodes.get(node).await.unwrap().spec.unwrap_or_default().taints.unwrap_or_default();
    taints.into_iter().map(|taint| format!("{}:{}", taint.key, taint.effect)).collect()
}

#[tokio::test]
async fn a_silent_node_is_left_by_pods_that_do_not_wait_and_welcome_when_it_is_back() {
    let scene = Scene::with_grace(Duration::from_secs(2)).await;
    for name in ["a", "b"] {
        scene.create_node(name, "4").await;
    }
    let _b = beat(&scene, "b").await;
    let a = beat(&scene, "a").await;
    let on_a = |name: &str, seconds: i64| {
        let mut pod = pod(name, "1");
        pod["spec"]["nodeSelector"] = json!({"kubernetes.io/hostname": "a"});
        pod["spec"]["tolerations"] = json!([{"key": "node.kubernetes.io/unreachable", "operator": "Exists",
            "effect": "NoExecute", "tolerationSeconds": seconds}]);
        pod
    };
    scene.create::<Pod>(on_a("patient", 300)).await;
    scene.create::<Pod>(on_a("hasty", 1)).await;
    let placed = async |scene: &Scene| {
        scene.pods().await.iter().all(|pod| pod.spec.as_ref().unwrap().node_name.is_some()).then_some(())
    };
    scene.until("a node for each", placed).await;
    a.abort();
    let lost = ["node.kubernetes.io/unreachable:NoSchedule", "node.kubernetes.io/unreachable:NoExecute"];
    scene.until("taints", async |scene| (taints(scene, "a").await == lost).then_some(())).await;
    let leaves = async |scene: &Scene| {
        let pod = scene.api::<Pod>().get("hasty").await.unwrap();
        pod.metadata.deletion_timestamp.as_ref()?;
        let conditions = pod.status?.conditions?;
        conditions.into_iter().find(|own| own.type_ == "DisruptionTarget").and_then(|own| own.reason)
    };
    assert_eq!(scene.until("an eviction", leaves).await, "DeletionByTaintManager");
    let patient = scene.api::<Pod>().get("patient").await.unwrap();
    assert!(patient.metadata.deletion_timestamp.is_none());
    assert!(taints(&scene, "b").await.is_empty());

    let _a = beat(&scene, "a").await;
    let nodes: Api<Node> = Api::all(scene.client.clone());
    let ready = json!({"status": {"conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}]}});
    nodes.patch_status("a", &PatchParams::default(), &Patch::Strategic(ready)).await.unwrap();
    scene.until("no taints", async |scene| taints(scene, "a").await.is_empty().then_some(())).await;
    assert!(scene.api::<Pod>().get("patient").await.unwrap().metadata.deletion_timestamp.is_none());
    scene.end().await;
}

#[tokio::test]
async fn a_pod_that_was_deleted_before_it_had_a_node_does_not_stay() {
    let scene = Scene::new().await;
    let mut held = pod("held", "1");
    held["metadata"]["finalizers"] = json!(["example.com/held"]);
    scene.create::<Pod>(held).await;
    scene.api::<Pod>().delete("held", &DeleteParams::default()).await.unwrap();
    let off = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    scene.api::<Pod>().patch("held", &PatchParams::default(), &off).await.unwrap();
    scene.until("the end", async |scene| scene.pods().await.is_empty().then_some(())).await;
    scene.end().await;
}
