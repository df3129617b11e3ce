//! One container from its creation to its removal.

use reprise_cri::v1::*;
use reprise_testkit::TESTLOAD_IMAGE;
use tonic::Code;

use crate::case::cases;
use crate::requests::{ContainerParts, With, image, mount, strings};
use crate::scene::Scene;

cases![
    a_container_goes_from_created_to_running_to_exited,
    a_status_shows_what_the_container_was_given,
    exit_codes_and_reasons_are_kept,
    starting_twice_is_refused,
    a_program_that_is_not_there_fails_the_start,
    what_can_not_be_created_fails_the_start,
    what_is_still_being_created_can_be_ended_and_removed,
    removing_a_running_container_ends_it,
    removing_twice_is_fine,
    an_unknown_container_is_not_found,
    the_same_name_is_taken_another_attempt_is_not,
    a_container_needs_an_image_that_is_there,
    a_container_needs_a_configuration,
    a_container_that_could_not_be_created_leaves_its_name_free,
    a_verbose_status_has_details,
];

async fn a_container_goes_from_created_to_running_to_exited(scene: &Scene) {
    let folder = scene.folder("ctl");
    let pod = scene.pod().await;
    let config = scene.container("main", &["wait-file", "/ctl/go", "exit", "0"]);
    let id = scene.create(&pod, config.with(|c| c.mounts.push(mount(&folder, "/ctl")))).await;
    let created = scene.status(&id).await;
    assert_eq!(created.state(), ContainerState::ContainerCreated);
    assert!(created.created_at > 0 && created.started_at == 0 && created.finished_at == 0, "{created:?}");
    scene.start(&id).await;
    let running = scene.status(&id).await;
    assert_eq!(running.state(), ContainerState::ContainerRunning);
    assert!(running.started_at >= created.created_at && running.finished_at == 0, "{running:?}");
    std::fs::write(folder.join("go"), "").unwrap();
    let exited = scene.exit(&id).await;
    assert!(exited.finished_at >= running.started_at, "{exited:?}");
    assert_eq!((exited.exit_code, exited.reason.as_str()), (0, "Completed"));
    assert_eq!((exited.created_at, exited.started_at), (created.created_at, running.started_at));
}

async fn a_status_shows_what_the_container_was_given(scene: &Scene) {
    let folder = scene.folder("data");
    let pod = scene.pod().await;
    let config = scene.container("main", &["forever"]).with(|config| {
        config.metadata.as_mut().unwrap().attempt = 2;
        config.annotations.insert("example.com/note".into(), "a note".into());
        config.mounts.push(mount(&folder, "/data").with(|mount| mount.readonly = true));
    });
    let id = scene.run(&pod, config.clone()).await;
    let status = scene.status(&id).await;
    assert_eq!((&status.metadata, status.id.as_str()), (&config.metadata, id.as_str()));
    assert_eq!((&status.labels, &status.annotations), (&config.labels, &config.annotations));
    assert_eq!(status.image.unwrap().image, TESTLOAD_IMAGE);
    assert!(!status.image_ref.is_empty());
    assert_eq!(status.log_path, scene.log_path(&pod, &config).to_str().unwrap());
    let shown = status.mounts.iter().find(|mount| mount.container_path == "/data").unwrap();
    assert_eq!((shown.host_path.as_str(), shown.readonly), (folder.to_str().unwrap(), true));
}

impl With for Mount {}

async fn exit_codes_and_reasons_are_kept(scene: &Scene) {
    let pod = scene.pod().await;
    for (name, steps, code, reason) in [
        ("zero", &["exit", "0"][..], 0, "Completed"),
        ("one", &["exit", "1"], 1, "Error"),
        ("most", &["exit", "255"], 255, "Error"),
    ] {
        let status = scene.run_to_end(&pod, scene.container(name, steps)).await;
        assert_eq!((status.exit_code, status.reason.as_str()), (code, reason), "{name}");
        let again = scene.status(&status.id).await;
        assert_eq!(again, status, "and stay what they are");
    }
}

async fn starting_twice_is_refused(scene: &Scene) {
    let pod = scene.pod().await;
    let running = scene.run(&pod, scene.container("running", &["forever"])).await;
    let expected = if scene.differs("containers::start-again") { Code::Unknown } else { Code::FailedPrecondition };
    let refused = scene.try_start(&running).await.unwrap_err();
    assert_eq!(refused.code(), expected, "{refused}");
    assert_eq!(scene.status(&running).await.state(), ContainerState::ContainerRunning);
    let ended = scene.run_to_end(&pod, scene.container("ended", &["exit", "3"])).await;
    let refused = scene.try_start(&ended.id).await.unwrap_err();
    assert_eq!(refused.code(), expected, "{refused}");
    assert_eq!(scene.status(&ended.id).await.exit_code, 3);
}

async fn a_program_that_is_not_there_fails_the_start(scene: &Scene) {
    let pod = scene.pod().await;
    let config = scene.container("main", &[]).with(|config| config.command = strings(&["/no/such/program"]));
    let id = scene.create(&pod, config).await;
    let refused = scene.try_start(&id).await.unwrap_err();
    assert!(refused.message().contains("/no/such/program"), "{refused}");
    let status = scene.exit(&id).await;
    assert_ne!(status.exit_code, 0);
    assert_eq!(status.reason, "StartError");
    assert!(status.message.contains("/no/such/program"), "{}", status.message);
    scene.remove(&id).await.unwrap();
}

