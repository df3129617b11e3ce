use std::time::Duration;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use reprise_controllers::{JobSetMetrics, start_job_sets};
use reprise_jobset::names::{IN_PLACE_RESTART_ATTEMPT, JOBSET_NAME, JOBSET_UID, RESTART_AGENT_FIELD_MANAGER};
use reprise_jobset::{JobSet, JobSetStatus, conditions};
use serde_json::{Value, json};

use crate::node::FakeNode;
use crate::scene::Scene;

/// Whose Pods end with this code, or run.
fn entry(name: &str, replicas: i32, exit: Option<i32>) -> Value {
    let labels = exit.map(|code| json!({"exit": code.to_string()}));
    let pod = json!({"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]});
    let template = json!({"spec": {"completions": 2, "parallelism": 2, "backoffLimit": 0,
        "template": {"metadata": {"labels": labels}, "spec": pod}}});
    json!({"name": name, "replicas": replicas, "template": template})
}

fn set(name: &str, spec: Value) -> Value {
    json!({"metadata": {"name": name}, "spec": spec})
}

async fn with_node() -> (Scene, FakeNode) {
    let scene = Scene::new().await;
    scene.create_node("a", "100").await;
    let node = FakeNode::start(scene.client.clone(), "a");
    (scene, node)
}

async fn status(scene: &Scene, name: &str) -> JobSetStatus {
    scene.api::<JobSet>().get(name).await.unwrap().status.unwrap_or_default()
}

async fn finished(scene: &Scene, name: &str) -> Option<JobSetStatus> {
    Some(status(scene, name).await).filter(|status| conditions::finished(status).is_some())
}

async fn jobs(scene: &Scene) -> Vec<Job> {
    scene.api::<Job>().list(&ListParams::default()).await.unwrap().items
}

#[tokio::test]
async fn a_job_set_runs_to_its_end() {
    let (scene, _node) = with_node().await;
    let spec = json!({"replicatedJobs": [entry("driver", 1, Some(0)), entry("workers", 2, Some(0))]});
    scene.create::<JobSet>(set("train", spec)).await;
    let done = scene.until("the end", |scene| finished(scene, "train")).await;
    assert_eq!(done.terminal_state.as_deref(), Some("Completed"));
    assert_eq!(done.restarts, 0);
    let service = scene.api::<Service>().get("train").await.unwrap().spec.unwrap();
    assert_eq!(service.cluster_ip.as_deref(), Some("None"));
    assert_eq!(service.selector.unwrap()["jobset.sigs.k8s.io/jobset-name"], "train");
    let pods = scene.pods().await;
    assert_eq!(pods.len(), 6);
    let pod = pods[0].clone();
    assert_eq!(pod.spec.unwrap().subdomain.as_deref(), Some("train"));
    assert_eq!(pod.metadata.labels.unwrap()["jobset.sigs.k8s.io/global-replicas"], "3");
    let completed = "AllJobsCompleted jobset completed successfully".to_owned();
    scene.until("an event", async |scene| scene.events("train").await.contains(&completed).then_some(())).await;
    let counts = async |scene: &Scene| {
        let status = status(scene, "train").await;
        (status.replicated_jobs_status.iter().map(|count| count.succeeded).collect::<Vec<_>>() == [1, 2]).then_some(())
    };
    scene.until("all counts", counts).await;
    scene.api::<JobSet>().delete("train", &DeleteParams::foreground()).await.unwrap();
    scene.until("no Jobs", async |scene| jobs(scene).await.is_empty().then_some(())).await;
    let no_service =
        async |scene: &Scene| scene.api::<Service>().get_opt("train").await.unwrap().is_none().then_some(());
    scene.until("no service", no_service).await;
    scene.end().await;
}

#[tokio::test]
async fn a_job_set_whose_jobs_fail_is_made_anew_as_often_as_it_may_by_whoever_controls_it() {
    let (mut scene, _node) = with_node().await;
    let policy = json!({"maxRestarts": 2, "restartStrategy": "BlockingRecreate"});
    let spec =
        json!({"failurePolicy": policy, "replicatedJobs": [entry("driver", 1, None), entry("workers", 1, Some(1))]});
    scene.create::<JobSet>(set("bad", spec)).await;
    for round in 0..200_u64 {
        if finished(&scene, "bad").await.is_some() {
            break;
        }
        scene.kill_controllers();
        scene.start_controllers().await;
        // Another time in each life.
        tokio::time::sleep(Duration::from_millis(100 + (round * 37) % 300)).await;
    }
    let done = scene.until("the end", |scene| finished(scene, "bad")).await;
    assert_eq!((done.restarts, done.restarts_count_towards_max), (2, Some(2)));
    assert_eq!(conditions::finished(&done).map(|own| own.reason.as_str()), Some("ReachedMaxRestarts"));
    let only_failed = async |scene: &Scene| {
        let names: Vec<_> = jobs(scene).await.into_iter().filter_map(|job| job.metadata.name).collect();
        (names == ["bad-workers-0"]).then_some(())
    };
    scene.until("the driver's end", only_failed).await;
    scene.end().await;
}

#[tokio::test]
async fn a_suspended_job_set_waits_and_takes_what_is_changed_meanwhile() {
    let (scene, _node) = with_node().await;
    let spec = json!({"suspend": true, "ttlSecondsAfterFinished": 1, "replicatedJobs": [entry("w", 2, Some(0))]});
    scene.create::<JobSet>(set("later", spec)).await;
    scene.until("the Jobs", async |scene| (jobs(scene).await.len() == 2).then_some(())).await;
    let suspended = async |scene: &Scene| {
        let status = status(scene, "later").await;
        conditions::find_true(&status, "Suspended").is_some().then_some(())
    };
    scene.until("the condition", suspended).await;
    // The controller writes its status meanwhile.
    let resumed = async |scene: &Scene| {
        let mut later: JobSet = scene.api().get("later").await.unwrap();
        let spec = later.spec.as_mut().unwrap();
        spec.suspend = Some(false);
        let job = spec.replicated_jobs[0].template.spec.as_mut().unwrap();
        job.template
            .metadata
            .get_or_insert_default()
            .annotations
            .get_or_insert_default()
            .insert("a".into(), "b".into());
        match scene.api::<JobSet>().replace("later", &Default::default(), &later).await {
            Err(kube::Error::Api(status)) if status.is_conflict() => None,
            replaced => Some(replaced.unwrap()),
        }
    };
    scene.until("the change", resumed).await;
    let marked = async |scene: &Scene| {
        let pods = scene.pods().await;
        let is_marked = |pod: &Pod| pod.metadata.annotations.as_ref().is_some_and(|own| own.contains_key("a"));
        (pods.len() == 4 && pods.iter().all(is_marked)).then_some(())
    };
    scene.until("Pods with the annotation", marked).await;
    let gone = async |scene: &Scene| scene.api::<JobSet>().get_opt("later").await.unwrap().is_none().then_some(());
    scene.until("its time to be over", gone).await;
    scene.end().await;
}

/// What an agent writes.
async fn reach(scene: &Scene, pod: &Pod, attempt: &str) {
    let name = pod.metadata.name.as_deref().unwrap();
    let annotation = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "annotations": {IN_PLACE_RESTART_ATTEMPT: attempt}}});
    let parameters = PatchParams::apply(RESTART_AGENT_FIELD_MANAGER).force();
    scene.api::<Pod>().patch(name, &parameters, &Patch::Apply(annotation)).await.unwrap();
}

