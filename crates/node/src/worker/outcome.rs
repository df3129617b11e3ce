//! Takes in how actions ended.

use std::time::Instant;

use jiff::Timestamp;
use reprise_core::observed::{Failure, ImageObservation, RuntimeState};
use reprise_core::timeline::{Entry, Happened};
use reprise_cri::CodeClass;

use super::Worker;
use super::flights::FlightKey;
use super::mail::Outcome;
use super::tasks;
use crate::container::build::ResolvedImage;
use crate::error::chain;

/// The reason of a container whose start failed; a create that succeeds does not end that.
const RUN_FAILED: &str = "RunContainerError";

/// How often an earlier call may be in the way, some seconds in all, before that is a failure.
const TAKEN_TRIES: u32 = 8;

impl Worker {
    pub(super) fn on_done(&mut self, key: FlightKey, serial: u64, outcome: Outcome) {
        match outcome {
            Outcome::SandboxCreated(sandbox) => {
                self.sandbox_failure = None;
                self.sight.see_sandbox(sandbox);
                self.flights.end(&key, serial);
            }
            Outcome::DevicesAllocated(result) => self.devices_allocated(&key, serial, result),
            Outcome::ImageReady { attempt, image } => self.image_ready(&key, serial, attempt, image),
            Outcome::ImageFailed { attempt, reason, message } => {
                self.flights.end(&key, serial);
                if let FlightKey::Image(container) = key {
                    self.image_failed(container, attempt, reason, message);
                }
            }
            Outcome::Created(container) => {
                self.container_failures.retain(|name, f| *name != container.name || f.reason == RUN_FAILED);
                self.see(*container);
                self.flights.end(&key, serial);
            }
            Outcome::Carried => self.carried(key, serial),
            Outcome::HookRan(result) => self.post_start_ran(&key, serial, result),
            Outcome::Confirmed { status } => {
                match (status, &key) {
                    (Some(status), _) => self.see_status(&status, ""),
                    (None, FlightKey::Start { id, .. } | FlightKey::Kill { id, .. }) => {
                        let id = id.clone();
                        self.forget(&id);
                    }
                    (None, _) => {}
                }
                self.conclude(&key, serial);
            }
            Outcome::Failed { reason, message } => self.failed(&key, serial, reason, message),
            Outcome::Taken { reason, message } => self.taken(&key, serial, reason, message),
            Outcome::Unanswered(error) => {
                if error.class() == Some(CodeClass::Unavailable) {
                    // That the runtime is away is said once for all Pods.
                    tracing::debug!(pod = %self.key, error = %chain(&error), "the runtime is away");
                } else {
                    tracing::warn!(pod = %self.key, error = %chain(&error), "a call to the runtime failed");
                }
                self.flights.leave_open(&key, serial, Instant::now());
                if let FlightKey::Start { id, .. } = key {
                    self.doubtful_starts.insert(id);
                }
                self.start_resync();
            }
        }
    }

    /// The runtime has done it. A start or kill shows in the container's state, which an event may have brought already.
    fn carried(&mut self, key: FlightKey, serial: u64) {
        match &key {
            FlightKey::Remove(id) | FlightKey::RemoveSandbox(id) => {
                let id = id.clone();
                self.flights.end(&key, serial);
                self.forget(&id);
            }
            FlightKey::Start { container, id } => {
                self.container_failures.remove(container);
                let id = id.clone();
                if self.sight.container(&id).is_some_and(|c| c.state == RuntimeState::Created) {
                    self.confirm(key, serial, id);
                } else {
                    self.flights.end(&key, serial);
                }
            }
            FlightKey::Kill { id, .. } => {
                let id = id.clone();
                if self.sight.container(&id).is_some_and(reprise_core::observed::ContainerObservation::may_run) {
                    self.confirm(key, serial, id);
                } else {
                    self.flights.end(&key, serial);
                }
            }
            FlightKey::Devices
            | FlightKey::CreateSandbox
            | FlightKey::Image(_)
            | FlightKey::Create(_)
            | FlightKey::PostStart { .. } => {
                self.flights.end(&key, serial);
            }
        }
    }

    fn confirm(&mut self, key: FlightKey, serial: u64, id: String) {
        if self.flights.is_current(&key, serial) {
            let work = tasks::confirm(self.job(), id);
            self.fly(key, serial, work);
        }
    }

    /// A kill after which the container still runs is not done again at once.
    fn conclude(&mut self, key: &FlightKey, serial: u64) {
        let still_runs = match key {
            FlightKey::Kill { id, .. } => {
                self.sight.container(id).is_some_and(reprise_core::observed::ContainerObservation::may_run)
            }
            _ => false,
        };
        if still_runs {
            self.flights.fail(key, serial, Instant::now());
        } else {
            self.flights.end(key, serial);
        }
    }

    fn image_ready(&mut self, key: &FlightKey, serial: u64, attempt: u32, image: ResolvedImage) {
        self.flights.end(key, serial);
        if let FlightKey::Image(container) = key {
            let result = Ok(image.reference.clone());
            self.images.insert(container.clone(), ImageObservation { attempt, result });
            self.resolved.insert(image.reference.clone(), image);
        }
    }

    fn image_failed(&mut self, container: String, attempt: u32, reason: &'static str, message: String) {
        let before = self.images.get(&container).and_then(|i| i.result.as_ref().err());
        let failure = again(before, reason, &message);
        self.images.insert(container.clone(), ImageObservation { attempt, result: Err(failure) });
        self.note(Happened::ImageFailed { container, reason: reason.to_owned(), message });
    }

    /// A listing shows what the earlier call made, unless that is about to go: tried again before anybody is told.
    fn taken(&mut self, key: &FlightKey, serial: u64, reason: &'static str, message: String) {
        if self.flights.failures(key) >= TAKEN_TRIES {
            return self.failed(key, serial, reason, message);
        }
        tracing::debug!(pod = %self.key, message, "an earlier call is in the way");
        self.flights.fail(key, serial, Instant::now());
        self.start_resync();
    }

    fn failed(&mut self, key: &FlightKey, serial: u64, reason: &'static str, message: String) {
        let outdated = self.is_outdated(reason, self.flights.began(key, serial));
        self.flights.end(key, serial);
        // A call that failed may have left something behind.
        self.start_resync();
        if outdated {
            // The next pass tries again at once.
            return;
        }
        let container = match key {
            FlightKey::CreateSandbox => {
                self.sandbox_failure = Some(again(self.sandbox_failure.as_ref(), reason, &message));
                None
            }
            FlightKey::Create(container) | FlightKey::Start { container, .. } => {
                // The image may have been removed meanwhile: the next try asks for it again.
                self.images.remove(container);
                let failure = again(self.container_failures.get(container), reason, &message);
                self.container_failures.insert(container.clone(), failure);
                Some(container.clone())
            }
            FlightKey::Devices
            | FlightKey::Image(_)
            | FlightKey::Kill { .. }
            | FlightKey::Remove(_)
            | FlightKey::RemoveSandbox(_)
            | FlightKey::PostStart { .. } => return,
        };
        self.note(Happened::SetupFailed { container, reason: reason.to_owned(), message });
    }

    fn note(&mut self, happened: Happened) {
        self.own_entries.push(Entry { time: Timestamp::now(), epoch: self.ledger.epoch, happened });
    }
}

/// One failure more in a row.
fn again(before: Option<&Failure>, reason: &str, message: &str) -> Failure {
    Failure {
        reason: reason.to_owned(),
        message: message.to_owned(),
        at: Timestamp::now(),
        count: before.map_or(0, |f| f.count).saturating_add(1),
    }
}
