//! An API with one JobSet, a Job controller, nodes, and an agent in each Pod: what decisions are tried on.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, HashSet};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};

use super::{Decision, Seen, decide};
use crate::barrier::{self, Signal, first_attempt};
use crate::conditions::Note;
use crate::defaults::set_defaults;
use crate::fleet::Fleet;
use crate::in_place::Standing;
use crate::job::{NewJob, job};
use crate::names::IN_PLACE_RESTART_ATTEMPT;
use crate::types::{JobSet, JobSetStatus};

/// A Pod and the agent in it.
#[derive(Debug, Clone)]
pub(super) struct SimulatedPod {
    pub job: String,
    pub index: i32,
    /// Its annotation.
    pub attempt: Option<i32>,
    /// The attempt of the agent that runs now.
    own: Option<i32>,
    /// Its worker runs.
    pub is_lifted: bool,
    pub is_restarting: bool,
    pub has_failed: bool,
    pub is_being_deleted: bool,
    pub restarts: i32,
}

pub(super) struct Simulation {
    pub set: JobSet,
    pub jobs: BTreeMap<String, Job>,
    pub pods: BTreeMap<String, SimulatedPod>,
    pub now: Timestamp,
    pub notes: Vec<Note>,
    pub status_writes: usize,
    /// What the controller has counted; gone with it.
    fleet: Fleet,
    has_service: bool,
    written: Option<Timestamp>,
    made: usize,
}

/// One write; the controller may die after each.
#[derive(Debug)]
pub(super) enum Write {
    Delete(String),
    Service,
    Create(NewJob),
    Suspend(String, bool),
    Status(Box<JobSetStatus>, Vec<Note>),
    DeleteSet,
}

pub(super) fn writes(decision: Decision) -> Vec<Write> {
    let Decision { delete, service, claims: _, create, suspend, resume, status, notes, delete_set, look_again: _ } =
        decision;
    let mut writes: Vec<Write> = delete.into_iter().map(|job| Write::Delete(job.name)).collect();
    writes.extend(service.map(|_| Write::Service));
    writes.extend(create.into_iter().map(Write::Create));
    writes.extend(suspend.into_iter().map(|job| Write::Suspend(job.name, true)));
    writes.extend(resume.into_iter().map(|job| Write::Suspend(job.name, false)));
    writes.extend(status.map(|status| Write::Status(Box::new(status), notes)));
    writes.extend(delete_set.then_some(Write::DeleteSet));
    writes
}

impl Simulation {
    pub(super) fn new(spec: Value) -> Self {
        let set = json!({"metadata": {"name": "s", "namespace": "n", "uid": "set", "generation": 1}, "spec": spec});
        let mut set: JobSet = serde_json::from_value(set).unwrap();
        set_defaults(&mut set);
        Self {
            set,
            jobs: BTreeMap::new(),
            pods: BTreeMap::new(),
            now: "2026-01-01T00:00:00Z".parse().unwrap(),
            notes: Vec::new(),
            status_writes: 0,
            fleet: Fleet::default(),
            has_service: false,
            written: None,
            made: 0,
        }
    }

    pub(super) fn status(&self) -> JobSetStatus {
        self.set.status.clone().unwrap_or_default()
    }

    pub(super) fn decide(&self) -> Decision {
        let tally = Standing::of(&self.set).map(|standing| self.fleet.tally(standing.current));
        decide(&Seen {
            set: &self.set,
            jobs: &self.jobs.values().collect::<Vec<_>>(),
            pods: tally.as_ref(),
            has_service: self.has_service,
            claims: &HashSet::new(),
            written: self.written,
            now: self.now,
        })
    }

    /// Another controller takes over.
    pub(super) fn crash(&mut self) {
        (self.fleet, self.written) = (Fleet::default(), None);
        self.pods.keys().cloned().collect::<Vec<_>>().iter().for_each(|name| self.tell(name));
    }

    /// The controller learns what became of a Pod.
    fn tell(&mut self, name: &str) {
        match self.pods.get(name) {
            Some(pod) => self.fleet.put(&seen(name, pod), self.status().current_in_place_restart_attempt),
            None => self.fleet.remove(name),
        }
    }

    /// Decides and carries out, and lets Jobs make Pods, until there is nothing more to do now.
    pub(super) fn settle(&mut self) {
        for _ in 0..50 {
            let writes = writes(self.decide());
            let is_idle = writes.is_empty();
            writes.into_iter().for_each(|write| self.apply(write));
            if !self.tend() && is_idle {
                return;
            }
        }
        panic!("no end of writes: {:?}", self.decide());
    }

