//! What is to be done about a JobSet now.
//!
//! The order of what is written matters, as the controller may die after each write: a restart is first counted in the status,
//! and what is older than the count is deleted by the next decision, and made anew by the one after it.

mod children;
mod counts;
mod ending;
mod failure;
mod startup;

use std::collections::HashSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Service};
use reprise_core::unset::{is_true, text};

use self::children::{Child, Progress};
use self::ending::{REACHED_MAX_RESTARTS, REACHED_MAX_RESTARTS_MESSAGE};
use self::startup::Startup;
use crate::conditions::{
    COMPLETED, Change, FAILED, Note, STARTUP_COMPLETED, STARTUP_IN_PROGRESS, SUSPENDED, finished, put,
};
use crate::fleet::Tally;
use crate::in_place::{self, Move, Standing};
use crate::job::{NewJob, job_name};
use crate::names::{BLOCKING_RECREATE, CONTROLLER};
use crate::network;
use crate::types::{JobSet, JobSetSpec, JobSetStatus};
use crate::volume_claims;

#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod scenario_tests;
#[cfg(test)]
mod simulation;

/// While Pods restart in place, each write of the status goes to all of them: one that only counts Jobs waits until they are
/// in step again, but not longer than this.
const COUNTS_WAIT: SignedDuration = SignedDuration::from_secs(10);
/// And so long after the last write, if they are in step.
const COUNTS_PAUSE: SignedDuration = SignedDuration::from_secs(1);

/// What is known.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// The JobSet, with its defaults.
    pub set: &'a JobSet,
    /// All Jobs that it controls.
    pub jobs: &'a [&'a Job],
    /// Its Pods. `None` if it does not restart in place.
    pub pods: Option<&'a Tally>,
    /// Whether the service of its subdomain is there.
    pub has_service: bool,
    /// The names of its claims that are there.
    pub claims: &'a HashSet<String>,
    /// When this controller last wrote its status.
    pub written: Option<Timestamp>,
    /// Now.
    pub now: Timestamp,
}

/// An object that is to be changed, if it is still the same one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
}

/// What to do, in the order of the fields.
#[derive(Debug, Default, PartialEq)]
pub struct Decision {
    /// Jobs to be deleted, with their Pods before them.
    pub delete: Vec<Target>,
    /// The service to be made.
    pub service: Option<Service>,
    /// Claims to be made.
    pub claims: Vec<PersistentVolumeClaim>,
    /// Jobs to be made.
    pub create: Vec<NewJob>,
    /// Jobs to be suspended.
    pub suspend: Vec<Target>,
    /// Jobs to go on.
    pub resume: Vec<Target>,
    /// The status to be written.
    pub status: Option<JobSetStatus>,
    /// What to tell when that is written.
    pub notes: Vec<Note>,
    /// Whether the JobSet is to be deleted: its time is over.
    pub delete_set: bool,
    /// When to look again although nothing has changed.
    pub look_again: Option<Duration>,
}

/// Whether the controller of JobSets, and no other, runs this one.
#[must_use]
pub fn is_managed(set: &JobSet) -> bool {
    let manager = set.spec.as_ref().and_then(|spec| spec.managed_by.as_deref());
    set.metadata.deletion_timestamp.is_none() && manager.is_none_or(|manager| manager == CONTROLLER)
}

/// Decides about a JobSet.
#[must_use]
pub fn decide(seen: &Seen<'_>) -> Decision {
    match &seen.set.spec {
        Some(spec) if is_managed(seen.set) => Pass::new(seen, spec).decide(),
        _ => Decision::default(),
    }
}

struct Pass<'a> {
    seen: &'a Seen<'a>,
    spec: &'a JobSetSpec,
    children: Vec<Child<'a>>,
    before: JobSetStatus,
    status: JobSetStatus,
    notes: Vec<Note>,
    decision: Decision,
}

