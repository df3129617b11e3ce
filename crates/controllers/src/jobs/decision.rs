//! What is to be done about a Job now.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::{Job, JobCondition, JobStatus};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use reprise_core::unset::{list, text};

use super::conditions;
use super::facts::{Facts, JobPod, count};
use super::per_index::Indexes;
use super::population::{self, Change, NewPod};
use super::tracking;
use super::verdict::{self, Tally};
use crate::cache::ObjectKey;
use crate::recorder::Note;

/// The controller that Jobs have if they name none.
const CONTROLLER: &str = "kubernetes.io/job-controller";

/// A Pod that is to be changed, if it is still the same one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PodRef {
    pub(crate) key: ObjectKey,
    pub(crate) uid: String,
}

/// What to do, in the order of the fields.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Decision {
    /// Pods to be deleted; the first also lose their finalizers before, as that is no failure.
    pub(crate) withdraw: Vec<PodRef>,
    /// Pods to be deleted.
    pub(crate) delete: Vec<PodRef>,
    /// Pods to be made.
    pub(crate) create: Vec<NewPod>,
    /// The status to be written.
    pub(crate) status: Option<JobStatus>,
    /// What to tell when that is written.
    pub(crate) notes: Vec<Note>,
    /// Pods whose finalizers are to be removed then, and not before.
    pub(crate) release: Vec<PodRef>,
    /// When to look again although nothing has changed.
    pub(crate) look_again: Option<Duration>,
}

/// Decides about a Job and all Pods that it controls.
pub(crate) fn decide(job: &Job, pods: &[&Pod], now: Timestamp) -> Decision {
    let Some(facts) = Facts::of(job, pods, now) else { return Decision::default() };
    if facts.spec.managed_by.as_deref().is_some_and(|manager| manager != CONTROLLER) {
        return Decision::default();
    }
    if conditions::finished(job).is_some() {
        // What is left of it: a Pod that was made in the last moment.
        let release = facts.pods.iter().filter(|pod| pod.is_tracked).map(pod_ref).collect();
        return Decision { release, ..Decision::default() };
    }
    if !["", "NonIndexed", "Indexed"].contains(&text(&facts.spec.completion_mode)) {
        let note = Note::warning("UnknownCompletionMode", "Skipped Job sync because completion mode is unknown");
        return Decision { notes: vec![note], ..Decision::default() };
    }
    Pass::new(&facts).decide()
}

struct Pass<'f, 'a> {
    facts: &'f Facts<'a>,
    indexes: Indexes<'a>,
    tally: Tally,
    status: JobStatus,
    decision: Decision,
}

impl<'f, 'a> Pass<'f, 'a> {
    fn new(facts: &'f Facts<'a>) -> Self {
        let indexes = if facts.is_indexed() { Indexes::of(facts) } else { Indexes::default() };
        let tally = Tally::of(facts, &indexes);
        Self { facts, indexes, tally, status: facts.status.clone(), decision: Decision::default() }
    }

    fn decide(mut self) -> Decision {
        if self.status.start_time.is_none() && !self.facts.is_suspended() {
            self.status.start_time = Some(Time(self.facts.now));
        }
        tracking::count_released(self.facts, &mut self.status);
        let mut verdict = verdict::verdict(self.facts, self.tally, &self.indexes);
        let mut deleted: Vec<JobPod<'a>> = Vec::new();
        if verdict.is_some() {
            deleted = self.facts.active().copied().collect();
            self.decision.delete = deleted.iter().map(pod_ref).collect();
        } else {
            if !self.facts.is_deleted() {
                deleted = self.populate();
            }
            verdict = verdict::completion(self.facts, self.tally, self.active(&deleted));
            if verdict.is_none() && !self.facts.is_deleted() {
                self.note_suspension();
            }
        }
        let release = tracking::note_ended(self.facts, &self.indexes, verdict.as_ref(), &mut self.status);
        self.decision.release = release.iter().map(pod_ref).collect();
        self.count_pods(&deleted);
        if let Some(verdict) = verdict {
            self.conclude(verdict);
        }
        self.decision.look_again = [self.decision.look_again, self.deadline()].into_iter().flatten().min();
        if self.status != *self.facts.status {
            self.decision.status = Some(self.status);
        }
        self.decision
    }

