use std::time::Duration;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};

use crate::node::FakeNode;
use crate::scene::Scene;

fn job(name: &str, exit: Option<i32>, spec: Value) -> Value {
    let labels = exit.map(|code| json!({"exit": code.to_string()}));
    let template = json!({"metadata": {"labels": labels}, "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}});
    let mut job = json!({"metadata": {"name": name}, "spec": {"template": template}});
    job["spec"].as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    job
}

async fn with_node() -> (Scene, FakeNode) {
    let scene = Scene::new().await;
    scene.create_node("a", "100").await;
    let node = FakeNode::start(scene.client.clone(), "a");
    (scene, node)
}

async fn finished(scene: &Scene, name: &str) -> Option<Job> {
    let job = scene.api::<Job>().get(name).await.unwrap();
    let conditions = job.status.as_ref().and_then(|status| status.conditions.clone()).unwrap_or_default();
    let ends = ["Complete", "Failed"];
    conditions.iter().any(|own| ends.contains(&own.type_.as_str()) && own.status == "True").then_some(job)
}

fn numbers(job: &Job) -> (i32, i32) {
    let status = job.status.clone().unwrap_or_default();
    (status.succeeded.unwrap_or(0), status.failed.unwrap_or(0))
}

#[tokio::test]
async fn a_job_runs_to_its_end_and_its_pods_stay_without_finalizers() {
    let (scene, _node) = with_node().await;
    let spec = json!({"completions": 5, "parallelism": 2, "completionMode": "Indexed"});
    scene.create::<Job>(job("train", Some(0), spec)).await;
    let done = scene.until("the end", |scene| finished(scene, "train")).await;
    assert_eq!(numbers(&done), (5, 0));
    let status = done.status.unwrap();
    assert_eq!(status.completed_indexes.as_deref(), Some("0-4"));
    assert!(status.completion_time.is_some() && status.start_time.is_some());
    let pods = scene.pods().await;
    assert_eq!(pods.len(), 5);
    assert!(pods.iter().all(|pod| pod.metadata.finalizers.iter().flatten().count() == 0));
    let completed = "Completed Job completed".to_owned();
    scene.until("an event", async |scene| scene.events("train").await.contains(&completed).then_some(())).await;
    let created = scene.events("train").await.iter().filter(|own| own.starts_with("SuccessfulCreate")).count();
    assert_eq!(created, 5);
    scene.end().await;
}

#[tokio::test]
async fn a_job_that_fails_says_why() {
    let (scene, _node) = with_node().await;
    scene.create::<Job>(job("bad", Some(1), json!({"backoffLimit": 0}))).await;
    let done = scene.until("the end", |scene| finished(scene, "bad")).await;
    let conditions = serde_json::to_value(done.status.as_ref().unwrap().conditions.clone()).unwrap();
    let shown: Vec<_> =
        conditions.as_array().unwrap().iter().map(|own| (own["type"].as_str(), own["reason"].as_str())).collect();
    let reason = Some("BackoffLimitExceeded");
    assert_eq!(shown, [(Some("FailureTarget"), reason), (Some("Failed"), reason)]);
    assert_eq!(numbers(&done), (0, 1));
    scene.end().await;
}

#[tokio::test]
async fn controllers_that_die_again_and_again_count_each_pod_once() {
    let (mut scene, _node) = with_node().await;
    scene.create::<Job>(job("many", Some(0), json!({"completions": 40, "parallelism": 8}))).await;
    for round in 0..200_u64 {
        if finished(&scene, "many").await.is_some() {
            break;
        }
        scene.kill_controllers();
        scene.start_controllers().await;
        // Another time in each life.
        tokio::time::sleep(Duration::from_millis(40 + (round * 37) % 160)).await;
    }
    let done = scene.until("the end", |scene| finished(scene, "many")).await;
    assert_eq!(numbers(&done), (40, 0));
    assert_eq!(scene.pods().await.len(), 40);
    scene.end().await;
}

#[tokio::test]
async fn a_suspended_job_waits_and_goes_on() {
    let (scene, _node) = with_node().await;
    scene.create::<Job>(job("later", None, json!({"completions": 1, "suspend": true}))).await;
    let suspended = async |scene: &Scene| {
        let status = scene.api::<Job>().get("later").await.unwrap().status?;
        status.conditions?.iter().any(|own| own.type_ == "Suspended" && own.status == "True").then_some(())
    };
    scene.until("the condition", suspended).await;
    assert!(scene.pods().await.is_empty());
    let go_on = Patch::Merge(json!({"spec": {"suspend": false}}));
    scene.api::<Job>().patch("later", &PatchParams::default(), &go_on).await.unwrap();
    let active = async |scene: &Scene| {
        let status = scene.api::<Job>().get("later").await.unwrap().status?;
        (status.active == Some(1) && status.ready == Some(1)).then_some(())
    };
    scene.until("a Pod that is ready", active).await;
    scene.end().await;
}

#[tokio::test]
async fn pods_go_with_their_job_in_the_background_and_before_it_in_the_foreground() {
    let (scene, _node) = with_node().await;
    for parameters in [DeleteParams::background(), DeleteParams::foreground()] {
        scene.create::<Job>(job("gone", None, json!({"completions": 3, "parallelism": 3}))).await;
        let running = async |scene: &Scene| (scene.pods().await.len() == 3).then_some(());
        scene.until("three Pods", running).await;
        scene.api::<Job>().delete("gone", &parameters).await.unwrap();
        scene.until("no Pods", async |scene| scene.pods().await.is_empty().then_some(())).await;
        let job_gone = async |scene: &Scene| scene.api::<Job>().get_opt("gone").await.unwrap().is_none().then_some(());
        scene.until("no Job", job_gone).await;
    }
    scene.create::<Job>(job("gone", None, json!({}))).await;
    scene.until("a Pod", async |scene| (scene.pods().await.len() == 1).then_some(())).await;
    scene.api::<Job>().delete("gone", &DeleteParams::orphan()).await.unwrap();
    let orphan = async |scene: &Scene| {
        let pods: Vec<Pod> = scene.pods().await;
        let is_free = |pod: &Pod| {
            let metadata = &pod.metadata;
            metadata.owner_references.iter().flatten().count() + metadata.finalizers.iter().flatten().count() == 0
        };
        pods.iter().all(is_free).then_some(pods.len())
    };
    assert_eq!(scene.until("an orphan", orphan).await, 1);
    scene.end().await;
}

#[tokio::test]
async fn a_job_with_a_time_to_live_goes_by_itself() {
    let (scene, _node) = with_node().await;
    scene.create::<Job>(job("brief", Some(0), json!({"ttlSecondsAfterFinished": 1}))).await;
    scene.until("the end", |scene| finished(scene, "brief")).await;
    let gone = async |scene: &Scene| scene.api::<Job>().get_opt("brief").await.unwrap().is_none().then_some(());
    scene.until("no Job", gone).await;
    scene.until("no Pods", async |scene| scene.pods().await.is_empty().then_some(())).await;
    scene.end().await;
}
