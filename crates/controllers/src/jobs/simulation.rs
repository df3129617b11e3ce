//! An API with one Job, and nodes that run its Pods: what the controller's tests are carried out on.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};

use super::decision::{Decision, PodRef, decide};
use super::population::NewPod;
use super::{FINALIZER, INDEX, conditions, template};
use crate::recorder::Note;

/// How a Pod came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Succeeded,
    Failed,
    /// The controller did not want it any more.
    Withdrawn,
}

pub(super) struct Simulation {
    pub(super) job: Job,
    pub(super) pods: BTreeMap<String, Pod>,
    pub(super) now: Timestamp,
    pub(super) ends: BTreeMap<String, End>,
    pub(super) notes: Vec<Note>,
    made: usize,
}

/// One write; the controller may die after each.
#[derive(Debug)]
pub(super) enum Write {
    Withdraw(PodRef),
    Delete(PodRef),
    Create(NewPod),
    Status(Box<k8s_openapi::api::batch::v1::JobStatus>, Vec<Note>),
    Release(PodRef),
}

pub(super) fn writes(decision: Decision) -> Vec<Write> {
    let Decision { withdraw, delete, create, status, notes, release, look_again: _ } = decision;
    let mut writes: Vec<Write> =
        withdraw.into_iter().flat_map(|pod| [Write::Release(pod.clone()), Write::Withdraw(pod)]).collect();
    writes.extend(delete.into_iter().map(Write::Delete));
    writes.extend(create.into_iter().map(Write::Create));
    writes.extend(status.map(|status| Write::Status(Box::new(status), notes)));
    writes.extend(release.into_iter().map(Write::Release));
    writes
}

impl Simulation {
    pub(super) fn new(spec: Value) -> Self {
        let mut job = json!({
            "metadata": {"name": "j", "namespace": "n", "uid": "job", "generation": 1},
            "spec": {"template": {"spec": {"containers": [{"name": "c"}], "restartPolicy": "Never"}}}
        });
        job["spec"].as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        Self {
            job: serde_json::from_value(job).unwrap(),
            pods: BTreeMap::new(),
            now: "2026-01-01T00:00:00Z".parse().unwrap(),
            ends: BTreeMap::new(),
            notes: Vec::new(),
            made: 0,
        }
    }

    pub(super) fn decide(&self) -> Decision {
        decide(&self.job, &self.pods.values().collect::<Vec<_>>(), self.now)
    }

    /// Decides and carries out, until there is nothing more to do now.
    pub(super) fn settle(&mut self) {
        for _ in 0..50 {
            let writes = writes(self.decide());
            if writes.is_empty() {
                return;
            }
            writes.into_iter().for_each(|write| self.apply(write));
        }
        panic!("no end of writes: {:?}", self.decide());
    }

    pub(super) fn apply(&mut self, write: Write) {
        match write {
            Write::Withdraw(pod) => {
                self.ends.entry(pod.uid.clone()).or_insert(End::Withdrawn);
                self.delete(&pod.key.name);
            }
            Write::Delete(pod) => self.delete(&pod.key.name),
            Write::Create(new) => self.create(&new),
            Write::Status(status, notes) => {
                assert!(conditions::finished(&self.job).is_none(), "a Job that has ended was changed");
                self.job.status = Some(*status);
                self.notes.extend(notes);
            }
            Write::Release(pod) => {
                if let Some(pod) = self.pods.get_mut(&pod.key.name) {
                    pod.metadata.finalizers.get_or_insert_default().retain(|finalizer| finalizer != FINALIZER);
                }
                self.sweep();
            }
        }
    }

    fn create(&mut self, new: &NewPod) {
        self.made += 1;
        let mut pod = template::pod(&self.job, new);
        let name = format!("{}{:03}", pod.metadata.generate_name.take().unwrap(), self.made);
        pod.metadata.name = Some(name.clone());
        pod.metadata.uid = Some(name.clone());
        pod.metadata.creation_timestamp = Some(Time(self.now));
        pod.status = Some(serde_json::from_value(json!({"phase": "Pending"})).unwrap());
        self.pods.insert(name, pod);
        self.check_numbers();
    }