    /// Makes or deletes Pods; gives those that are deleted.
    fn populate(&mut self) -> Vec<JobPod<'a>> {
        let Change { create, delete, wait } = population::change(self.facts, self.tally, &self.indexes);
        self.decision.create = create;
        self.decision.withdraw = delete.iter().map(pod_ref).collect();
        self.decision.look_again = wait;
        delete
    }

    /// How many Pods are active when all of the decision is done.
    fn active(&self, deleted: &[JobPod<'_>]) -> i32 {
        count(self.facts.active()) - count(deleted.iter()) + count(self.decision.create.iter())
    }

    fn note_suspension(&mut self) {
        let (value, reason, message) = if self.facts.is_suspended() {
            ("True", "Suspended", "Job suspended")
        } else {
            ("False", "Resumed", "Job resumed")
        };
        let mut condition = conditions::new("Suspended", &format!("Job{reason}"), message, self.facts.now);
        value.clone_into(&mut condition.status);
        if conditions::put(&mut self.status, condition) {
            self.decision.notes.push(Note::normal(reason, message));
            if !self.facts.is_suspended() {
                // Its time begins anew.
                self.status.start_time = Some(Time(self.facts.now));
            }
        }
    }

    fn count_pods(&mut self, deleted: &[JobPod<'a>]) {
        let facts = self.facts;
        self.status.active = Some(self.active(deleted)).filter(|active| *active > 0);
        let ready =
            count(facts.active().filter(|pod| pod.is_ready())) - count(deleted.iter().filter(|pod| pod.is_ready()));
        self.status.ready = Some(ready);
        self.status.terminating = Some(count(facts.terminating()) + count(deleted.iter()));
        if facts.is_indexed() {
            self.status.succeeded = Some(self.indexes.succeeded.count());
            self.status.completed_indexes =
                Some(self.indexes.succeeded.to_string()).filter(|indexes| !indexes.is_empty());
            self.status.failed_indexes = self.indexes.failed.as_ref().map(ToString::to_string);
        }
        // The API leaves out what is zero.
        for counter in [&mut self.status.succeeded, &mut self.status.failed] {
            *counter = counter.filter(|count| *count > 0);
        }
        let uncounted = self.status.uncounted_terminated_pods.get_or_insert_default();
        for uids in [&mut uncounted.succeeded, &mut uncounted.failed] {
            *uids = uids.take().filter(|uids| !uids.is_empty());
        }
    }

    /// Says how the Job will end and, when that was written and nothing is left to be counted, that it has.
    fn conclude(&mut self, verdict: JobCondition) {
        let is_written = conditions::is_true(self.facts.status, &verdict.type_).is_some();
        let uncounted = self.status.uncounted_terminated_pods.as_ref();
        let none = |uids: Option<&Option<Vec<String>>>| uids.is_none_or(|uids| list(uids).is_empty());
        let is_counted = none(uncounted.map(|own| &own.succeeded)) && none(uncounted.map(|own| &own.failed));
        let is_over = is_written
            && is_counted
            && self.decision.release.is_empty()
            && self.facts.pods.iter().all(JobPod::has_ended)
            && self.facts.pods.iter().all(|pod| !pod.is_tracked);
        if !is_over {
            conditions::put(&mut self.status, verdict);
            return;
        }
        let (reason, message) = (text(&verdict.reason), text(&verdict.message));
        let has_succeeded = verdict.type_ == "SuccessCriteriaMet";
        let kind = if has_succeeded { "Complete" } else { "Failed" };
        conditions::put(&mut self.status, conditions::new(kind, reason, message, self.facts.now));
        if has_succeeded {
            self.status.completion_time = Some(Time(self.facts.now));
            let most = self.facts.completions();
            if most.is_some_and(|most| self.status.succeeded.unwrap_or(0) > most) {
                let message = "Too many succeeded pods running after completion count reached";
                self.decision.notes.push(Note::warning("TooManySucceededPods", message));
            }
            self.decision.notes.push(Note::normal("Completed", "Job completed"));
        } else {
            self.decision.notes.push(Note::warning(reason, message));
        }
    }

    fn deadline(&self) -> Option<Duration> {
        let left = verdict::time_left(self.facts).map(population::unsigned);
        // Before its first status is written, the time has not begun.
        left.filter(|left| !left.is_zero())
    }
}

fn pod_ref(pod: &JobPod<'_>) -> PodRef {
    PodRef { key: ObjectKey::of(pod.pod), uid: pod.uid.to_owned() }
}
