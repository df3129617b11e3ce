//! What Pods refer to.

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::{Patch, PatchParams};
use reprise_core::objects::{ApiObject, ObjectKey, ObjectKind};
use serde_json::json;

use crate::scene::{Scene, eventually, plain};

fn value(scene: &Scene) -> Option<String> {
    match &*scene.node().object(&ObjectKey::new(ObjectKind::ConfigMap, "default", "m"))? {
        ApiObject::ConfigMap(map) => map.data.as_ref()?.get("k").cloned(),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_config_map_is_there_before_its_pod_starts_follows_changes_and_goes_with_the_pod() {
    let scene = Scene::start().await;
    scene.create::<ConfigMap>(json!({"metadata": {"name": "m"}, "data": {"k": "1"}})).await;
    let mut spec = plain("Always");
    spec["containers"][0]["env"] = json!([{"name": "K", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "k"}}}]);
    scene.run("p", spec).await;
    scene.phase("p", "Running").await;
    assert_eq!(value(&scene).as_deref(), Some("1"));
    let patch = Patch::Merge(json!({"data": {"k": "2"}}));
    scene.api::<ConfigMap>().patch("m", &PatchParams::default(), &patch).await.unwrap();
    assert!(eventually(async || value(&scene).filter(|v| v == "2")).await.is_some());
    scene.delete("p", None).await;
    scene.gone("p").await;
    assert!(eventually(async || value(&scene).is_none().then_some(())).await.is_some());
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_waits_for_a_secret_that_comes_later() {
    if !rustix_is_root() {
        return;
    }
    let scene = Scene::start().await;
    let mut spec = plain("Always");
    spec["containers"][0]["envFrom"] = json!([{"secretRef": {"name": "s"}}]);
    scene.run("p", spec).await;
    let waits = |status: &k8s_openapi::api::core::v1::PodStatus| {
        let state = status.container_statuses.iter().flatten().next().and_then(|c| c.state.clone());
        state.and_then(|s| s.waiting).and_then(|w| w.reason).as_deref() == Some("CreateContainerConfigError")
    };
    scene.until("p", "waits", waits).await;
    scene.create::<Secret>(json!({"metadata": {"name": "s"}, "stringData": {"K": "v"}})).await;
    scene.phase("p", "Running").await;
    scene.delete("p", None).await;
    scene.gone("p").await;
    scene.end().await;
}

fn rustix_is_root() -> bool {
    std::fs::metadata("/proc/1/root/proc").is_ok()
}