    /// What must hold whenever a Pod has been made.
    fn check_numbers(&self) {
        let spec = self.job.spec.as_ref().unwrap();
        let active: Vec<&Pod> = self.pods.values().filter(|pod| is_active(pod)).collect();
        assert!(active.len() <= usize::try_from(spec.parallelism.unwrap_or(1)).unwrap(), "more than parallelism");
        if let Some(completions) = spec.completions {
            let succeeded = self.ends.values().filter(|end| **end == End::Succeeded).count();
            assert!(succeeded + active.len() <= usize::try_from(completions).unwrap(), "more than completions");
        }
        let mut indexes: Vec<_> =
            active.iter().filter_map(|pod| pod.metadata.annotations.as_ref()?.get(INDEX)).collect();
        let all = indexes.len();
        indexes.sort();
        indexes.dedup();
        assert_eq!(indexes.len(), all, "two Pods with one index");
    }

    /// The names of Pods that have not ended.
    pub(super) fn alive(&self) -> Vec<String> {
        self.pods.iter().filter(|(_, pod)| !has_ended(pod)).map(|(name, _)| name.clone()).collect()
    }

    /// A Pod comes to its end, on its own or because it is deleted.
    pub(super) fn end(&mut self, name: &str, code: i32) {
        let Some(pod) = self.pods.get_mut(name) else { return };
        let phase = if code == 0 { "Succeeded" } else { "Failed" };
        let terminated = json!({"exitCode": code, "finishedAt": self.now});
        let container = json!({"name": "c", "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": {"terminated": terminated}});
        pod.status = Some(serde_json::from_value(json!({"phase": phase, "containerStatuses": [container]})).unwrap());
        let tracked = pod.metadata.finalizers.as_ref().is_some_and(|all| !all.is_empty());
        let uncounted = self.job.status.as_ref().and_then(|status| status.uncounted_terminated_pods.as_ref());
        let failed = uncounted.and_then(|uncounted| uncounted.failed.as_ref());
        // What was deleted and noted as failed stays so, as in Kubernetes.
        let is_noted = failed.is_some_and(|uids| uids.iter().any(|uid| uid == name));
        let end = if code == 0 && !is_noted { End::Succeeded } else { End::Failed };
        self.ends.entry(name.to_owned()).or_insert(if tracked { end } else { End::Withdrawn });
        self.sweep();
    }

    /// Somebody deletes a Pod.
    pub(super) fn delete(&mut self, name: &str) {
        if let Some(pod) = self.pods.get_mut(name) {
            pod.metadata.deletion_timestamp.get_or_insert(Time(self.now));
        }
        self.sweep();
    }

    pub(super) fn pass(&mut self, seconds: i64) {
        self.now = self.now.checked_add(SignedDuration::from_secs(seconds)).unwrap();
    }

    /// What is deleted, has ended and has no finalizer goes.
    fn sweep(&mut self) {
        self.pods.retain(|_, pod| {
            let is_kept = pod.metadata.finalizers.as_ref().is_some_and(|all| !all.is_empty());
            pod.metadata.deletion_timestamp.is_none() || is_kept || !has_ended(pod)
        });
    }

    /// The status as JSON, times left out.
    pub(super) fn status(&self) -> Value {
        let mut status = serde_json::to_value(self.job.status.clone().unwrap_or_default()).unwrap();
        let fields = status.as_object_mut().unwrap();
        for time in ["startTime", "completionTime", "uncountedTerminatedPods"] {
            fields.remove(time);
        }
        if let Some(conditions) = fields.get_mut("conditions") {
            let of = |condition: &Value| json!([condition["type"], condition["status"], condition["reason"]]);
            *conditions = conditions.as_array().unwrap().iter().map(of).collect();
        }
        status
    }

    pub(super) fn is_finished(&self) -> bool {
        conditions::finished(&self.job).is_some()
    }
}

fn phase(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or_default()
}

fn has_ended(pod: &Pod) -> bool {
    ["Succeeded", "Failed"].contains(&phase(pod))
}

fn is_active(pod: &Pod) -> bool {
    !has_ended(pod) && pod.metadata.deletion_timestamp.is_none()
}
