//! The rules, checked at every pass, call and status. The checks keep their own history of what really happened and
//! never look at how the plan was made.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{Pod, PodStatus};
use reprise_core::action::Action;
use reprise_core::ledger::{ContainerRecord, Ledger};
use reprise_core::observed::{ContainerObservation, RuntimeState};
use reprise_core::plan::Plan;
use reprise_core::probe::ProbeKind;
use reprise_core::roles::{Role, containers};
use reprise_core::step::Trigger;

use crate::world::Sim;

#[derive(Default)]
pub struct Checks {
    /// Runs that were really started, by container.
    starts: BTreeMap<String, u32>,
    /// Containers created, by name, with their attempts: no attempt starts twice.
    started_attempts: BTreeSet<(String, u32, String)>,
    /// Restarts in place whose `True` was published.
    announced: BTreeSet<u64>,
    terminal: Option<String>,
    requests: u64,
    sandboxes: BTreeSet<String>,
    lost_sandboxes: usize,
    deleted: bool,
    /// How each run really ended, by runtime id.
    ends: BTreeMap<String, i32>,
    /// The last verdict of each probe, by runtime id, and hooks that have been run.
    verdicts: BTreeMap<(String, ProbeKind), bool>,
    hooks: BTreeMap<String, bool>,
    /// Nothing is made to fail, so every start is seen and counts are exact.
    exact: bool,
}

impl Checks {
    pub fn new(exact: bool) -> Self {
        Self { exact, ..Self::default() }
    }

    pub fn requested(&mut self) {
        self.requests += 1;
    }

    pub fn sandbox_lost(&mut self) {
        self.lost_sandboxes += 1;
    }

    pub fn ended(&mut self, id: &str, code: i32) {
        self.ends.insert(id.to_owned(), code);
    }

    pub fn verdict(&mut self, id: &str, kind: ProbeKind, passes: bool) {
        self.verdicts.insert((id.to_owned(), kind), passes);
    }

    pub fn hook(&mut self, id: &str, done: bool) {
        self.hooks.insert(id.to_owned(), done);
    }

    fn is_unhealthy(&self, id: &str) -> bool {
        let failed = |kind| self.verdicts.get(&(id.to_owned(), kind)) == Some(&false);
        self.hooks.get(id) == Some(&false) || failed(ProbeKind::Startup) || failed(ProbeKind::Liveness)
    }

    /// Only what runs in this epoch is probed, and nothing while the Pod restarts.
    pub fn probes(&self, planned: &Plan, runtime: &[Sim]) {
        assert!(planned.probes.is_empty() || planned.ledger.step.is_none(), "probed in the middle of a restart");
        for task in &planned.probes {
            let Some(c) = runtime.iter().find(|c| c.seen.id == task.id) else { continue };
            assert_eq!(c.seen.epoch, Some(planned.ledger.epoch), "{task:?} is of another epoch");
            let has_come_up = planned.ledger.containers[&task.container].run.as_ref().is_some_and(|run| run.started);
            assert_eq!(has_come_up, task.kind != ProbeKind::Startup, "{task:?}");
        }
    }

    pub fn deleted(&mut self) {
        self.deleted = true;
    }

    /// R3 and the counts: what one pass may change in the ledger.
    pub fn ledger(&mut self, pod: &Pod, before: &Ledger, planned: &Plan) {
        let after = &planned.ledger;
        let steps = after.epoch - before.epoch;
        assert!(steps <= 1, "one pass stepped {steps} epochs");
        if steps == 1 {
            let step = before.step.as_ref().expect("R1: the epoch stepped without a step on disk");
            assert_eq!(step.to, after.epoch);
            assert!(self.announced.contains(&after.epoch), "nobody was told of the restart to {}", after.epoch);
        }
        if let (None, Some(step)) = (&before.step, &after.step) {
            assert_eq!(step.to, before.epoch + 1, "R3: a step leads to the next epoch");
            self.trigger(pod, before, after, &step.trigger);
        }
        for (name, record) in &after.containers {
            let known = before.containers.get(name).map_or(0, |r| r.restart_count);
            assert!(record.restart_count >= known, "{name}: restartCount went back");
            let current = u32::from(record.was_started());
            let started = self.starts.get(name).copied().unwrap_or(0);
            assert!(
                record.restart_count + current <= started,
                "{name}: restartCount {} but started only {started} times",
                record.restart_count
            );
            assert!(!self.exact || record.restart_count + current == started, "{name}: a start was not counted");
            let exits = record.last.iter().chain(record.exit());
            for exit in exits.filter(|e| e.reason != "ContainerStatusUnknown") {
                assert_eq!(self.ends.get(&exit.id), Some(&exit.exit_code), "{name}: not how it ended");
            }
        }
        if let Some(step) = &before.step {
            let killed = step.running.iter().filter_map(|name| after.containers.get(name)?.exit());
            for exit in killed.filter(|e| e.exit_code == 137 && e.finished_at > step.recorded_at) {
                assert!(matches!(exit.reason.as_str(), "RestartAllContainers" | "ContainerStatusUnknown"), "{exit:?}");
            }
        }
    }

    fn trigger(&self, pod: &Pod, before: &Ledger, after: &Ledger, trigger: &Trigger) {
        let Trigger::ContainerExit { container, exit_code, rule } = trigger else {
            assert!(self.requests > 0, "nobody asked for a restart");
            return;
        };
        let record = &after.containers[container];
        let exit = record.exit().expect("R3: the triggering container has not exited in this epoch");
        assert_eq!(exit.exit_code, *exit_code);
        let all = containers(pod);
        let spec = all.iter().find(|c| c.name() == container).unwrap();
        assert_eq!(spec.rules()[*rule].action, "RestartAllContainers");
        assert!(before.ending.is_none(), "a Pod that had ended restarted");
    }

