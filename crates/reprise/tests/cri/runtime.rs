//! Calls about the runtime itself.

use reprise_cri::v1::*;
use tonic::Code;

use crate::case::cases;
use crate::scene::Scene;

cases![
    version_says_name_and_protocol,
    status_says_that_runtime_and_network_are_ready,
    status_says_what_the_runtime_can_do,
    runtime_config_says_who_makes_cgroups,
    a_pod_range_from_the_node_is_taken_note_of,
    checkpoints_are_refused,
    an_empty_request_is_refused_and_the_connection_goes_on,
];

async fn version_says_name_and_protocol(scene: &Scene) {
    for asked in ["v1", ""] {
        let request = VersionRequest { version: asked.to_owned() };
        let answer = scene.runtime().version(request).await.unwrap().into_inner();
        assert_eq!((answer.version.as_str(), answer.runtime_api_version.as_str()), ("0.1.0", "v1"));
        assert_eq!(answer.runtime_name, if scene.is_ours() { "reprise" } else { "containerd" });
        assert!(!answer.runtime_version.is_empty());
    }
}

async fn status_says_that_runtime_and_network_are_ready(scene: &Scene) {
    for verbose in [false, true] {
        let answer = scene.runtime().status(StatusRequest { verbose }).await.unwrap().into_inner();
        let mut conditions: Vec<_> =
            answer.status.unwrap().conditions.into_iter().map(|c| (c.r#type, c.status)).collect();
        conditions.sort();
        assert_eq!(conditions, [("NetworkReady".to_owned(), true), ("RuntimeReady".to_owned(), true)]);
        assert_eq!(answer.info.is_empty(), !verbose, "details are for those who ask");
    }
}

async fn status_says_what_the_runtime_can_do(scene: &Scene) {
    let answer = scene.runtime().status(StatusRequest { verbose: false }).await.unwrap().into_inner();
    let usual = answer.runtime_handlers.iter().find(|handler| handler.name.is_empty()).expect("the usual handler");
    let features = usual.features.unwrap();
    assert!(features.recursive_read_only_mounts && !features.user_namespaces);
    assert!(answer.features.unwrap().supplemental_groups_policy);
}

async fn runtime_config_says_who_makes_cgroups(scene: &Scene) {
    let answer = scene.runtime().runtime_config(RuntimeConfigRequest {}).await.unwrap().into_inner();
    assert_eq!(answer.linux.unwrap().cgroup_driver(), CgroupDriver::Cgroupfs);
}

async fn a_pod_range_from_the_node_is_taken_note_of(scene: &Scene) {
    let update = |pod_cidr: &str| {
        let network_config = Some(NetworkConfig { pod_cidr: pod_cidr.to_owned() });
        let runtime_config = Some(RuntimeConfig { network_config });
        async { scene.runtime().update_runtime_config(UpdateRuntimeConfigRequest { runtime_config }).await }
    };
    for _ in 0..2 {
        update("10.99.0.0/24").await.unwrap();
    }
    update("").await.unwrap();
    scene.runtime().update_runtime_config(UpdateRuntimeConfigRequest { runtime_config: None }).await.unwrap();
}

async fn checkpoints_are_refused(scene: &Scene) {
    let pod = scene.pod().await;
    let id = scene.run(&pod, scene.container("main", &["forever"])).await;
    let location = scene.scratch().join("checkpoint.tar");
    let request = CheckpointContainerRequest {
        container_id: id.clone(),
        location: location.to_str().unwrap().to_owned(),
        timeout: 5,
    };
    let refused = scene.runtime().checkpoint_container(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented, "{refused}");
    assert!(!location.exists());
    assert_eq!(scene.status(&id).await.state(), ContainerState::ContainerRunning);
}

async fn an_empty_request_is_refused_and_the_connection_goes_on(scene: &Scene) {
    let refused = scene.runtime().run_pod_sandbox(RunPodSandboxRequest::default()).await.unwrap_err();
    assert_ne!(refused.code(), Code::Unavailable, "{refused}");
    assert!(scene.runtime().create_container(CreateContainerRequest::default()).await.is_err());
    scene.runtime().version(VersionRequest::default()).await.unwrap();
}