impl<'a> Pass<'a> {
    fn new(seen: &'a Seen<'a>, spec: &'a JobSetSpec) -> Self {
        let before = seen.set.status.clone().unwrap_or_default();
        let children: Vec<Child<'a>> = seen.jobs.iter().map(|job| Child::of(job, spec, &before)).collect();
        let mut status = before.clone();
        status.replicated_jobs_status = counts::count(spec, &before, &children);
        Self { seen, spec, children, before, status, notes: Vec::new(), decision: Decision::default() }
    }

    fn decide(mut self) -> Decision {
        if finished(&self.before).is_some() {
            self.delete_all(Progress::Active);
            let left = ending::time_left(self.spec, &self.before, self.seen.now);
            self.decision.delete_set = left.is_some_and(|left| left.is_zero());
            self.decision.look_again = left.filter(|left| !left.is_zero());
            return self.conclude();
        }
        self.delete_all(Progress::Outdated);
        if !self.is_suspended() && counts::all_ready(self.spec, &self.status.replicated_jobs_status) {
            let (now, notes) = (self.seen.now, &mut self.notes);
            ending::end_restarting(&mut self.status, "JobsReady", "all jobs are ready", now, notes);
        }
        if failure::apply(self.spec, &self.children, &mut self.status, self.seen.now, &mut self.notes) {
            return self.conclude();
        }
        if ending::has_succeeded(self.spec, &self.children) {
            ending::complete(&mut self.status, self.seen.now, &mut self.notes);
            return self.conclude();
        }
        self.surround();
        let startup = startup::startup(self.spec, &self.status.replicated_jobs_status, self.is_suspended());
        self.populate(&startup);
        self.note_startup(&startup);
        self.restart_in_place();
        self.conclude()
    }

    fn is_suspended(&self) -> bool {
        is_true(self.spec.suspend)
    }

    fn delete_all(&mut self, progress: Progress) {
        let jobs = self.children.iter().filter(|child| child.is(progress) && !child.is_being_deleted());
        self.decision.delete = jobs.map(Child::target).collect();
    }

    /// Makes what Pods need around them.
    fn surround(&mut self) {
        self.decision.service = network::service(self.seen.set).filter(|_| !self.seen.has_service);
        let claims = volume_claims::claims(self.seen.set).into_iter();
        self.decision.claims = claims.filter(|claim| !self.seen.claims.contains(text(&claim.metadata.name))).collect();
    }

    /// Makes, suspends and resumes Jobs.
    fn populate(&mut self, startup: &Startup) {
        let strategy = self.spec.failure_policy.as_ref().map(|policy| text(&policy.restart_strategy));
        let is_blocked = strategy == Some(BLOCKING_RECREATE) && self.children.iter().any(|c| c.is(Progress::Outdated));
        let there: HashSet<&str> = self.children.iter().map(Child::name).collect();
        let set = text(&self.seen.set.metadata.name);
        let may_run = |entry: &usize| startup.may_run.get(*entry).copied().unwrap_or(false);
        for (entry, job) in self.spec.replicated_jobs.iter().enumerate().filter(|(at, _)| may_run(at) && !is_blocked) {
            let indexes = 0..usize::try_from(job.replicas.unwrap_or(1)).unwrap_or(0);
            let missing = indexes.filter(|index| !there.contains(job_name(set, &job.name, *index).as_str()));
            self.decision.create.extend(missing.map(|index| NewJob { entry, index }));
        }
        let active = self.children.iter().filter(|child| child.is(Progress::Active) && !child.is_being_deleted());
        if self.is_suspended() {
            self.decision.suspend = active.filter(|child| !child.is_suspended()).map(Child::target).collect();
        } else {
            let may_run = active.filter(|child| child.entry.is_some_and(|entry| may_run(&entry)));
            self.decision.resume = may_run.filter(|child| child.is_suspended()).map(Child::target).collect();
        }
    }

