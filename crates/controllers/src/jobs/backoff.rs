//! How long the next Pod has to wait after failures.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use reprise_core::backoff::BackoffLimits;
use reprise_core::unset::list;

use super::facts::{Facts, JobPod};

/// 10 s after the first failure, doubled with each, at most 10 min.
const LIMITS: BackoffLimits =
    BackoffLimits { initial: SignedDuration::from_secs(10), max: SignedDuration::from_mins(10) };

/// What is left to wait for the whole Job: failures since the last success count, each Pod for one.
///
/// They are counted from the Pods, which are there until the Job has ended: nothing has to be remembered.
pub(super) fn remaining(facts: &Facts<'_>) -> SignedDuration {
    let ended = |pod: &JobPod<'_>| pod.has_succeeded() || facts.has_failed(pod);
    let mut ends: Vec<(Timestamp, bool)> = facts
        .pods
        .iter()
        .filter(|pod| ended(pod))
        .map(|pod| (finished_at(pod.pod, facts.now), pod.has_succeeded()))
        .collect();
    ends.sort_unstable();
    let failures = ends.iter().rev().take_while(|(_, succeeded)| !succeeded).count();
    let last = ends.last().map_or(facts.now, |(at, _)| *at);
    left(u32::try_from(failures).unwrap_or(u32::MAX), last, facts.now)
}

/// What is left to wait after so many failures in a row, the last one at `last`.
pub(super) fn left(failures: u32, last: Timestamp, now: Timestamp) -> SignedDuration {
    if failures == 0 {
        return SignedDuration::ZERO;
    }
    (LIMITS.retry_delay(failures) - now.duration_since(last)).max(SignedDuration::ZERO)
}

/// When the last of the Pod's containers ended; if none says so, when it was deleted or, at the latest, now.
pub(super) fn finished_at(pod: &Pod, now: Timestamp) -> Timestamp {
    let statuses = pod.status.as_ref().map(|status| list(&status.container_statuses)).unwrap_or_default();
    let finished = |status: &ContainerStatus| {
        let terminated = status.state.as_ref().and_then(|state| state.terminated.as_ref())?;
        terminated.finished_at.as_ref().map(|time| time.0)
    };
    let last = statuses.iter().filter_map(finished).max();
    let conditions = pod.status.as_ref().map(|status| list(&status.conditions)).unwrap_or_default();
    let not_ready = || {
        let ready = conditions.iter().find(|condition| condition.type_ == "Ready" && condition.status == "False");
        ready.and_then(|ready| ready.last_transition_time.as_ref()).map(|time| time.0)
    };
    let deleted = || pod.metadata.deletion_timestamp.as_ref().map(|time| time.0);
    last.or_else(not_ready).or_else(deleted).unwrap_or(now).min(now)
}
