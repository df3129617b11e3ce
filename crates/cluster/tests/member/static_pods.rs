//! Static Pods and their mirrors.

use std::fs;

use reprise_node::StaticPodConfig;

use crate::scene::{NODE, Scene, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_static_pod_has_a_mirror_that_comes_back_and_goes_with_its_manifest() {
    let manifests = tempfile::tempdir().unwrap();
    let manifest = manifests.path().join("web.yaml");
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {terminationGracePeriodSeconds: 1, containers: [{name: main, image: 'busybox:1'}]}\n";
    fs::write(&manifest, text).unwrap();
    let path = Some(manifests.path().to_owned());
    let scene =
        Scene::start_with(|config| config.static_pods = StaticPodConfig { path, ..StaticPodConfig::default() }).await;
    let name = format!("web-{NODE}");
    let first = scene.phase(&name, "Running").await;
    assert!(first.metadata.annotations.unwrap().contains_key("kubernetes.io/config.mirror"));
    scene.delete(&name, Some(0)).await;
    let again = eventually(async || {
        let pod = scene.pods().get_opt(&name).await.unwrap()?;
        let runs = pod.status.as_ref().is_some_and(|s| s.phase.as_deref() == Some("Running"));
        (runs && pod.metadata.uid != first.metadata.uid).then_some(())
    });
    assert!(again.await.is_some());
    assert_eq!(scene.runtime.state().sandboxes.len(), 1, "the Pod itself goes on");
    fs::remove_file(&manifest).unwrap();
    scene.gone(&name).await;
    scene.end().await;
}
