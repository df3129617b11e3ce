//! The devices of a Pod: had once, and watched.

use std::time::Instant;

use reprise_core::devices::wanted;

use super::Worker;
use super::flights::FlightKey;
use super::mail::Mail;
use super::tasks::{CONFIG_REASON, post};
use crate::devices::AllocationFailure;
use crate::error::chain;
use crate::owned_task::OwnedTask;

impl Worker {
    /// Has this worker told of changes, if its Pod has devices.
    pub(super) fn follow_devices(&mut self) {
        if wanted(&self.pod).is_empty() {
            return;
        }
        let (mut changes, sender) = (self.shared.devices.changes(), self.sender.clone());
        let telling = async move {
            while changes.changed().await.is_ok() {
                post(&sender, Mail::DevicesChanged);
            }
        };
        self.following_devices = Some(OwnedTask::spawn(telling));
    }

    /// After the Pod's end: nothing is given to it any more, and others may have what it had.
    pub(super) fn release_devices(&mut self) {
        self.following_devices = None;
        self.flights.cut_off(&FlightKey::Devices);
        self.shared.devices.release(&self.uid);
    }

    /// A container whose plugin was away is tried again at once.
    pub(super) fn on_devices_changed(&mut self) {
        self.container_failures.retain(|_, failure| failure.reason != CONFIG_REASON);
    }

    pub(super) fn devices_allocated(&mut self, key: &FlightKey, serial: u64, result: Result<(), AllocationFailure>) {
        match result {
            Ok(()) => self.flights.end(key, serial),
            Err(AllocationFailure::Refused(why)) => {
                tracing::warn!(pod = %self.key, why, "the pod is rejected");
                self.devices_refused = Some(why);
                self.flights.end(key, serial);
            }
            Err(error @ AllocationFailure::NotRecorded(_)) => {
                tracing::error!(pod = %self.key, error = %chain(&error), "devices can't be recorded: the pod waits");
                self.flights.fail(key, serial, Instant::now());
            }
        }
    }
}
