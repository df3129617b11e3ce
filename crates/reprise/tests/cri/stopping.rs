//! How containers are asked to end, and made to.

use std::time::{Duration, Instant};

use reprise_cri::v1::*;
use reprise_testkit::image::TestImage;
use serde_json::json;

use crate::case::cases;
use crate::requests::{With, image};
use crate::scene::Scene;

cases![
    a_container_is_asked_to_end_and_its_code_is_kept,
    one_that_does_not_end_in_time_is_killed,
    no_time_at_all_is_a_kill_at_once,
    stopping_what_has_ended_is_fine,
    stopping_what_was_never_started_ends_it,
    the_image_says_which_signal_asks,
    the_request_says_which_signal_asks,
    a_shorter_wait_may_overtake_a_longer_one,
    children_of_the_program_end_with_it,
    memory_beyond_the_limit_is_reported_as_such,
];

/// A container whose program has come as far as its signal handlers.
async fn started(scene: &Scene, config: ContainerConfig) -> String {
    let pod = scene.pod().await;
    let path = scene.log_path(&pod, &config);
    let id = scene.run(&pod, config).await;
    scene.logged(&path, "up").await;
    id
}

async fn a_container_is_asked_to_end_and_its_code_is_kept(scene: &Scene) {
    let id = started(scene, scene.container("main", &["on-term", "9", "print", "up", "forever"])).await;
    scene.stop(&id, 60).await.unwrap();
    let status = scene.status(&id).await;
    assert_eq!((status.state(), status.exit_code), (ContainerState::ContainerExited, 9));
}

async fn one_that_does_not_end_in_time_is_killed(scene: &Scene) {
    let id = started(scene, scene.container("main", &["ignore-term", "print", "up", "forever"])).await;
    let start = Instant::now();
    scene.stop(&id, 1).await.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(1), "it had a second");
    let status = scene.status(&id).await;
    assert_eq!((status.state(), status.exit_code), (ContainerState::ContainerExited, 137));
    assert_eq!(status.reason, "Error");
}

async fn no_time_at_all_is_a_kill_at_once(scene: &Scene) {
    let id = started(scene, scene.container("main", &["on-term", "9", "print", "up", "forever"])).await;
    scene.stop(&id, 0).await.unwrap();
    assert_eq!(scene.status(&id).await.exit_code, 137);
}

async fn stopping_what_has_ended_is_fine(scene: &Scene) {
    let pod = scene.pod().await;
    let id = scene.run_to_end(&pod, scene.container("main", &["exit", "4"])).await.id;
    for _ in 0..2 {
        scene.stop(&id, 5).await.unwrap();
    }
    assert_eq!(scene.status(&id).await.exit_code, 4);
    if !scene.differs("stopping::unknown") {
        scene.stop("never-was", 5).await.unwrap();
    }
}

async fn stopping_what_was_never_started_ends_it(scene: &Scene) {
    let pod = scene.pod().await;
    let id = scene.create(&pod, scene.container("main", &["forever"])).await;
    scene.stop(&id, 5).await.unwrap();
    assert_eq!(scene.status(&id).await.state(), ContainerState::ContainerExited);
    assert!(scene.try_start(&id).await.is_err());
}

async fn the_image_says_which_signal_asks(scene: &Scene) {
    let name = "reprise.test/by-int:1";
    scene.import(&TestImage::testload().unwrap().config("StopSignal", json!("SIGINT")), name).await;
    let config = scene.container("main", &["print", "up", "forever"]).with(|config| config.image = image(name));
    let id = started(scene, config).await;
    scene.stop(&id, 60).await.unwrap();
    assert_eq!(scene.status(&id).await.exit_code, 130, "as the workload ends by SIGINT");
}

async fn the_request_says_which_signal_asks(scene: &Scene) {
    let mut config = scene.container("main", &["print", "up", "forever"]);
    config.stop_signal = Signal::Sigint.into();
    let id = started(scene, config).await;
    assert_eq!(scene.status(&id).await.stop_signal(), Signal::Sigint);
    scene.stop(&id, 60).await.unwrap();
    assert_eq!(scene.status(&id).await.exit_code, 130);
}

async fn a_shorter_wait_may_overtake_a_longer_one(scene: &Scene) {
    let id = started(scene, scene.container("main", &["ignore-term", "print", "up", "forever"])).await;
    let (long, short) = tokio::join!(scene.stop(&id, 600), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        scene.stop(&id, 1).await
    });
    long.unwrap();
    short.unwrap();
    assert_eq!(scene.status(&id).await.exit_code, 137);
}

async fn children_of_the_program_end_with_it(scene: &Scene) {
    let pod = scene.pod().await;
    let config = scene.container("main", &["spawn-forever", "print", "up", "exit", "5"]);
    let path = scene.log_path(&pod, &config);
    let status = scene.run_to_end(&pod, config).await;
    scene.logged(&path, "up").await;
    assert_eq!(status.exit_code, 5);
    let left = std::fs::read_dir("/proc").unwrap().flatten().filter(|process| {
        let group = std::fs::read_to_string(process.path().join("cgroup")).unwrap_or_default();
        let pid = process.file_name().to_str().and_then(|name| name.parse().ok());
        group.contains(&status.id) && pid.is_some_and(crate::process::is_alive)
    });
    assert_eq!(left.count(), 0, "its PID namespace is gone, and all in it");
}

async fn memory_beyond_the_limit_is_reported_as_such(scene: &Scene) {
    use crate::requests::ContainerParts;
    let pod = scene.pod().await;
    let config = scene.container("main", &["alloc-mib", "200", "exit", "0"]);
    let config = config.with(|config| config.resources().memory_limit_in_bytes = 64 << 20);
    let status = scene.run_to_end(&pod, config).await;
    assert_eq!((status.exit_code, status.reason.as_str()), (137, "OOMKilled"));
}
