//! The JobSet controller alone, for any cluster: with caches of its own that hold no more than it asks for.

use std::collections::BTreeMap;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod, PodStatus, Service};
use kube::runtime::watcher::Config;
use kube::{Api, Client};
use reprise_jobset::names::{IN_PLACE_RESTART_ATTEMPT, JOBSET_NAME, JOBSET_UID};
use reprise_jobset::set_defaults;
use tokio::task::JoinSet;

use super::metrics::JobSetMetrics;
use super::run::{JobSetController, Watched};
use crate::cache::Cache;
use crate::caches::marks_of_controlled;
use crate::recorder::EventWriter;
use crate::start::Controllers;

/// Starts it against the API that `client` talks to.
#[must_use]
pub fn start_job_sets(client: &Client, metrics: JobSetMetrics) -> Controllers {
    let (mut tasks, events) = (JoinSet::new(), EventWriter::new());
    let watched = Watched {
        job_sets: Cache::lean(|_| Vec::new(), set_defaults),
        jobs: Cache::lean(marks_of_controlled::<Job>, shed_job),
        pods: Cache::lean(|_| Vec::new(), shed_pod),
        services: Cache::lean(|_| Vec::new(), shed_service),
        claims: Cache::new(),
    };
    let controller =
        JobSetController::new(client.clone(), watched.clone(), events.recorder("jobset-controller"), metrics);
    tasks.spawn(controller.run());
    let of_sets = Config::default().labels(JOBSET_NAME);
    macro_rules! watch {
        ($($cache:ident: $config:expr),*) => {
            $(
                let (cache, api, config) = (watched.$cache.clone(), Api::all(client.clone()), $config);
                tasks.spawn(async move { cache.run(api, config).await });
            )*
        };
    }
    watch!(job_sets: Config::default(), jobs: of_sets.clone(), pods: of_sets.clone(), claims: of_sets, services: Config::default());
    tasks.spawn(events.run(client.clone()));
    Controllers::of(tasks)
}

/// Nobody here asks for the Pods that it makes.
fn shed_job(job: &mut Job) {
    if let Some(spec) = &mut job.spec {
        spec.template = k8s_openapi::api::core::v1::PodTemplateSpec::default();
    }
}

fn shed_service(service: &mut Service) {
    (service.spec, service.status) = (None, None);
}

/// What a fleet counts: ten thousand of these are some megabytes.
fn shed_pod(pod: &mut Pod) {
    let metadata = &mut pod.metadata;
    keep(&mut metadata.labels, &[JOBSET_NAME, JOBSET_UID]);
    keep(&mut metadata.annotations, &[IN_PLACE_RESTART_ATTEMPT]);
    (metadata.owner_references, metadata.finalizers, pod.spec) = (None, None, None);
    let Some(status) = pod.status.take() else { return };
    let mut conditions = status.conditions.unwrap_or_default();
    conditions.retain(|condition| condition.type_ == "AllContainersRestarting");
    pod.status = Some(PodStatus {
        phase: status.phase,
        conditions: Some(conditions),
        container_statuses: status.container_statuses.map(shed_containers),
        init_container_statuses: status.init_container_statuses.map(shed_containers),
        ..PodStatus::default()
    });
}

/// One, with the highest restart count, says what all do.
fn shed_containers(containers: Vec<ContainerStatus>) -> Vec<ContainerStatus> {
    let most = containers.into_iter().map(|container| container.restart_count).max();
    most.map(|restart_count| ContainerStatus { restart_count, ..ContainerStatus::default() }).into_iter().collect()
}

fn keep(entries: &mut Option<BTreeMap<String, String>>, keys: &[&str]) {
    if let Some(entries) = entries {
        entries.retain(|key, _| keys.contains(&key.as_str()));
    }
}