    pub(super) fn apply(&mut self, write: Write) {
        match write {
            Write::Delete(name) => {
                if let Some(job) = self.jobs.get_mut(&name) {
                    job.metadata.deletion_timestamp.get_or_insert(Time(self.now));
                }
            }
            Write::Service => self.has_service = true,
            Write::Create(new) => {
                let mut job = job(&self.set, new).unwrap();
                self.made += 1;
                job.metadata.uid = Some(format!("job-{}", self.made));
                job.status = Some(Default::default());
                let known = self.jobs.insert(job.metadata.name.clone().unwrap(), job);
                assert!(known.is_none(), "a Job is made twice");
            }
            Write::Suspend(name, suspend) => {
                self.jobs.get_mut(&name).unwrap().spec.as_mut().unwrap().suspend = Some(suspend);
            }
            Write::Status(status, notes) => self.write_status(*status, notes),
            Write::DeleteSet => self.set.metadata.deletion_timestamp = Some(Time(self.now)),
        }
    }

    fn write_status(&mut self, status: JobSetStatus, notes: Vec<Note>) {
        let before = self.status();
        assert!(crate::conditions::finished(&before).is_none() || before.conditions == status.conditions);
        let (was, is) = (before.current_in_place_restart_attempt, status.current_in_place_restart_attempt);
        if was != is {
            let attempts: Vec<_> = self.pods.values().filter(|pod| !pod.has_failed).map(|pod| pod.attempt).collect();
            let expected = Standing::of(&self.set).unwrap().expected;
            assert!(attempts.len() >= expected, "a barrier lifts before all are there");
            assert!(attempts.iter().filter(|attempt| **attempt == is).count() >= expected, "mixed: {attempts:?}");
        }
        assert!(status.previous_in_place_restart_attempt >= before.previous_in_place_restart_attempt);
        self.set.status = Some(status);
        self.notes.extend(notes);
        self.written = Some(self.now);
        self.status_writes += 1;
    }

    /// What the Job controller and nodes do. Whether they did anything.
    pub(super) fn tend(&mut self) -> bool {
        let gone = |pod: &SimulatedPod| pod.is_being_deleted;
        let mut leaving: Vec<String> =
            self.pods.iter().filter(|(_, pod)| gone(pod)).map(|(name, _)| name.clone()).collect();
        let deleted: Vec<String> = self
            .jobs
            .iter()
            .filter(|(_, job)| job.metadata.deletion_timestamp.is_some())
            .map(|(name, _)| name.clone())
            .collect();
        leaving.extend(self.pods.iter().filter(|(_, pod)| deleted.contains(&pod.job)).map(|(name, _)| name.clone()));
        let mut new = Vec::new();
        for (name, job) in self.jobs.iter().filter(|(name, _)| !deleted.contains(name)) {
            let spec = job.spec.as_ref().unwrap();
            if spec.suspend == Some(true) || is_finished(job) {
                leaving.extend(self.pods.iter().filter(|(_, pod)| pod.job == *name).map(|(name, _)| name.clone()));
                continue;
            }
            for index in 0..spec.parallelism.unwrap_or(1) {
                let is_there = |pod: &SimulatedPod| pod.job == *name && pod.index == index && !pod.has_failed;
                if !self.pods.values().any(is_there) {
                    new.push((name.clone(), index));
                }
            }
        }
        let is_idle = leaving.is_empty() && deleted.is_empty() && new.is_empty();
        for name in &leaving {
            self.pods.remove(name);
            self.tell(name);
        }
        self.jobs.retain(|name, _| !deleted.contains(name));
        for (job, index) in new {
            self.made += 1;
            let name = format!("{job}-{index}-{}", self.made);
            let (attempt, own, is_lifted) = (None, None, false);
            let pod = SimulatedPod {
                job,
                index,
                attempt,
                own,
                is_lifted,
                is_restarting: false,
                has_failed: false,
                is_being_deleted: false,
                restarts: 0,
            };
            self.pods.insert(name.clone(), pod);
            self.tell(&name);
        }
        !is_idle
    }

