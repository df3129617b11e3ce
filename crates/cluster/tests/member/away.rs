//! The API or the agent is away.

use crate::scene::{Scene, condition, key, plain, restarts};

#[tokio::test(flavor = "multi_thread")]
async fn pods_restart_while_the_api_is_away_and_their_statuses_catch_up() {
    let mut scene = Scene::start().await;
    scene.run("p", plain("Always")).await;
    scene.phase("p", "Running").await;
    scene.stop_api().await;
    for runs in 1..=2 {
        scene.runtime.exit("main", 1);
        scene
            .runtime
            .until("another run", |state| {
                state
                    .containers
                    .values()
                    .filter(|(_, c)| c.state() == reprise_cri::v1::ContainerState::ContainerRunning)
                    .count()
                    == 1
                    && state.calls.iter().filter(|c| c.starts_with("StartContainer")).count() == runs + 1
            })
            .await;
    }
    scene.start_api().await;
    let pod = scene
        .until("p", "two restarts", |status| restarts(status) == 2 && condition(status, "Ready") == Some("True"))
        .await;
    assert_eq!(pod.status.unwrap().phase.as_deref(), Some("Running"));
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_the_api_has_not_heard_of_outlives_the_agent() {
    let mut scene = Scene::start().await;
    scene.run("p", plain("Never")).await;
    scene.phase("p", "Running").await;
    scene.stop_api().await;
    scene.runtime.exit("main", 0);
    let mut news = scene.node().subscribe();
    while scene.node().pod(&key("p")).unwrap().status.phase.as_deref() != Some("Succeeded") {
        news.recv().await.unwrap();
    }
    scene.kill_node().await;
    scene.start_node().await;
    scene.start_api().await;
    scene.phase("p", "Succeeded").await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_pod_s_end_is_told_although_the_agent_was_killed_before_it_could() {
    let mut scene = Scene::start().await;
    scene.run("p", plain("Never")).await;
    scene.phase("p", "Running").await;
    // Only the API's record is left once it is confirmed: a finalizer shows what was said last.
    let patch = serde_json::json!({"metadata": {"finalizers": ["example.com/seen"]}});
    scene.pods().patch("p", &Default::default(), &kube::api::Patch::Merge(patch)).await.unwrap();
    scene.runtime.hold("StopContainer");
    scene.delete("p", None).await;
    scene.runtime.until("being stopped", |state| state.calls.iter().any(|c| c.starts_with("StopContainer"))).await;
    scene.stop_api().await;
    scene.runtime.exit("main", 0);
    scene.runtime.release();
    let mut news = scene.node().subscribe();
    while scene.node().pod(&key("p")).unwrap().status.phase.as_deref() != Some("Succeeded") {
        news.recv().await.unwrap();
    }
    scene.kill_node().await;
    scene.start_node().await;
    scene.start_api().await;
    scene.phase("p", "Succeeded").await;
    let patch = serde_json::json!({"metadata": {"finalizers": null}});
    scene.pods().patch("p", &Default::default(), &kube::api::Patch::Merge(patch)).await.unwrap();
    scene.gone("p").await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_agent_goes_on_with_its_pods_and_none_is_started_twice() {
    let mut scene = Scene::start().await;
    for name in ["a", "b", "c"] {
        scene.run(name, plain("Always")).await;
        scene.phase(name, "Running").await;
    }
    let starts = |scene: &Scene| scene.runtime.calls().iter().filter(|c| c.starts_with("StartContainer")).count();
    let before = starts(&scene);
    scene.kill_node().await;
    scene.start_node().await;
    scene.member().ready().await;
    scene.run("d", plain("Always")).await;
    scene.phase("d", "Running").await;
    assert_eq!(starts(&scene), before + 1);
    scene.end().await;
}