async fn what_can_not_be_created_fails_the_start(scene: &Scene) {
    let folder = scene.folder("data");
    std::fs::write(folder.join("file"), "").unwrap();
    let pod = scene.pod().await;
    let config = scene.container("main", &["forever"]).with(|config| {
        config.mounts.push(mount(&folder.join("file"), "/a"));
        config.mounts.push(mount(&folder, "/a/b"));
    });
    let id = scene.create(&pod, config.clone()).await;
    let refused = scene.try_start(&id).await.unwrap_err();
    assert!(refused.message().to_lowercase().contains("not a directory"), "{refused}");
    let status = scene.exit(&id).await;
    assert_eq!((status.exit_code, status.reason.as_str(), status.started_at), (128, "StartError", 0), "{status:?}");
    scene.remove(&id).await.unwrap();
    let again = config.with(|config| config.mounts.clear());
    scene.run(&pod, again).await;
}

async fn what_is_still_being_created_can_be_ended_and_removed(scene: &Scene) {
    let pod = scene.pod().await;
    for _ in 0..5 {
        let config = scene.container("main", &["forever"]);
        let id = scene.create(&pod, config.clone()).await;
        scene.remove(&id).await.unwrap();
        let id = scene.create(&pod, config).await;
        scene.start(&id).await;
        scene.stop(&id, 0).await.unwrap();
        scene.remove(&id).await.unwrap();
    }
    scene.create(&pod, scene.container("main", &["forever"])).await;
    scene.stop_pod(&pod.id).await.unwrap();
}

async fn removing_a_running_container_ends_it(scene: &Scene) {
    let pod = scene.pod().await;
    let id = scene.run(&pod, scene.container("main", &["ignore-term", "forever"])).await;
    let host = crate::process::host_pid(scene, &pod, &id).await;
    scene.remove(&id).await.unwrap();
    assert_eq!(scene.try_status(&id).await.unwrap_err().code(), Code::NotFound);
    assert!(!crate::process::is_alive(host));
    let list = scene.runtime().list_containers(ListContainersRequest { filter: None }).await.unwrap().into_inner();
    assert!(list.containers.iter().all(|container| container.id != id));
}

async fn removing_twice_is_fine(scene: &Scene) {
    let pod = scene.pod().await;
    let status = scene.run_to_end(&pod, scene.container("main", &["exit", "0"])).await;
    let never_started = scene.create(&pod, scene.container("created", &["exit", "0"])).await;
    for id in [status.id.as_str(), &never_started, "never-was"] {
        for _ in 0..2 {
            scene.remove(id).await.unwrap();
        }
    }
}

async fn an_unknown_container_is_not_found(scene: &Scene) {
    let unknown = || "0123456789abcdef".to_owned();
    let status = scene.try_status(&unknown()).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound, "{status}");
    let started = scene.try_start(&unknown()).await.unwrap_err();
    assert_eq!(started.code(), Code::NotFound, "{started}");
    assert!(scene.try_status("").await.is_err());
}

async fn the_same_name_is_taken_another_attempt_is_not(scene: &Scene) {
    let pod = scene.pod().await;
    let config = scene.container("main", &["exit", "0"]);
    let first = scene.create(&pod, config.clone()).await;
    let refused = scene.try_create(&pod, config.clone()).await.unwrap_err();
    let expected = if scene.differs("containers::twin") { Code::Unknown } else { Code::AlreadyExists };
    assert_eq!(refused.code(), expected, "{refused}");
    let next = config.clone().with(|config| {
        config.metadata.as_mut().unwrap().attempt = 1;
        config.log_path = "main_1.log".into();
    });
    scene.create(&pod, next).await;
    scene.remove(&first).await.unwrap();
    scene.create(&pod, config).await;
}

async fn a_container_needs_an_image_that_is_there(scene: &Scene) {
    let pod = scene.pod().await;
    let config = scene.container("main", &[]).with(|config| config.image = image("reprise.test/not-there:1"));
    let refused = scene.try_create(&pod, config).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound, "{refused}");
    assert!(refused.message().contains("not-there"), "{refused}");
}

async fn a_container_needs_a_configuration(scene: &Scene) {
    let pod = scene.pod().await;
    let request = CreateContainerRequest {
        pod_sandbox_id: pod.id.clone(),
        config: None,
        sandbox_config: Some(pod.config.clone()),
    };
    let refused = scene.runtime().create_container(request).await.unwrap_err();
    let expected = if scene.differs("requests::incomplete") { Code::Unknown } else { Code::InvalidArgument };
    assert_eq!(refused.code(), expected, "{refused}");
    let nameless = scene.container("main", &[]).with(|config| config.metadata = None);
    assert_eq!(scene.try_create(&pod, nameless).await.unwrap_err().code(), expected);
}

async fn a_container_that_could_not_be_created_leaves_its_name_free(scene: &Scene) {
    let pod = scene.pod().await;
    let config = scene.container("main", &["exit", "0"]);
    let unknown_user = config.clone().with(|config| config.security().run_as_username = "nobody-known".into());
    scene.try_create(&pod, unknown_user).await.unwrap_err();
    let status = scene.run_to_end(&pod, config).await;
    assert_eq!(status.exit_code, 0);
}

async fn a_verbose_status_has_details(scene: &Scene) {
    let pod = scene.pod().await;
    let id = scene.run(&pod, scene.container("main", &["forever"])).await;
    for verbose in [false, true] {
        let request = ContainerStatusRequest { container_id: id.clone(), verbose };
        let answer = scene.runtime().container_status(request).await.unwrap().into_inner();
        assert_eq!(!answer.info.is_empty(), verbose);
        let Some(info) = answer.info.get("info") else { continue };
        let info: serde_json::Value = serde_json::from_str(info).unwrap();
        let pid = info["pid"].as_i64().unwrap();
        let command = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
        assert_eq!(command, "/testload\0forever\0");
    }
}
