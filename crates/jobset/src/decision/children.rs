//! The Jobs of a JobSet, as decisions ask about them.

use k8s_openapi::api::batch::v1::{Job, JobCondition};
use reprise_core::unset::{is_true, list, text};

use super::Target;
use crate::budget::restarts_of;
use crate::names::{JOB_INDEX, JOB_RESTART_ATTEMPT, REPLICATED_JOB_NAME, RESTART_ATTEMPT};
use crate::types::{JobSetSpec, JobSetStatus};

/// How far a Job has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    Active,
    Succeeded,
    Failed,
    /// It is of an earlier attempt, or none that the JobSet wants.
    Outdated,
}

/// A Job of the JobSet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Child<'a> {
    pub job: &'a Job,
    /// The position of its entry in `replicatedJobs`; not there for a Job that is not wanted.
    pub entry: Option<usize>,
    /// Its index among the Jobs of its entry.
    pub index: usize,
    pub progress: Progress,
}

impl<'a> Child<'a> {
    pub(super) fn of(job: &'a Job, spec: &JobSetSpec, status: &JobSetStatus) -> Self {
        let name = label(job, REPLICATED_JOB_NAME).unwrap_or_default();
        let entry = spec.replicated_jobs.iter().position(|entry| entry.name == name);
        let index = number(job, JOB_INDEX).and_then(|index| usize::try_from(index).ok());
        let (Some(at), Some(index)) = (entry, index) else {
            return Self { job, entry: None, index: 0, progress: Progress::Outdated };
        };
        let replicas = usize::try_from(spec.replicated_jobs[at].replicas.unwrap_or(1)).unwrap_or(0);
        let is_current = index < replicas
            && number(job, RESTART_ATTEMPT).is_some_and(|attempt| attempt >= status.restarts)
            && is_current_alone(job, restarts_of(status, name, index));
        let progress = if is_current { progress(job) } else { Progress::Outdated };
        Self { job, entry, index, progress }
    }

    pub(super) fn name(&self) -> &'a str {
        text(&self.job.metadata.name)
    }

    pub(super) fn is(&self, progress: Progress) -> bool {
        self.progress == progress
    }

    pub(super) fn is_being_deleted(&self) -> bool {
        self.job.metadata.deletion_timestamp.is_some()
    }

    pub(super) fn is_suspended(&self) -> bool {
        is_true(self.job.spec.as_ref().and_then(|spec| spec.suspend))
    }

    pub(super) fn has_pods(&self) -> bool {
        self.job.status.as_ref().and_then(|status| status.active).unwrap_or(0) > 0
    }

    /// Whether all of its Pods are ready or have succeeded.
    pub(super) fn is_ready(&self) -> bool {
        let spec = self.job.spec.as_ref();
        let parallelism = spec.and_then(|spec| spec.parallelism).unwrap_or(1);
        let wanted = spec.and_then(|spec| spec.completions).map_or(parallelism, |all| all.min(parallelism));
        let status = self.job.status.as_ref();
        let ready = status.and_then(|status| status.ready).unwrap_or(0);
        status.and_then(|status| status.succeeded).unwrap_or(0).saturating_add(ready) >= wanted
    }

    /// Why it has failed.
    pub(super) fn failure(&self) -> Option<&'a JobCondition> {
        condition(self.job, "Failed")
    }

    pub(super) fn target(&self) -> Target {
        Target { name: self.name().to_owned(), uid: text(&self.job.metadata.uid).to_owned() }
    }
}

/// Jobs from before there was such a label count as current.
fn is_current_alone(job: &Job, restarts: i32) -> bool {
    label(job, JOB_RESTART_ATTEMPT).is_none() || number(job, JOB_RESTART_ATTEMPT).is_some_and(|own| own >= restarts)
}

fn progress(job: &Job) -> Progress {
    if condition(job, "Failed").is_some() {
        Progress::Failed
    } else if condition(job, "Complete").is_some() {
        Progress::Succeeded
    } else {
        Progress::Active
    }
}

fn condition<'a>(job: &'a Job, kind: &str) -> Option<&'a JobCondition> {
    let conditions = job.status.as_ref().map(|status| list(&status.conditions)).unwrap_or_default();
    conditions.iter().find(|condition| condition.type_ == kind && condition.status == "True")
}

fn label<'a>(job: &'a Job, key: &str) -> Option<&'a str> {
    job.metadata.labels.as_ref()?.get(key).map(String::as_str)
}

fn number(job: &Job, key: &str) -> Option<i32> {
    label(job, key)?.parse().ok()
}
