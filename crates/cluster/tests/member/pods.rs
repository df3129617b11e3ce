//! Pods from the API to the node, and statuses back.

use futures::StreamExt;
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::api::{ListParams, Patch, PatchParams, WatchEvent, WatchParams};
use serde_json::json;

use crate::scene::{Scene, condition, eventually, key, plain, restarts};

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_of_the_api_runs_under_its_uid_and_its_status_is_in_the_api() {
    let scene = Scene::start().await;
    let made = scene.run("p", plain("Always")).await;
    let running = scene.until("p", "ready", |status| condition(status, "Ready") == Some("True")).await;
    let status = running.status.unwrap();
    assert_eq!((status.phase.as_deref(), status.host_ip.as_deref()), (Some("Running"), Some("127.0.0.1")));
    assert_eq!(status.pod_ip.as_deref(), Some("10.9.8.7"));
    assert!(status.conditions.unwrap().iter().all(|c| c.observed_generation == made.metadata.generation));
    assert_eq!(scene.node().pod(&key("p")).unwrap().pod.metadata.uid, made.metadata.uid);
    let told = eventually(async || {
        let events = scene.api::<Event>().list(&ListParams::default()).await.unwrap();
        events.items.into_iter().find(|event| event.reason.as_deref() == Some("Started"))
    });
    let started = told.await.expect("an event");
    assert_eq!(started.involved_object.uid, made.metadata.uid);
    assert_eq!(started.involved_object.field_path.as_deref(), Some("spec.containers{main}"));
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_pod_is_ended_and_then_gone_everywhere() {
    let scene = Scene::start().await;
    scene.run("p", plain("Always")).await;
    scene.phase("p", "Running").await;
    scene.delete("p", None).await;
    scene.gone("p").await;
    assert!(scene.runtime.calls().iter().any(|call| call.starts_with("StopContainer")));
    assert!(scene.runtime.state().sandboxes.is_empty());
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_is_deleted_by_force_is_ended_and_its_name_can_be_had_again() {
    let scene = Scene::start().await;
    let first = scene.run("p", plain("Always")).await;
    scene.phase("p", "Running").await;
    scene.delete("p", Some(0)).await;
    let second = scene.run("p", plain("Always")).await;
    assert_ne!(first.metadata.uid, second.metadata.uid);
    scene.phase("p", "Running").await;
    assert_eq!(scene.node().pod(&key("p")).unwrap().pod.metadata.uid, second.metadata.uid);
    assert_eq!(scene.runtime.state().sandboxes.len(), 1);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_does_not_fit_has_failed_with_the_kubelet_s_reason() {
    let scene = Scene::start().await;
    let mut spec = plain("Never");
    spec["containers"][0]["resources"] = json!({"requests": {"cpu": "4000"}});
    scene.run("p", spec).await;
    let failed = scene.phase("p", "Failed").await;
    assert_eq!(failed.status.unwrap().reason.as_deref(), Some("OutOfcpu"));
    scene.delete("p", None).await;
    scene.gone("p").await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn that_all_containers_restart_is_in_the_api_before_it_is_over() {
    let scene = Scene::start().await;
    scene.runtime.state().exits.insert("setup".to_owned(), 0);
    let rules = json!([{"action": "RestartAllContainers", "exitCodes": {"operator": "In", "values": [88]}}]);
    let spec = json!({"restartPolicy": "Never",
        "initContainers": [{"name": "setup", "image": "busybox:1"},
            {"name": "watcher", "image": "busybox:1", "restartPolicy": "Always", "restartPolicyRules": rules}],
        "containers": [{"name": "main", "image": "busybox:1"}]});
    scene.run("p", spec).await;
    let ready = scene.until("p", "ready", |status| condition(status, "Ready") == Some("True")).await;
    let version = ready.metadata.resource_version.unwrap();
    let parameters = WatchParams::default().fields("metadata.name=p").timeout(20);
    let pods = scene.pods();
    let mut watched = pods.watch(&parameters, &version).await.unwrap().boxed();
    scene.runtime.exit("watcher", 88);
    let mut seen = Vec::new();
    while let Some(Ok(WatchEvent::Modified(pod))) = watched.next().await {
        let status = pod.status.unwrap();
        seen.push(condition(&status, "AllContainersRestarting").map(str::to_owned));
        if seen.contains(&Some("True".to_owned())) && condition(&status, "Ready") == Some("True") {
            break;
        }
    }
    let turns: Vec<_> = seen.chunk_by(|a, b| a == b).map(|run| run[0].as_deref()).collect();
    let turns = if turns.first() == Some(&Some("False")) { &turns[1..] } else { &turns[..] };
    assert_eq!(turns, [Some("True"), Some("False")]);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_else_says_of_a_pod_that_runs_is_put_right() {
    let scene = Scene::start().await;
    scene.run("p", plain("Always")).await;
    let is_ready = |status: &k8s_openapi::api::core::v1::PodStatus| condition(status, "Ready") == Some("True");
    scene.until("p", "ready", is_ready).await;
    let patch = json!({"status": {"conditions": [{"type": "Ready", "status": "False", "reason": "NodeNotReady"}]}});
    let changed = scene.pods().patch_status("p", &PatchParams::default(), &Patch::Strategic(patch)).await.unwrap();
    assert!(!is_ready(&changed.status.unwrap()));
    let ready = scene.until("p", "ready again", is_ready).await;
    assert!(ready.status.unwrap().conditions.unwrap().iter().all(|c| c.reason.is_none()));
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_annotation_of_the_api_restarts_a_pod_in_place() {
    let scene = Scene::start().await;
    scene.run("p", plain("Always")).await;
    scene.phase("p", "Running").await;
    let at = jiff::Timestamp::now().to_string();
    let patch = json!({"metadata": {"annotations": {"reprise.dev/restart-at": at}}});
    scene.pods().patch("p", &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    scene.until("p", "restarted", |status| restarts(status) == 1 && condition(status, "Ready") == Some("True")).await;
    assert_eq!(scene.runtime.state().sandboxes.len(), 1);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_vanished_while_the_agent_was_down_is_ended_after_the_first_list() {
    let mut scene = Scene::start().await;
    scene.run("p", plain("Always")).await;
    scene.run("q", plain("Always")).await;
    scene.phase("p", "Running").await;
    scene.phase("q", "Running").await;
    scene.kill_node().await;
    scene.delete("p", Some(0)).await;
    scene.start_node().await;
    scene.gone("p").await;
    scene.phase("q", "Running").await;
    assert_eq!(scene.runtime.state().sandboxes.len(), 1);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_s_word_that_a_pod_has_failed_ends_it_and_stays() {
    let scene = Scene::start().await;
    scene.run("p", plain("Always")).await;
    scene.phase("p", "Running").await;
    let patch = json!({"status": {"phase": "Failed", "reason": "Preempted"}});
    scene.pods().patch_status("p", &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    scene
        .runtime
        .until("the container is stopped", |state| state.calls.iter().any(|c| c.starts_with("StopContainer")))
        .await;
    let ended = |pod: &Pod| {
        pod.status.clone().unwrap().container_statuses.unwrap()[0].state.clone().unwrap().terminated.is_some()
    };
    let pod = eventually(async || scene.pods().get("p").await.ok().filter(ended)).await.expect("the container's end");
    let status = pod.status.unwrap();
    assert_eq!((status.phase.as_deref(), status.reason.as_deref()), (Some("Failed"), Some("Preempted")));
    scene.end().await;
}
