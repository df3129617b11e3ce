use k8s_openapi::api::core::v1::{Node, Pod};
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::json;

use crate::scene::{Scene, pod};

async fn node_of(scene: &Scene, name: &str) -> Option<String> {
    scene.api::<Pod>().get(name).await.unwrap().spec.and_then(|spec| spec.node_name)
}

/// The message of `PodScheduled=False`.
async fn obstacle(scene: &Scene, name: &str) -> Option<String> {
    let status = scene.api::<Pod>().get(name).await.unwrap().status.unwrap_or_default();
    let conditions = status.conditions.unwrap_or_default();
    let condition = conditions.into_iter().find(|own| own.type_ == "PodScheduled" && own.status == "False");
    condition.filter(|own| own.reason.as_deref() == Some("Unschedulable")).and_then(|own| own.message)
}

#[tokio::test]
async fn a_pod_waits_for_a_node_that_fits_and_says_why() {
    let scene = Scene::new().await;
    scene.create::<Pod>(pod("p", "2")).await;
    let why = scene.until("a reason", |scene| obstacle(scene, "p")).await;
    assert_eq!(why, "no nodes available to schedule pods");
    scene.create_node("small", "1").await;
    let small = "0/1 nodes are available: 1 Insufficient cpu.";
    scene.until("another reason", async |scene| obstacle(scene, "p").await.filter(|why| why == small)).await;
    scene.create_node("large", "3").await;
    let node = scene.until("a node", |scene| node_of(scene, "p")).await;
    assert_eq!(node, "large");
    let scheduled = "Scheduled Successfully assigned default/p to large".to_owned();
    scene.until("an event", async |scene| scene.events("p").await.contains(&scheduled).then_some(())).await;
    assert!(scene.events("p").await.contains(&format!("FailedScheduling {small}")));
    scene.end().await;
}

#[tokio::test]
async fn what_a_pod_leaves_another_one_gets_and_a_cordoned_node_gets_none() {
    let scene = Scene::new().await;
    scene.create_node("a", "1").await;
    scene.create::<Pod>(pod("first", "1")).await;
    scene.until("a node", |scene| node_of(scene, "first")).await;
    scene.create::<Pod>(pod("second", "1")).await;
    scene.until("a reason", |scene| obstacle(scene, "second")).await;
    let nodes: Api<Node> = Api::all(scene.client.clone());
    let cordon = |on: bool| Patch::Merge(json!({"spec": {"unschedulable": on}}));
    nodes.patch("a", &PatchParams::default(), &cordon(true)).await.unwrap();
    scene.api::<Pod>().delete("first", &DeleteParams::default().grace_period(0)).await.unwrap();
    let cordoned = "0/1 nodes are available: 1 node(s) were unschedulable.";
    scene.until("another reason", async |scene| obstacle(scene, "second").await.filter(|why| why == cordoned)).await;
    nodes.patch("a", &PatchParams::default(), &cordon(false)).await.unwrap();
    assert_eq!(scene.until("a node", |scene| node_of(scene, "second")).await, "a");
    scene.end().await;
}

#[tokio::test]
async fn many_pods_at_once_never_share_what_one_has() {
    let scene = Scene::new().await;
    for name in ["a", "b", "c"] {
        scene.create_node(name, "4").await;
    }
    for i in 0..15 {
        scene.create::<Pod>(pod(&format!("p{i}"), "1")).await;
    }
    let placed = async |scene: &Scene| {
        let nodes: Vec<_> = scene.pods().await.into_iter().filter_map(|pod| pod.spec.unwrap().node_name).collect();
        (nodes.len() == 12).then_some(nodes)
    };
    let nodes = scene.until("twelve placed Pods", placed).await;
    for name in ["a", "b", "c"] {
        assert_eq!(nodes.iter().filter(|node| *node == name).count(), 4, "{nodes:?}");
    }
    scene.end().await;
}
