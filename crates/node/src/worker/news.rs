//! Takes in what the runtime reports: events, statuses, listings.

use std::time::{Duration, Instant};

use reprise_core::observed::{ContainerObservation, RuntimeState};
use reprise_cri::v1::{ContainerEventResponse, ContainerEventType, ContainerStatus};
use reprise_cri::{CodeClass, CriError};

use super::Worker;
use super::mail::{Listed, Mail, Resynced};
use super::tasks;
use crate::container::{find, termination};
use crate::runtime_calls::reading;

/// How long to wait before the runtime is asked again after a listing failed, at first and at most.
const RESYNC_PAUSE: Duration = Duration::from_millis(100);
/// See [`RESYNC_PAUSE`].
const LONGEST_RESYNC_PAUSE: Duration = Duration::from_secs(2);

impl Worker {
    pub(super) fn on_event(&mut self, event: ContainerEventResponse) {
        let kind = event.container_event_type();
        let sandbox = event.pod_sandbox_status.as_ref().map(|s| s.id.clone()).unwrap_or_default();
        if let Some(status) = &event.pod_sandbox_status
            && self.sight.sandbox(&status.id).is_some()
        {
            self.sight.see_sandbox(reading::sandbox(status));
        }
        let id = event.container_id;
        if kind == ContainerEventType::ContainerDeletedEvent {
            self.forget(&id);
        }
        let mut said = false;
        for status in &event.containers_statuses {
            said |= status.id == id;
            self.see_status(status, &sandbox);
        }
        if !said && id != sandbox && kind != ContainerEventType::ContainerDeletedEvent {
            self.ask_status(id);
        }
    }

    pub(super) fn on_status(
        &mut self,
        id: &str,
        asked_at: Instant,
        status: Result<Option<Box<ContainerStatus>>, CriError>,
    ) {
        match status {
            Ok(Some(status)) => self.see_status(&status, ""),
            Ok(None) => {
                tracing::debug!(pod = %self.key, id, ?asked_at, "the container is gone");
                self.forget(id);
            }
            Err(error) => self.on_resync_failed(&error),
        }
    }

    /// Takes in a container's status; `sandbox` may be left out for a container that is known.
    pub(super) fn see_status(&mut self, status: &ContainerStatus, sandbox: &str) {
        if reading::uid(&status.labels) != Some(self.uid.as_str()) {
            return;
        }
        let known = self.sight.container(&status.id).map(|c| c.sandbox.clone());
        let sandbox = known.unwrap_or_else(|| sandbox.to_owned());
        match reading::container(status, &sandbox) {
            // Which sandbox it is in is said by a listing only.
            Some(container) if sandbox.is_empty() && self.sight.is_news(&container.id, &container.state) => {
                self.start_resync();
            }
            Some(container) => self.see(container),
            None => {}
        }
    }

    /// Takes in a container's state. What it left as its last words is read when its exit is first seen.
    pub(super) fn see(&mut self, mut container: ContainerObservation) {
        if !self.sight.is_news(&container.id, &container.state) {
            return;
        }
        let failed_twice = reading::never_started(&container.state) && self.doubtful_starts.remove(&container.id);
        if failed_twice || reading::start_was_cut_off(&container.state) {
            return self.clear_cut_off(container.id);
        }
        if let RuntimeState::Exited(exit) = &mut container.state
            && let Ok(found) = find::container(&self.pod, &container.name)
        {
            let file = self.paths.termination_log(&container.name);
            let log = self.paths.log(&container.name, container.attempt);
            termination::complete(exit, &found.spec, &file, &log);
        }
        let ended = matches!(container.state, RuntimeState::Exited(_));
        let (name, id) = (container.name.clone(), container.id.clone());
        self.sight.see(container);
        if ended {
            self.end_hooks(&name, &id);
        }
    }

    /// A container that was never started because an agent or a runtime ended during the call is none: the next plan makes
    /// another. What a first try has left in a runtime can be why a second one fails, so that says nothing either.
    fn clear_cut_off(&mut self, id: String) {
        tracing::info!(pod = %self.key, id, "the start of a container was cut off: it is made again");
        self.forget(&id);
        let job = self.job();
        tokio::spawn(async move { tasks::clear_cut_off(&job, &id).await });
    }

    pub(super) fn forget(&mut self, id: &str) {
        self.doubtful_starts.remove(id);
        self.sight.forget(id);
        self.flights.forget_object(id);
    }

    fn ask_status(&self, id: String) {
        let (runtime, sender) = (self.shared.runtime.clone(), self.sender.clone());
        tokio::spawn(async move {
            let asked_at = Instant::now();
            let status = runtime.container_status(&id).await.map(|s| s.map(Box::new));
            tasks::post(&sender, Mail::Status { id, asked_at, status });
        });
    }

    /// Asks the runtime for all that it has of this Pod.
    pub(super) fn start_resync(&mut self) {
        self.resync_at = None;
        if self.resyncing {
            return;
        }
        self.resyncing = true;
        let (runtime, sender, uid) = (self.shared.runtime.clone(), self.sender.clone(), self.uid.clone());
        tokio::spawn(async move {
            let asked_at = Instant::now();
            let mail = match runtime.list(Some(&uid)).await {
                Ok(all) => Mail::Listed(Listed { asked_at, sandboxes: all.sandboxes, containers: all.containers }),
                Err(error) => Mail::ResyncFailed(error),
            };
            tasks::post(&sender, mail);
        });
    }

    /// A listing says little of each container: those whose state is news are looked at closely first.
    pub(super) fn on_listed(&mut self, listed: Listed) {
        self.resyncing = true;
        let (runtime, sender) = (self.shared.runtime.clone(), self.sender.clone());
        let (resynced, open) = tasks::split(listed, &self.sight);
        if open.is_empty() {
            return self.on_resynced(resynced);
        }
        tokio::spawn(async move {
            let mail = match tasks::look_closely(&runtime, resynced, open).await {
                Ok(resynced) => Mail::Resynced(resynced),
                Err(error) => Mail::ResyncFailed(error),
            };
            tasks::post(&sender, mail);
        });
    }

    pub(super) fn on_resynced(&mut self, mut all: Resynced) {
        self.resyncing = false;
        if std::mem::take(&mut self.resyncs_failed) > 0 {
            // The runtime is back: what was refused by nobody need not wait.
            self.flights.forget_waits();
        }
        self.flights.settle(all.asked_at);
        let containers = std::mem::take(&mut all.containers);
        self.sight.resync(all);
        containers.into_iter().for_each(|c| self.see(c));
        self.synced = true;
        if self.flights.are_open() {
            // It had been asked for before such a call began.
            self.start_resync();
        }
    }

    pub(super) fn on_resync_failed(&mut self, error: &CriError) {
        self.resyncing = false;
        if error.class() == Some(CodeClass::Unavailable) {
            // That it is away is said once for all Pods.
            tracing::debug!(pod = %self.key, error = %crate::error::chain(error), "the runtime is away");
        } else {
            tracing::warn!(pod = %self.key, error = %crate::error::chain(error), "the runtime can't be asked, trying again");
        }
        let pause = RESYNC_PAUSE.saturating_mul(1 << self.resyncs_failed.min(16)).min(LONGEST_RESYNC_PAUSE);
        self.resyncs_failed += 1;
        self.resync_at = Some(Instant::now() + pause);
    }
}
