//! What the API has of the node.

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::api::storage::v1::CSINode;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::scene::{NODE, Scene, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn the_node_registers_with_all_that_a_scheduler_asks_for() {
    let scene = Scene::start().await;
    scene.member().ready().await;
    let nodes: Api<Node> = Api::all(scene.admin.clone());
    let node = nodes.get(NODE).await.unwrap();
    let labels = node.metadata.labels.unwrap();
    assert_eq!((labels["kubernetes.io/hostname"].as_str(), labels["kubernetes.io/os"].as_str()), (NODE, "linux"));
    let status = node.status.unwrap();
    let port = i32::from(scene.node().http_address().unwrap().port());
    assert_eq!(status.daemon_endpoints.unwrap().kubelet_endpoint.unwrap().port, port);
    let kinds: Vec<String> = status.conditions.unwrap().into_iter().map(|c| c.type_).collect();
    assert_eq!(kinds, ["MemoryPressure", "DiskPressure", "PIDPressure", "Ready"]);
    assert!(status.declared_features.unwrap().contains(&"RestartAllContainersOnContainerExits".to_owned()));
    let (capacity, allocatable) = (status.capacity.unwrap(), status.allocatable.unwrap());
    assert!(
        ["cpu", "memory", "pods", "ephemeral-storage"]
            .iter()
            .all(|r| capacity.contains_key(*r) && allocatable.contains_key(*r))
    );
    let leases: Api<Lease> = Api::namespaced(scene.admin.clone(), "kube-node-lease");
    let lease = eventually(async || leases.get(NODE).await.ok()).await.expect("a lease");
    assert_eq!(lease.spec.unwrap().holder_identity.as_deref(), Some(NODE));
    let csi: Api<CSINode> = Api::all(scene.admin.clone());
    assert!(eventually(async || csi.get(NODE).await.ok()).await.is_some());
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_there_already_is_taken_over_with_what_others_made_of_it() {
    let mut scene = Scene::start().await;
    scene.member().ready().await;
    let nodes: Api<Node> = Api::all(scene.admin.clone());
    let first = nodes.get(NODE).await.unwrap();
    let patch =
        json!({"metadata": {"labels": {"mine": "1", "kubernetes.io/os": "other"}}, "spec": {"unschedulable": true}});
    nodes.patch(NODE, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    scene.kill_node().await;
    scene.start_node().await;
    scene.member().ready().await;
    let again = nodes.get(NODE).await.unwrap();
    assert_eq!(again.metadata.uid, first.metadata.uid);
    let labels = again.metadata.labels.unwrap();
    assert_eq!((labels["mine"].as_str(), labels["kubernetes.io/os"].as_str()), ("1", "linux"));
    assert_eq!(again.spec.unwrap().unschedulable, Some(true));
    scene.end().await;
}