/// What a node writes when a rule restarts all containers.
async fn shows_restart(scene: &Scene, pod: &Pod, is_restarting: bool) {
    let status = if is_restarting { "True" } else { "False" };
    let condition = json!({"type": "AllContainersRestarting", "status": status});
    let change = Patch::Strategic(json!({"status": {"conditions": [condition]}}));
    let name = pod.metadata.name.as_deref().unwrap();
    scene.api::<Pod>().patch_status(name, &PatchParams::default(), &change).await.unwrap();
}

async fn attempts(scene: &Scene) -> (Option<i32>, Option<i32>) {
    let status = status(scene, "fleet").await;
    (status.current_in_place_restart_attempt, status.previous_in_place_restart_attempt)
}

async fn until_attempts(scene: &Scene, current: Option<i32>, previous: Option<i32>) {
    let seen = async |scene: &Scene| (attempts(scene).await == (current, previous)).then_some(());
    scene.until(&format!("attempts {current:?} {previous:?}"), seen).await;
}

fn fleet_spec(max_restarts: i32) -> Value {
    let mut workers = entry("w", 2, None);
    workers["template"]["spec"]["backoffLimit"] = json!(i32::MAX);
    workers["template"]["spec"]["podReplacementPolicy"] = json!("Failed");
    let policy = json!({"maxRestarts": max_restarts, "restartStrategy": "InPlaceRestart"});
    json!({"failurePolicy": policy, "replicatedJobs": [workers]})
}

async fn fleet(scene: &Scene, max_restarts: i32) -> Vec<Pod> {
    scene.create::<JobSet>(set("fleet", fleet_spec(max_restarts))).await;
    let running = async |scene: &Scene| {
        let pods = scene.pods().await;
        let is_running = |pod: &Pod| pod.status.as_ref().is_some_and(|own| own.phase.as_deref() == Some("Running"));
        (pods.len() == 4 && pods.iter().all(is_running)).then_some(pods)
    };
    scene.until("all Pods", running).await
}