    /// The agent of a Pod does its next step. Whether there was one.
    pub(super) fn step(&mut self, name: &str) -> bool {
        let signal: Signal = serde_json::from_value(serde_json::to_value(&self.set).unwrap()).unwrap();
        let Some(pod) = self.pods.get_mut(name).filter(|pod| !pod.has_failed) else { return false };
        if pod.is_restarting {
            // The containers are new, the annotation is that of the agent before.
            (pod.is_restarting, pod.own, pod.restarts) = (false, None, pod.restarts + 1);
        } else if signal.is_bypass() {
            return !std::mem::replace(&mut pod.is_lifted, true);
        } else if let Some(own) = pod.own {
            match barrier::decide(own, &signal) {
                barrier::Decision::Restart => self.exit(name),
                barrier::Decision::Lift if !pod.is_lifted => self.lift(name, own),
                _ => return false,
            }
        } else {
            pod.own = Some(first_attempt(signal.current));
            pod.attempt = pod.own;
        }
        self.tell(name);
        true
    }

    fn lift(&mut self, name: &str, own: i32) {
        let running = self.pods.values().filter(|pod| pod.is_lifted && !pod.has_failed && !pod.is_being_deleted);
        let attempts: HashSet<_> = running.map(|pod| pod.own).collect();
        assert!(attempts.iter().all(|attempt| *attempt == Some(own)), "{own} beside {attempts:?}");
        self.pods.get_mut(name).unwrap().is_lifted = true;
    }

    /// A container of the Pod exits, and a rule restarts all.
    pub(super) fn exit(&mut self, name: &str) {
        if let Some(pod) = self.pods.get_mut(name).filter(|pod| !pod.has_failed) {
            (pod.is_restarting, pod.is_lifted) = (true, false);
        }
        self.tell(name);
    }

    pub(super) fn fail_pod(&mut self, name: &str) {
        if let Some(pod) = self.pods.get_mut(name) {
            (pod.has_failed, pod.is_lifted) = (true, false);
        }
        self.tell(name);
    }

    pub(super) fn delete_pod(&mut self, name: &str) {
        if let Some(pod) = self.pods.get_mut(name) {
            pod.is_being_deleted = true;
        }
        self.tell(name);
    }

    /// The Job ends, with this condition.
    pub(super) fn end_job(&mut self, name: &str, kind: &str, reason: &str) {
        let Some(job) = self.jobs.get_mut(name).filter(|job| !is_finished(job)) else { return };
        let condition = json!({"type": kind, "status": "True", "reason": reason, "message": format!("{name} {reason}"),
            "lastTransitionTime": self.now});
        job.status = Some(serde_json::from_value(json!({"conditions": [condition]})).unwrap());
        self.tend();
    }

    /// All Pods of the Job are ready.
    pub(super) fn ready_job(&mut self, name: &str) {
        let Some(job) = self.jobs.get_mut(name).filter(|job| !is_finished(job)) else { return };
        let parallelism = job.spec.as_ref().unwrap().parallelism.unwrap_or(1);
        job.status = Some(serde_json::from_value(json!({"ready": parallelism, "active": parallelism})).unwrap());
    }

    pub(super) fn pass(&mut self, seconds: i64) {
        self.now = self.now.checked_add(SignedDuration::from_secs(seconds)).unwrap();
    }

    pub(super) fn is_finished(&self) -> bool {
        crate::conditions::finished(&self.status()).is_some()
    }

    /// `TYPE=STATUS REASON` of all conditions.
    pub(super) fn conditions(&self) -> Vec<String> {
        let conditions = self.status().conditions.into_iter();
        conditions.map(|own| format!("{}={} {}", own.type_, own.status, own.reason)).collect()
    }

    pub(super) fn pod_names(&self) -> Vec<String> {
        self.pods.keys().cloned().collect()
    }
}

fn is_finished(job: &Job) -> bool {
    let conditions = job.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions.into_iter().flatten().any(|own| own.status == "True")
}

fn seen(name: &str, pod: &SimulatedPod) -> Pod {
    let annotations = pod.attempt.map(|attempt| json!({IN_PLACE_RESTART_ATTEMPT: attempt.to_string()}));
    let deleted = pod.is_being_deleted.then_some("2026-01-01T00:00:00Z");
    let restarting = if pod.is_restarting { "True" } else { "False" };
    let container = json!({"name": "c", "image": "", "imageID": "", "ready": true, "restartCount": pod.restarts});
    serde_json::from_value(json!({
        "metadata": {"name": name, "uid": name, "annotations": annotations, "deletionTimestamp": deleted},
        "status": {
            "phase": if pod.has_failed { "Failed" } else { "Running" },
            "conditions": [{"type": "AllContainersRestarting", "status": restarting}],
            "containerStatuses": [container],
        },
    }))
    .unwrap()
}
