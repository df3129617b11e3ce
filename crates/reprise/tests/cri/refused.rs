//! What is left for later: each is refused with a sentence that names it, instead of being ignored.

use reprise_cri::v1::*;
use tonic::{Code, Status};

use crate::case::cases;
use crate::requests::{ContainerParts, SandboxParts, With, image, mount};
use crate::scene::Scene;

cases![user_namespaces, cdi_devices, hugepage_limits, image_volumes, mounts_with_mapped_ids, windows_configurations,];

/// Refused as something that the runtime does not do.
fn is_unsupported(refused: &Status, what: &str) {
    assert_eq!(refused.code(), Code::Unimplemented, "{refused}");
    assert!(refused.message().to_lowercase().contains(what), "{refused}");
}

async fn refuses(scene: &Scene, what: &str, change: impl FnOnce(&mut ContainerConfig)) {
    let pod = scene.pod().await;
    let config = scene.container("main", &["exit", "0"]).with(change);
    is_unsupported(&scene.try_create(&pod, config).await.unwrap_err(), what);
}

async fn user_namespaces(scene: &Scene) {
    let mapping = IdMapping { host_id: 100_000, container_id: 0, length: 65_536 };
    let of_pod = UserNamespace { mode: NamespaceMode::Pod.into(), uids: vec![mapping], gids: vec![mapping] };
    let config = scene.pod_config("pod").with(|pod| pod.namespaces().userns_options = Some(of_pod.clone()));
    is_unsupported(&scene.try_pod(config).await.err().unwrap(), "user namespace");
    // Asking for the host's is asking for nothing.
    let of_node = UserNamespace { mode: NamespaceMode::Node.into(), ..UserNamespace::default() };
    scene.pod_of(scene.pod_config("pod").with(|pod| pod.namespaces().userns_options = Some(of_node))).await;
}

async fn cdi_devices(scene: &Scene) {
    let device = CdiDevice { name: "vendor.com/device=one".into() };
    refuses(scene, "cdi", |config| config.cdi_devices.push(device)).await;
}

async fn hugepage_limits(scene: &Scene) {
    let limit = HugepageLimit { page_size: "2MB".into(), limit: 4 << 20 };
    refuses(scene, "hugepage", |config| config.resources().hugepage_limits.push(limit)).await;
    // A kubelet sends limits of zero to containers that have none.
    let pod = scene.pod().await;
    let none = HugepageLimit { page_size: "2MB".into(), limit: 0 };
    let config = scene.container("main", &["print", "runs"]);
    let report = scene.report(&pod, config.with(|config| config.resources().hugepage_limits.push(none))).await;
    assert_eq!(report, "runs\n");
}

async fn image_volumes(scene: &Scene) {
    let volume = Mount {
        container_path: "/data".into(),
        image: image(reprise_testkit::TESTLOAD_IMAGE),
        readonly: true,
        ..Mount::default()
    };
    refuses(scene, "image volume", |config| config.mounts.push(volume)).await;
}

async fn mounts_with_mapped_ids(scene: &Scene) {
    let mapping = IdMapping { host_id: 100_000, container_id: 0, length: 65_536 };
    let mapped = mount(&scene.folder("data"), "/data").with(|mount| mount.uid_mappings.push(mapping));
    refuses(scene, "map", |config| config.mounts.push(mapped)).await;
}

async fn windows_configurations(scene: &Scene) {
    refuses(scene, "windows", |config| config.windows = Some(WindowsContainerConfig::default())).await;
}
