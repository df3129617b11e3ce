//! Notices that the machine's clock was set, and keeps that from the Pod: what is waited for moves with the clock.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use reprise_core::clock;
use rustix::time::{ClockId, clock_gettime};

use super::Worker;
use crate::error::chain;

/// The clock when it was last looked at, beside one that only counts and that goes on while the machine sleeps.
#[derive(Debug, Clone, Copy)]
pub(super) struct ClockReading {
    wall: Timestamp,
    counted: SignedDuration,
}

impl ClockReading {
    pub(super) fn now() -> Self {
        let counted = clock_gettime(ClockId::Boottime);
        let nanos = i32::try_from(counted.tv_nsec).unwrap_or_default();
        Self { wall: Timestamp::now(), counted: SignedDuration::new(counted.tv_sec, nanos) }
    }

    /// By how much the clock was set between this reading and the next one.
    fn jump_until(&self, next: &Self) -> Option<SignedDuration> {
        clock::jump([self.wall, next.wall], next.counted - self.counted)
    }
}

impl Worker {
    /// Whenever the worker wakes: a clock that was set since changes no wait.
    pub(super) async fn follow_clock(&mut self) {
        let now = ClockReading::now();
        let before = std::mem::replace(&mut self.clock, now);
        let Some(by) = before.jump_until(&now) else { return };
        tracing::info!(pod = %self.key, by_seconds = by.as_secs(), "the clock was set: what is waited for moves with it");
        clock::move_ledger(&mut self.ledger, by);
        let images = self.images.values_mut().filter_map(|image| image.result.as_mut().err());
        let failures = images.chain(self.container_failures.values_mut()).chain(&mut self.sandbox_failure);
        failures.for_each(|failure| clock::move_failure(failure, by));
        self.flights.move_deadlines(by);
        if let Some(at) = self.pod.metadata.deletion_timestamp.as_ref().map(|at| clock::moved(at.0, by)) {
            self.move_deletion(at).await;
        }
        // Should this not get to the disk, the next agent brings back what lies too far ahead.
        self.flush().await;
    }

    /// The clock may have been set back while no agent looked.
    pub(super) async fn bring_deletion_within_reach(&mut self) {
        if let Some(at) = clock::deletion_within_reach(&self.pod, Timestamp::now()) {
            self.move_deletion(at).await;
        }
    }

    async fn move_deletion(&mut self, at: Timestamp) {
        let moved = self.change(|pod| pod.metadata.deletion_timestamp = Some(Time(at))).await;
        if let Err(error) = moved {
            tracing::error!(pod = %self.key, error = %chain(&error), "the time of the pod's deletion can't be written");
        }
    }
}
