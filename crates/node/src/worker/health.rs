//! Probes and hooks of a Pod: what runs is started and ended here, and what they say is remembered for the next plan.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::LifecycleHandler;
use reprise_core::action::Action;
use reprise_core::hook::HookResult;
use reprise_core::probe::{ProbeKind, ProbeTask, ProbeVerdict};

use super::Worker;
use super::flights::FlightKey;
use super::mail::{Mail, Outcome};
use super::tasks;
use crate::error::chain;
use crate::events;
use crate::health::hook::{self, HookError};
use crate::health::pre_stop::{self, Standing};
use crate::health::{Prober, Subject};
use crate::owned_task::OwnedTask;

/// Where a Pod on the host network is reached on a node that has no address.
const THIS_HOST: &str = "127.0.0.1";

impl Worker {
    /// Makes the probes run that are wanted, and forgets what was said about runs that are gone.
    pub(super) fn probe(&mut self, wanted: &[ProbeTask]) {
        let sight = &self.sight;
        self.verdicts.retain(|(id, _), _| sight.container(id).is_some());
        self.post_start.retain(|id, _| sight.container(id).is_some());
        self.pre_stops.retain(|id| sight.container(id).is_some());
        let mut probers = std::mem::take(&mut self.probers);
        probers.reconcile(wanted, |task| {
            let prober = Prober::new(self.subject(&task.container, &task.id), task, self.sender.clone())?;
            Some(OwnedTask::spawn(prober.run()))
        });
        self.probers = probers;
    }

    /// What a probe that is no longer wanted has still sent does not count.
    pub(super) fn on_probed(&mut self, id: String, kind: ProbeKind, verdict: ProbeVerdict) {
        if self.probers.runs(&id, kind) {
            self.verdicts.insert((id, kind), verdict);
        }
    }

    /// The work of running a container's postStart hook; none if it has no such hook.
    pub(super) fn post_start(&self, container: &str, id: &str) -> Option<impl Future<Output = Outcome> + 'static> {
        let subject = self.subject(container, id);
        let handler = self.handler(&subject, |l| l.post_start)?;
        Some(async move {
            match hook::run(&subject, &handler).await {
                Ok(()) => Outcome::HookRan(HookResult::Done),
                Err(HookError::Failed(why)) => Outcome::HookRan(HookResult::Failed(why)),
                Err(HookError::Unanswered(error)) => Outcome::Unanswered(error),
            }
        })
    }

    pub(super) fn post_start_ran(&mut self, key: &FlightKey, serial: u64, result: HookResult) {
        let FlightKey::PostStart { container, id } = key else { return };
        if !self.flights.is_current(key, serial) {
            return;
        }
        self.flights.end(key, serial);
        if let HookResult::Failed(why) = &result {
            tracing::warn!(pod = %self.key, container, why, "the postStart hook failed");
            self.tell_event(events::post_start_failed(&self.pod, container));
        }
        self.post_start.insert(id.clone(), result);
    }

    /// Whether `action` is a kill that its container's preStop hook must come before. Starts the hook if it has not run.
    pub(super) fn waits_for_hook(&mut self, action: &Action) -> bool {
        let Action::KillContainer { container, id, deadline, pre_stop } = action else { return false };
        let deadline = deadline.filter(|_| *pre_stop);
        match (self.pre_stops.standing(id), deadline) {
            (Standing::Running, Some(at)) => {
                self.pre_stops.shorten(id, at);
                true
            }
            (Standing::Running, None) => {
                self.pre_stops.end(id);
                false
            }
            // One that has been asked to end already is not asked to prepare for it.
            (Standing::NotRun, Some(at)) if at > Timestamp::now() && !self.flights.has(&FlightKey::of(action)) => {
                self.start_pre_stop(container, id, at)
            }
            _ => false,
        }
    }

    fn start_pre_stop(&mut self, container: &str, id: &str, deadline: Timestamp) -> bool {
        let subject = self.subject(container, id);
        let Some(handler) = self.handler(&subject, |l| l.pre_stop) else { return false };
        self.tell_killing(container);
        let sender = self.sender.clone();
        self.pre_stops.start(id, deadline, |deadline| {
            OwnedTask::spawn(async move {
                match pre_stop::until(hook::run(&subject, &handler), deadline).await {
                    Some(Ok(())) => {}
                    Some(Err(error)) => pre_stop_failed(&subject, &error),
                    None => tracing::info!(container = subject.container, "the preStop hook had no more time"),
                }
                tasks::post(&sender, Mail::PreStopOver { id: subject.id });
            })
        });
        true
    }

    /// Of a container that has ended, no hook goes on.
    pub(super) fn end_hooks(&mut self, container: &str, id: &str) {
        self.pre_stops.end(id);
        self.flights.cut_off(&FlightKey::PostStart { container: container.to_owned(), id: id.to_owned() });
    }

    /// That a container is asked to end. If a probe or hook condemned it, that has been told.
    pub(super) fn tell_killing(&self, container: &str) {
        let for_restart = self.ledger.step.is_some();
        let run = self.ledger.containers.get(container).and_then(|record| record.run.as_ref());
        if for_restart || run.is_none_or(|run| run.condemned.is_none()) {
            self.tell_event(events::killing(&self.pod, container, for_restart));
        }
    }

    fn handler(
        &self,
        subject: &Subject,
        which: impl FnOnce(k8s_openapi::api::core::v1::Lifecycle) -> Option<LifecycleHandler>,
    ) -> Option<LifecycleHandler> {
        subject.spec().and_then(|spec| spec.into_owned().lifecycle).and_then(which)
    }

    fn subject(&self, container: &str, id: &str) -> Subject {
        let sandbox = self.sight.container(id).and_then(|c| self.sight.sandbox(&c.sandbox));
        let own = sandbox.and_then(|s| s.ips.first()).map(String::as_str);
        let address = own.or(self.shared.config.host_ip.as_deref()).unwrap_or(THIS_HOST).to_owned();
        let (shared, pod) = (Arc::clone(&self.shared), Arc::clone(&self.pod));
        Subject { shared, pod, container: container.to_owned(), id: id.to_owned(), address }
    }
}

fn pre_stop_failed(subject: &Subject, error: &HookError) {
    let why = match error {
        HookError::Failed(why) => why.clone(),
        HookError::Unanswered(error) => chain(error),
    };
    tracing::warn!(container = subject.container, why, "the preStop hook failed");
    subject.shared.publisher.tell_event(&subject.pod, events::pre_stop_failed(&subject.pod, &subject.container));
}
