//! The Jobs that a JobSet makes.

use std::collections::BTreeMap;

use k8s_openapi::Resource;
use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::{PodSpec, PodTemplateSpec, Toleration};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use reprise_core::unset::text;
use sha1::{Digest, Sha1};

use crate::budget::restarts_of;
use crate::names::{
    COORDINATOR, EXCLUSIVE_TOPOLOGY, GLOBAL_REPLICAS, GROUP_NAME, GROUP_REPLICAS, JOB_GLOBAL_INDEX, JOB_GROUP_INDEX,
    JOB_INDEX, JOB_KEY, JOB_RESTART_ATTEMPT, JOBSET_NAME, JOBSET_UID, NAMESPACED_JOB, NO_SCHEDULE_TAINT,
    NODE_SELECTOR_STRATEGY, REPLICATED_JOB_NAME, REPLICATED_JOB_REPLICAS, RESTART_ATTEMPT,
};
use crate::network::subdomain;
use crate::types::{Coordinator, JobSet, JobSetSpec, ReplicatedJob};
use crate::volume_claims;

/// A Job to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NewJob {
    /// The position of its entry in `replicatedJobs`.
    pub entry: usize,
    /// Its index among the Jobs of its entry.
    pub index: usize,
}

/// The name of a Job.
#[must_use]
pub fn job_name(set: &str, entry: &str, index: usize) -> String {
    format!("{set}-{entry}-{index}")
}

/// The Job to be made; `None` if the JobSet has no such entry.
#[must_use]
pub fn job(set: &JobSet, new: NewJob) -> Option<Job> {
    let spec = set.spec.as_ref()?;
    let entry = spec.replicated_jobs.get(new.entry)?;
    let from = entry.template.metadata.clone().unwrap_or_default();
    let mut job_spec = entry.template.spec.clone().unwrap_or_default();
    let mut metadata = ObjectMeta {
        name: Some(job_name(text(&set.metadata.name), &entry.name, new.index)),
        namespace: set.metadata.namespace.clone(),
        owner_references: Some(vec![owner(set)]),
        labels: from.labels,
        annotations: from.annotations,
        ..ObjectMeta::default()
    };
    let marks = marks(set, spec, entry, new);
    mark(&mut metadata, &marks, set, entry);
    mark(job_spec.template.metadata.get_or_insert_default(), &marks, set, entry);
    job_spec.suspend = Some(spec.suspend.unwrap_or(false));
    let pod = job_spec.template.spec.get_or_insert_default();
    if let Some(subdomain) = subdomain(set) {
        pod.subdomain = Some(subdomain.to_owned());
    }
    select_nodes(&metadata, pod);
    volume_claims::mount(set, pod);
    Some(Job { metadata, spec: Some(job_spec), status: None })
}

