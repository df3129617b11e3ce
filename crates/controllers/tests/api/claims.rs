use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use serde_json::json;

use crate::scene::Scene;

#[tokio::test]
async fn a_claim_gets_a_volume_and_the_volume_is_released_with_it() {
    let scene = Scene::new().await;
    let volumes: Api<PersistentVolume> = Api::all(scene.client.clone());
    let claim = json!({"metadata": {"name": "c"}, "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "",
        "resources": {"requests": {"storage": "1Gi"}}}});
    scene.create::<PersistentVolumeClaim>(claim).await;
    let pending = "FailedBinding no persistent volumes available for this claim and no storage class is set".to_owned();
    scene.until("an event", async |scene| scene.events("c").await.contains(&pending).then_some(())).await;
    let volume = serde_json::from_value(json!({"metadata": {"name": "v"}, "spec": {"capacity": {"storage": "2Gi"},
        "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/data"}, "persistentVolumeReclaimPolicy": "Retain"}}));
    volumes.create(&PostParams::default(), &volume.unwrap()).await.unwrap();
    let claims: Api<PersistentVolumeClaim> = scene.api();
    let bound = async |_: &Scene| {
        let claim = claims.get("c").await.unwrap();
        claim.status.as_ref().is_some_and(|status| status.phase.as_deref() == Some("Bound")).then_some(claim)
    };
    let claim = scene.until("a binding", bound).await;
    assert_eq!(claim.spec.unwrap().volume_name.as_deref(), Some("v"));
    assert_eq!(claim.status.unwrap().capacity.unwrap()["storage"].0, "2Gi");
    let phase = async |_: &Scene| volumes.get("v").await.unwrap().status?.phase;
    assert_eq!(scene.until("a phase", phase).await, "Bound");
    claims.delete("c", &DeleteParams::default()).await.unwrap();
    scene.until("the release", async |scene| phase(scene).await.filter(|phase| phase == "Released")).await;
    scene.end().await;
}
