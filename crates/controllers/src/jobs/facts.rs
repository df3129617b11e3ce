//! The Job and its Pods, as decisions ask about them.

use std::collections::BTreeSet;

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::{Job, JobSpec, JobStatus};
use k8s_openapi::api::core::v1::Pod;
use reprise_core::unset::{is_true, list, text};

use super::{FINALIZER, INDEX};

/// A Pod of the Job.
#[derive(Debug, Clone, Copy)]
pub(super) struct JobPod<'a> {
    pub(super) pod: &'a Pod,
    pub(super) uid: &'a str,
    pub(super) phase: &'a str,
    /// It is being deleted.
    pub(super) is_deleted: bool,
    /// It has the finalizer.
    pub(super) is_tracked: bool,
    /// Its completion index, if it has one.
    pub(super) index: Option<i32>,
}

impl<'a> JobPod<'a> {
    fn of(pod: &'a Pod) -> Self {
        let index = pod.metadata.annotations.as_ref().and_then(|annotations| annotations.get(INDEX));
        Self {
            pod,
            uid: text(&pod.metadata.uid),
            phase: pod.status.as_ref().map(|status| text(&status.phase)).unwrap_or_default(),
            is_deleted: pod.metadata.deletion_timestamp.is_some(),
            is_tracked: list(&pod.metadata.finalizers).iter().any(|finalizer| finalizer == FINALIZER),
            index: index.and_then(|index| index.parse().ok()).filter(|index| *index >= 0),
        }
    }

    pub(super) fn has_succeeded(&self) -> bool {
        self.phase == "Succeeded"
    }

    pub(super) fn has_ended(&self) -> bool {
        ["Succeeded", "Failed"].contains(&self.phase)
    }

    /// It works, or will.
    pub(super) fn is_active(&self) -> bool {
        !self.has_ended() && !self.is_deleted
    }

    /// It is being deleted and has not ended yet.
    pub(super) fn is_terminating(&self) -> bool {
        !self.has_ended() && self.is_deleted
    }

    pub(super) fn is_ready(&self) -> bool {
        let conditions = self.pod.status.as_ref().map(|status| list(&status.conditions)).unwrap_or_default();
        conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
    }

    /// A number that one of its annotations has.
    pub(super) fn annotated(&self, key: &str) -> i32 {
        let value = self.pod.metadata.annotations.as_ref().and_then(|annotations| annotations.get(key));
        value.and_then(|value| value.parse().ok()).unwrap_or(0)
    }
}

/// All that a decision looks at.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    pub(super) job: &'a Job,
    pub(super) spec: &'a JobSpec,
    pub(super) status: &'a JobStatus,
    pub(super) pods: Vec<JobPod<'a>>,
    pub(super) now: Timestamp,
    uncounted_succeeded: BTreeSet<&'a str>,
    uncounted_failed: BTreeSet<&'a str>,
}

static NO_STATUS: JobStatus = JobStatus {
    active: None,
    completed_indexes: None,
    completion_time: None,
    conditions: None,
    failed: None,
    failed_indexes: None,
    ready: None,
    start_time: None,
    succeeded: None,
    terminating: None,
    uncounted_terminated_pods: None,
};

impl<'a> Facts<'a> {
    /// `None` for a Job without a spec, which the API does not have.
    pub(super) fn of(job: &'a Job, pods: &[&'a Pod], now: Timestamp) -> Option<Self> {
        let status = job.status.as_ref().unwrap_or(&NO_STATUS);
        let uncounted = status.uncounted_terminated_pods.as_ref();
        let set = |uids: Option<&'a [String]>| uids.unwrap_or_default().iter().map(String::as_str).collect();
        let mut pods: Vec<JobPod<'a>> = pods.iter().map(|pod| JobPod::of(pod)).collect();
        pods.sort_by_key(|pod| (pod.index, text(&pod.pod.metadata.name)));
        Some(Self {
            job,
            spec: job.spec.as_ref()?,
            status,
            pods,
            now,
            uncounted_succeeded: set(uncounted.map(|uncounted| list(&uncounted.succeeded))),
            uncounted_failed: set(uncounted.map(|uncounted| list(&uncounted.failed))),
        })
    }

    pub(super) fn is_deleted(&self) -> bool {
        self.job.metadata.deletion_timestamp.is_some()
    }

    pub(super) fn is_suspended(&self) -> bool {
        is_true(self.spec.suspend)
    }

    pub(super) fn is_indexed(&self) -> bool {
        text(&self.spec.completion_mode) == "Indexed"
    }

    pub(super) fn parallelism(&self) -> i32 {
        self.spec.parallelism.unwrap_or(1)
    }

    /// Indexed Jobs always have a number.
    pub(super) fn completions(&self) -> Option<i32> {
        self.spec.completions
    }

    pub(super) fn backoff_limit(&self) -> i32 {
        self.spec.backoff_limit.unwrap_or(6)
    }

    /// A Pod is replaced only when it has ended, not as soon as it is being deleted.
    pub(super) fn replaces_only_failed(&self) -> bool {
        text(&self.spec.pod_replacement_policy) == "Failed" || self.spec.pod_failure_policy.is_some()
    }

    /// Whether the Pod counts as failed.
    pub(super) fn has_failed(&self, pod: &JobPod<'_>) -> bool {
        pod.phase == "Failed" || (pod.is_terminating() && !self.replaces_only_failed())
    }

    /// Whether its index is one that the Job has. Without indexes there is no wrong one.
    pub(super) fn has_valid_index(&self, pod: &JobPod<'_>) -> bool {
        !self.is_indexed() || pod.index.is_some_and(|index| index < self.completions().unwrap_or(0))
    }

    pub(super) fn is_uncounted_success(&self, uid: &str) -> bool {
        self.uncounted_succeeded.contains(uid)
    }

    pub(super) fn is_uncounted_failure(&self, uid: &str) -> bool {
        self.uncounted_failed.contains(uid)
    }

    /// Pods that have not been counted, nor noted to be: they have the finalizer and an index of the Job.
    pub(super) fn new_pods(&self) -> impl Iterator<Item = &JobPod<'a>> {
        self.pods.iter().filter(|pod| {
            let is_noted = self.is_uncounted_success(pod.uid) || self.is_uncounted_failure(pod.uid);
            pod.is_tracked && !is_noted && self.has_valid_index(pod)
        })
    }

    pub(super) fn active(&self) -> impl Iterator<Item = &JobPod<'a>> {
        self.pods.iter().filter(|pod| pod.is_active())
    }

    pub(super) fn terminating(&self) -> impl Iterator<Item = &JobPod<'a>> {
        self.pods.iter().filter(|pod| pod.is_terminating())
    }
}

/// A count as the API has it.
pub(super) fn count<T>(items: impl Iterator<Item = T>) -> i32 {
    i32::try_from(items.count()).unwrap_or(i32::MAX)
}
