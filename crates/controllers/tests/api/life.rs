use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod, ServiceAccount};
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::json;

use crate::scene::{Scene, pod};

#[tokio::test]
async fn a_namespace_begins_with_an_account_and_certificates_and_ends_with_all_that_is_in_it() {
    let scene = Scene::new().await;
    let namespaces: Api<Namespace> = Api::all(scene.client.clone());
    let namespace = serde_json::from_value(json!({"metadata": {"name": "n"}})).unwrap();
    namespaces.create(&PostParams::default(), &namespace).await.unwrap();
    let accounts: Api<ServiceAccount> = Api::namespaced(scene.client.clone(), "n");
    let maps: Api<ConfigMap> = Api::namespaced(scene.client.clone(), "n");
    scene.until("an account", async |_| accounts.get_opt("default").await.unwrap()).await;
    let map = scene.until("certificates", async |_| maps.get_opt("kube-root-ca.crt").await.unwrap()).await;
    assert!(map.data.unwrap()["ca.crt"].contains("BEGIN CERTIFICATE"));
    maps.delete("kube-root-ca.crt", &DeleteParams::default()).await.unwrap();
    scene.until("certificates again", async |_| maps.get_opt("kube-root-ca.crt").await.unwrap()).await;

    let pods: Api<Pod> = Api::namespaced(scene.client.clone(), "n");
    let pod = serde_json::from_value(pod("p", "1")).unwrap();
    pods.create(&PostParams::default(), &pod).await.unwrap();
    namespaces.delete("n", &DeleteParams::default()).await.unwrap();
    scene.until("the end", async |_| namespaces.get_opt("n").await.unwrap().is_none().then_some(())).await;
    assert!(pods.list(&Default::default()).await.unwrap().items.is_empty());
    assert!(maps.list(&Default::default()).await.unwrap().items.is_empty());
    scene.end().await;
}

#[tokio::test]
async fn a_namespace_says_what_it_waits_for() {
    let scene = Scene::new().await;
    let namespaces: Api<Namespace> = Api::all(scene.client.clone());
    let namespace = serde_json::from_value(json!({"metadata": {"name": "held"}})).unwrap();
    namespaces.create(&PostParams::default(), &namespace).await.unwrap();
    let maps: Api<ConfigMap> = Api::namespaced(scene.client.clone(), "held");
    let held = serde_json::from_value(json!({"metadata": {"name": "m", "finalizers": ["example.com/held"]}})).unwrap();
    maps.create(&PostParams::default(), &held).await.unwrap();
    namespaces.delete("held", &DeleteParams::default()).await.unwrap();
    let told = async |_: &Scene| {
        let conditions = namespaces.get("held").await.unwrap().status?.conditions?;
        conditions
            .iter()
            .any(|own| own.message.as_deref().is_some_and(|m| m.contains("example.com/held")))
            .then_some(())
    };
    scene.until("the condition", told).await;
    let off = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    maps.patch("m", &PatchParams::default(), &off).await.unwrap();
    scene.until("the end", async |_| namespaces.get_opt("held").await.unwrap().is_none().then_some(())).await;
    scene.end().await;
}

#[tokio::test]
async fn what_names_an_owner_that_never_was_goes() {
    let scene = Scene::new().await;
    let owner = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "nobody", "uid": "11111111-2222-3333-4444-555555555555"});
    scene.create::<ConfigMap>(json!({"metadata": {"name": "m", "ownerReferences": [owner]}})).await;
    let foreign = json!({"apiVersion": "example.com/v1", "kind": "Thing", "name": "x", "uid": "11111111-2222-3333-4444-666666666666"});
    scene.create::<ConfigMap>(json!({"metadata": {"name": "kept", "ownerReferences": [foreign]}})).await;
    let maps: Api<ConfigMap> = scene.api();
    scene.until("the end", async |_| maps.get_opt("m").await.unwrap().is_none().then_some(())).await;
    assert!(maps.get_opt("kept").await.unwrap().is_some(), "of a kind that nobody here knows");
    scene.end().await;
}