    fn note_startup(&mut self, startup: &Startup) {
        if self.is_suspended() {
            self.note(SUSPENDED, true, "SuspendedJobs", "jobset is suspended");
            let (now, notes) = (self.seen.now, &mut self.notes);
            ending::end_restarting(&mut self.status, "JobSetSuspended", "jobset is suspended", now, notes);
            return;
        }
        match startup.is_completed {
            Some(false) => {
                let message = "in order startup policy is in progress";
                self.note(STARTUP_IN_PROGRESS, true, "InOrderStartupPolicyInProgress", message);
                // Not all of it goes on yet.
                return;
            }
            Some(true) => {
                let message = "in order startup policy has completed";
                self.note(STARTUP_COMPLETED, true, "InOrderStartupPolicyCompleted", message);
            }
            None => {}
        }
        self.note(SUSPENDED, false, "ResumeJobs", "jobset is resumed");
    }

    fn note(&mut self, kind: &'static str, holds: bool, reason: &str, message: &str) {
        let change = Change { kind, holds, is_warning: false, reason, message };
        put(&mut self.status, &change, self.seen.now, &mut self.notes);
    }

    fn restart_in_place(&mut self) {
        let standing = Standing::in_status(self.spec, &self.status).filter(|_| !self.is_suspended());
        let Some((standing, tally)) = standing.zip(self.seen.pods) else { return };
        match in_place::next(tally, &standing) {
            Ok(Move::Stay) => {}
            Ok(Move::Lift(attempt)) => self.status.current_in_place_restart_attempt = Some(attempt),
            Ok(Move::Outdate(_)) if self.all_are_made_anew() => {}
            Ok(Move::Outdate(attempt)) => {
                self.status.previous_in_place_restart_attempt = Some(attempt);
                let message = format!("Pods up to attempt {attempt} restart in place");
                self.notes.push(Note { is_warning: true, reason: "RestartingInPlace".to_owned(), message });
            }
            Ok(Move::Fail) => {
                let (reason, message) = (REACHED_MAX_RESTARTS, REACHED_MAX_RESTARTS_MESSAGE);
                ending::fail(&mut self.status, reason, message, self.seen.now, &mut self.notes);
            }
            Err(bad) => {
                let reason = "InvalidInPlaceRestartAttempt".to_owned();
                self.notes.push(Note { is_warning: true, reason, message: bad.to_string() });
            }
        }
    }

    /// No Pod is to be saved: all go with their Jobs.
    fn all_are_made_anew(&self) -> bool {
        self.children.iter().all(|child| child.is(Progress::Outdated))
    }

    fn conclude(mut self) -> Decision {
        if self.status != self.before {
            let wait = self.wait();
            if wait.is_zero() {
                self.decision.status = Some(self.status);
            } else {
                let wait = Duration::try_from(wait).unwrap_or(Duration::ZERO);
                self.decision.look_again = Some(self.decision.look_again.map_or(wait, |own| own.min(wait)));
            }
        }
        self.decision.notes = self.notes;
        self.decision
    }

    /// How long the status can wait, because it says nothing that somebody waits for.
    fn wait(&self) -> SignedDuration {
        let (Some(written), Some(standing)) = (self.seen.written, Standing::in_status(self.spec, &self.before)) else {
            return SignedDuration::ZERO;
        };
        let mut counted = self.before.clone();
        counted.replicated_jobs_status.clone_from(&self.status.replicated_jobs_status);
        let same_restarts = self
            .status
            .replicated_jobs_status
            .iter()
            .zip(&self.before.replicated_jobs_status)
            .all(|(new, old)| (&new.job_restarts, &new.name) == (&old.job_restarts, &old.name));
        if counted != self.status || !same_restarts {
            return SignedDuration::ZERO;
        }
        let in_step = self.seen.pods.is_some_and(|tally| {
            tally.counted == standing.expected && tally.lowest == standing.current && tally.highest == standing.current
        });
        let pause = if in_step { COUNTS_PAUSE } else { COUNTS_WAIT };
        (pause - self.seen.now.duration_since(written)).max(SignedDuration::ZERO)
    }
}

/// How a JobSet has ended, by its status: `Completed`, `Failed` or not at all.
#[must_use]
pub fn terminal_state(status: &JobSetStatus) -> Option<&'static str> {
    let kind = finished(status)?.type_.as_str();
    [COMPLETED, FAILED].into_iter().find(|own| *own == kind)
}