    pub fn status(&mut self, planned: &Plan, pod: &Pod, now: Timestamp) {
        // Wherever the clock was set, no wait is longer than the longest back-off.
        if pod.spec.as_ref().is_some_and(|spec| spec.active_deadline_seconds.is_none()) {
            let wait = planned.wake_at.map_or(SignedDuration::ZERO, |at| at.duration_since(now));
            assert!(wait <= SignedDuration::from_secs(301), "the next look is {wait:?} away");
        }
        let (status, ledger) = (&planned.status, &planned.ledger);
        let phase = status.phase.as_deref().unwrap();
        if let Some(terminal) = &self.terminal {
            assert_eq!(phase, terminal, "the phase {terminal} was left");
        }
        if matches!(phase, "Succeeded" | "Failed") {
            self.terminal = Some(phase.to_owned());
            assert!(ledger.step.is_none(), "ended in the middle of a restart");
        }
        if let Some(step) = &ledger.step {
            assert_eq!(condition(status, "Ready"), Some(false));
            assert_eq!(condition(status, "ContainersReady"), Some(false));
            let old_epoch_lives = step.removed_at.is_none();
            assert_eq!(condition(status, "AllContainersRestarting"), Some(old_epoch_lives));
            if old_epoch_lives {
                self.announced.insert(step.to);
            } else {
                assert_eq!(phase, "Pending");
                assert!(self.deleted || ledger.ending.is_some() || planned.wake_at.is_some_and(|at| at > now));
            }
        } else {
            assert_ne!(condition(status, "AllContainersRestarting"), Some(true));
        }
    }

    pub fn action(&mut self, action: &Action, pod: &Pod, disk: &Ledger, runtime: &[Sim]) {
        match action {
            Action::KillContainer { id, .. } => {
                let planned_end = self.deleted || disk.ending.is_some();
                let lost_sandbox = disk.sandbox.is_none() || self.lost_sandboxes > 0;
                let Some(victim) = runtime.iter().find(|c| c.seen.id == *id) else { return };
                let stale = victim.seen.epoch.is_some_and(|e| e < disk.epoch);
                let unhealthy = self.is_unhealthy(id);
                assert!(
                    unhealthy || planned_end || lost_sandbox || stale || disk.step.is_some(),
                    "R1: {id} killed without a step on disk"
                );
            }
            Action::CreateContainer { container, epoch: Some(epoch), .. } => {
                assert_eq!(*epoch, disk.epoch);
                assert!(disk.step.is_none(), "R2: {container} created in the middle of a step");
                older_epochs_are_gone(runtime, *epoch, container);
                init_order(pod, disk, container);
            }
            Action::RemoveContainer { id, .. } => {
                let victim = runtime.iter().find(|c| c.seen.id == *id);
                let alive = victim.is_some_and(|c| matches!(c.seen.state, RuntimeState::Running { .. }));
                assert!(!alive, "{id} removed alive: its exit would be lost");
            }
            _ => {}
        }
    }

    /// R2 where it counts: at the moment the runtime makes the container.
    pub fn created(&mut self, name: &str, epoch: Option<u64>, attempt: u32, runtime: &[Sim]) {
        if let Some(epoch) = epoch {
            older_epochs_are_gone(runtime, epoch, name);
        }
        let twin = runtime.iter().any(|c| c.seen.name == name && c.seen.attempt == attempt && c.seen.epoch == epoch);
        assert!(!twin, "{name} attempt {attempt} created twice");
    }

    pub fn started(&mut self, pod: &Pod, c: &ContainerObservation, epoch: u64, _now: Timestamp) {
        *self.starts.entry(c.name.clone()).or_default() += 1;
        let new = self.started_attempts.insert((c.name.clone(), c.attempt, c.id.clone()));
        assert!(new, "{} attempt {} started twice", c.name, c.attempt);
        assert!(c.epoch.is_none_or(|e| e <= epoch), "a container of an epoch that is not on disk");
        self.sandboxes.insert(c.sandbox.clone());
        assert!(self.sandboxes.len() <= self.lost_sandboxes + 1, "R4: the sandbox changed without having been lost");
        assert!(pod.spec.is_some());
    }
}

fn older_epochs_are_gone(runtime: &[Sim], epoch: u64, name: &str) {
    let old = runtime.iter().find(|c| c.seen.epoch.is_some_and(|e| e < epoch));
    assert!(old.is_none(), "R2: {name} of epoch {epoch} created beside {:?}", old.map(|c| &c.seen));
}

/// R5: in its epoch a container comes after all init containers before it have succeeded and all sidecars before it
/// have been started.
fn init_order(pod: &Pod, disk: &Ledger, name: &str) {
    for c in containers(pod) {
        if c.name() == name {
            return;
        }
        let record = disk.containers.get(c.name());
        let in_order = match c.role {
            Role::Init => record.and_then(|r| r.exit()).is_some_and(|e| e.exit_code == 0),
            Role::Sidecar => {
                let up = |r: &ContainerRecord| r.was_started() && r.run.as_ref().is_some_and(|run| run.started);
                disk.initialized || record.is_some_and(up)
            }
            Role::Regular => true,
        };
        assert!(in_order, "R5: {name} created before {} was through", c.name());
    }
}

fn condition(status: &PodStatus, kind: &str) -> Option<bool> {
    status.conditions.iter().flatten().find(|c| c.type_ == kind).map(|c| c.status == "True")
}