#[tokio::test]
async fn a_fleet_restarts_in_place_when_a_worker_exits() {
    let (scene, _node) = with_node().await;
    let pods = fleet(&scene, 1).await;
    for pod in &pods {
        assert_eq!(attempts(&scene).await, (None, None));
        reach(&scene, pod, "0").await;
    }
    until_attempts(&scene, Some(0), None).await;
    shows_restart(&scene, &pods[1], true).await;
    until_attempts(&scene, Some(0), Some(0)).await;
    let told = "RestartingInPlace Pods up to attempt 0 restart in place".to_owned();
    scene.until("an event", async |scene| scene.events("fleet").await.contains(&told).then_some(())).await;
    shows_restart(&scene, &pods[1], false).await;
    for pod in &pods {
        assert_eq!(attempts(&scene).await.0, Some(0));
        reach(&scene, pod, "1").await;
    }
    until_attempts(&scene, Some(1), Some(0)).await;
    // One more than it may.
    reach(&scene, &pods[0], "2").await;
    let done = scene.until("the end", |scene| finished(scene, "fleet")).await;
    assert_eq!(conditions::finished(&done).map(|own| own.reason.as_str()), Some("ReachedMaxRestarts"));
    scene.until("no Pods", async |scene| scene.pods().await.is_empty().then_some(())).await;
    scene.end().await;
}

#[tokio::test]
async fn a_fleet_takes_in_the_replacement_of_a_lost_pod_with_the_controllers_dead_in_between() {
    let (mut scene, _node) = with_node().await;
    let pods = fleet(&scene, 3).await;
    for pod in &pods {
        reach(&scene, pod, "0").await;
    }
    until_attempts(&scene, Some(0), None).await;
    scene.kill_controllers();
    let lost = pods[0].metadata.name.clone().unwrap();
    scene.api::<Pod>().delete(&lost, &DeleteParams::default()).await.unwrap();
    scene.start_controllers().await;
    let replaced = async |scene: &Scene| {
        let now = scene.pods().await;
        let is_new = |pod: &&Pod| pods.iter().all(|old| old.metadata.uid != pod.metadata.uid);
        now.iter().find(is_new).cloned()
    };
    let new = scene.until("a replacement", replaced).await;
    reach(&scene, &new, "1").await;
    until_attempts(&scene, Some(0), Some(0)).await;
    for pod in &pods[1..] {
        reach(&scene, pod, "1").await;
    }
    until_attempts(&scene, Some(1), Some(0)).await;
    scene.end().await;
}

/// The Jobs as they are when all are suspended, or none is.
async fn until_suspended(scene: &Scene, suspended: bool) -> Vec<Job> {
    let seen = async |scene: &Scene| {
        let jobs = jobs(scene).await;
        let is_so = |job: &Job| job.spec.as_ref().is_some_and(|spec| spec.suspend == Some(suspended));
        (jobs.len() == 2 && jobs.iter().all(is_so)).then_some(jobs)
    };
    scene.until(&format!("Jobs, suspended: {suspended}"), seen).await
}

/// With its own lean caches, in a cluster whose other controllers the test is.
#[tokio::test]
async fn the_controller_alone_runs_job_sets() {
    let mut scene = Scene::new().await;
    scene.kill_controllers();
    let metrics = JobSetMetrics::default();
    let alone = start_job_sets(&scene.client, metrics.clone());
    let mut spec = fleet_spec(3);
    spec["suspend"] = json!(true);
    let uid = scene.create::<JobSet>(set("fleet", spec)).await.metadata.uid;
    until_suspended(&scene, true).await;
    let go_on = Patch::Merge(json!({"spec": {"suspend": false}}));
    scene.api::<JobSet>().patch("fleet", &PatchParams::default(), &go_on).await.unwrap();
    let jobs = until_suspended(&scene, false).await;
    let mut pods = Vec::new();
    for name in ["a", "b", "c", "d"] {
        let metadata = json!({"name": name, "labels": {JOBSET_NAME: "fleet", JOBSET_UID: uid}});
        let pod = json!({"metadata": metadata, "spec": {"containers": [{"name": "c", "image": "i"}]}});
        pods.push(scene.create::<Pod>(pod).await);
    }
    for attempt in ["0", "1"] {
        for pod in &pods {
            reach(&scene, pod, attempt).await;
        }
        let number = attempt.parse().unwrap();
        let seen = async |scene: &Scene| (attempts(scene).await.0 == Some(number)).then_some(());
        scene.until("the barrier to lift", seen).await;
        shows_restart(&scene, &pods[2], true).await;
        until_attempts(&scene, Some(number), Some(number)).await;
        shows_restart(&scene, &pods[2], false).await;
    }
    for job in jobs {
        let ended = Patch::Merge(json!({"status": {"conditions": [{"type": "Complete", "status": "True"}]}}));
        let name = job.metadata.name.unwrap();
        scene.api::<Job>().patch_status(&name, &PatchParams::default(), &ended).await.unwrap();
    }
    let done = scene.until("the end", |scene| finished(scene, "fleet")).await;
    assert_eq!(done.terminal_state.as_deref(), Some("Completed"));
    let counted = "jobset_completed_total{jobset_name=\"fleet\",namespace=\"default\"} 1\n";
    scene.until("its end to be counted", async |_| metrics.text().contains(counted).then_some(())).await;
    alone.shutdown().await;
    scene.end().await;
}