/// What the JobSet's controller owns.
pub(crate) fn owner(set: &JobSet) -> OwnerReference {
    OwnerReference {
        api_version: JobSet::API_VERSION.to_owned(),
        kind: JobSet::KIND.to_owned(),
        name: text(&set.metadata.name).to_owned(),
        uid: text(&set.metadata.uid).to_owned(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

/// What labels and annotations say.
fn marks(set: &JobSet, spec: &JobSetSpec, entry: &ReplicatedJob, new: NewJob) -> BTreeMap<String, String> {
    let (name, namespace) = (text(&set.metadata.name), text(&set.metadata.namespace));
    let status = set.status.clone().unwrap_or_default();
    let group = text(&entry.group_name);
    let replicas = |of: &mut dyn Iterator<Item = &ReplicatedJob>| {
        of.map(|entry| i64::from(entry.replicas.unwrap_or(1))).sum::<i64>()
    };
    let index = i64::try_from(new.index).unwrap_or(i64::MAX);
    let mut before = spec.replicated_jobs[..new.entry].iter();
    let global_index = replicas(&mut before.clone()) + index;
    let group_index = replicas(&mut before.by_ref().filter(|entry| text(&entry.group_name) == group)) + index;
    let in_group = replicas(&mut spec.replicated_jobs.iter().filter(|entry| text(&entry.group_name) == group));
    let mut marks = vec![
        (JOBSET_NAME, name.to_owned()),
        (JOBSET_UID, text(&set.metadata.uid).to_owned()),
        (REPLICATED_JOB_NAME, entry.name.clone()),
        (RESTART_ATTEMPT, status.restarts.to_string()),
        (JOB_RESTART_ATTEMPT, restarts_of(&status, &entry.name, new.index).to_string()),
        (REPLICATED_JOB_REPLICAS, entry.replicas.unwrap_or(1).to_string()),
        (GLOBAL_REPLICAS, replicas(&mut spec.replicated_jobs.iter()).to_string()),
        (JOB_INDEX, index.to_string()),
        (JOB_KEY, key(namespace, &job_name(name, &entry.name, new.index))),
        (JOB_GLOBAL_INDEX, global_index.to_string()),
        (GROUP_NAME, group.to_owned()),
        (GROUP_REPLICAS, in_group.to_string()),
        (JOB_GROUP_INDEX, group_index.to_string()),
    ];
    marks.extend(spec.coordinator.as_ref().map(|coordinator| (COORDINATOR, endpoint(set, coordinator))));
    marks.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// Where the coordinator is reached.
pub(crate) fn endpoint(set: &JobSet, coordinator: &Coordinator) -> String {
    let name = text(&set.metadata.name);
    let job =
        job_name(name, &coordinator.replicated_job, usize::try_from(coordinator.job_index.unwrap_or(0)).unwrap_or(0));
    let network = set.spec.as_ref().and_then(|spec| spec.network.as_ref());
    let subdomain = network.map(|network| text(&network.subdomain)).filter(|subdomain| !subdomain.is_empty());
    format!("{job}-{}.{}", coordinator.pod_index.unwrap_or(0), subdomain.unwrap_or(name))
}

fn mark(metadata: &mut ObjectMeta, marks: &BTreeMap<String, String>, set: &JobSet, entry: &ReplicatedJob) {
    metadata.labels.get_or_insert_default().extend(marks.clone());
    let annotations = metadata.annotations.get_or_insert_default();
    annotations.extend(marks.clone());
    let of_entry = entry.template.metadata.as_ref().and_then(|metadata| metadata.annotations.as_ref());
    for from in [set.metadata.annotations.as_ref(), of_entry].into_iter().flatten() {
        if let Some(topology) = from.get(EXCLUSIVE_TOPOLOGY) {
            annotations.insert(EXCLUSIVE_TOPOLOGY.to_owned(), topology.clone());
            let strategy = from.get(NODE_SELECTOR_STRATEGY);
            annotations.extend(strategy.map(|value| (NODE_SELECTOR_STRATEGY.to_owned(), value.clone())));
        }
    }
}

/// Unlike what it is for, the published key is no more than a name: SHA-1 is right for it.
fn key(namespace: &str, job: &str) -> String {
    let digest = Sha1::digest(format!("{namespace}/{job}"));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Exclusive placement on nodes that somebody has labelled for this Job.
fn select_nodes(job: &ObjectMeta, pod: &mut PodSpec) {
    let has = |key: &str| job.annotations.as_ref().is_some_and(|annotations| annotations.contains_key(key));
    if !has(EXCLUSIVE_TOPOLOGY) || !has(NODE_SELECTOR_STRATEGY) {
        return;
    }
    let nodes = format!("{}_{}", text(&job.namespace), text(&job.name));
    pod.node_selector.get_or_insert_default().insert(NAMESPACED_JOB.to_owned(), nodes);
    pod.tolerations.get_or_insert_default().push(Toleration {
        key: Some(NO_SCHEDULE_TAINT.to_owned()),
        operator: Some("Exists".to_owned()),
        effect: Some("NoSchedule".to_owned()),
        ..Toleration::default()
    });
}

/// The suspended Job as it goes on: with what its entry now says about where Pods run and what they are called. What others have
/// added to the Job stays.
#[must_use]
pub fn resumed(mut job: Job, set: &JobSet) -> Job {
    let entries = set.spec.iter().flat_map(|spec| &spec.replicated_jobs);
    let name = job.metadata.labels.as_ref().and_then(|labels| labels.get(REPLICATED_JOB_NAME)).cloned();
    let entry = entries.into_iter().find(|entry| Some(&entry.name) == name.as_ref());
    let spec: &mut JobSpec = job.spec.get_or_insert_default();
    if let Some(template) = entry.and_then(|entry| entry.template.spec.as_ref()).map(|spec| &spec.template) {
        merge(&mut spec.template, template);
    }
    spec.suspend = Some(false);
    job
}

fn merge(into: &mut PodTemplateSpec, from: &PodTemplateSpec) {
    if let Some(from) = &from.metadata {
        let metadata = into.metadata.get_or_insert_default();
        add_all(&mut metadata.labels, from.labels.as_ref());
        add_all(&mut metadata.annotations, from.annotations.as_ref());
    }
    if let Some(from) = &from.spec {
        let spec = into.spec.get_or_insert_default();
        add_all(&mut spec.node_selector, from.node_selector.as_ref());
        add_new(&mut spec.tolerations, from.tolerations.as_ref());
        add_new(&mut spec.scheduling_gates, from.scheduling_gates.as_ref());
    }
}

fn add_all(into: &mut Option<BTreeMap<String, String>>, from: Option<&BTreeMap<String, String>>) {
    if let Some(from) = from {
        into.get_or_insert_default().extend(from.clone());
    }
}

fn add_new<T: Clone + PartialEq>(into: &mut Option<Vec<T>>, from: Option<&Vec<T>>) {
    for item in from.into_iter().flatten() {
        let all = into.get_or_insert_default();
        if !all.contains(item) {
            all.push(item.clone());
        }
    }
}

#[cfg(test)]
#[path = "job_tests.rs"]
mod tests;
