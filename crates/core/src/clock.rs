//! What a clock that is set forward or back does to a Pod's record: nothing that anybody notices.
//!
//! Waits and deadlines are kept as times, since they must outlive the agent. A clock that jumps would make them hours
//! shorter or longer. While an agent runs it notices a jump and has the record [moved](moved) with it. Of a jump that
//! nobody saw, [`within_reach`] undoes the worst: no wait lies further ahead than it can have been meant to.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Pod;

use crate::annotations::{self, RestartBackoffOverride};
use crate::backoff::Failures;
use crate::ledger::Ledger;
use crate::observed::Failure;
use crate::probe::ProbeKind;
use crate::roles;
use crate::step::StepRecord;

/// A clock that goes wrong by less than this is being adjusted, not set.
pub const JUMP: SignedDuration = SignedDuration::from_secs(2);

/// By how much the clock was set between two readings of it, beside one of a clock that only counts. None if it was not.
#[must_use]
pub fn jump(wall: [Timestamp; 2], counted: SignedDuration) -> Option<SignedDuration> {
    let by = wall[1].duration_since(wall[0]) - counted;
    (by.abs() >= JUMP).then_some(by)
}

/// The time that `at` is now that the clock was set by `by`.
#[must_use]
pub fn moved(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(at)
}

/// Moves all that is still waited for, and what a restart under way is measured by. Times at which something was
/// reported to have happened stay.
pub fn move_ledger(ledger: &mut Ledger, by: SignedDuration) {
    ledger.clock_set_by = ledger.clock_set_by.saturating_add(by);
    move_failures(&mut ledger.failures, by);
    if let Some(step) = &mut ledger.step {
        step.recorded_at = moved(step.recorded_at, by);
        step.resume_at = moved(step.resume_at, by);
    }
    if let Some(record) = ledger.last_step.as_mut().filter(|record| record.ready_at.is_none()) {
        move_record(record, by);
    }
    if let Some(ending) = ledger.ending.as_mut().filter(|ending| !ending.over) {
        ending.at = moved(ending.at, by);
    }
    for record in ledger.containers.values_mut() {
        move_failures(&mut record.failures, by);
        record.restart_after = record.restart_after.map(|at| moved(at, by));
        if let Some(condemned) = record.run.as_mut().and_then(|run| run.condemned.as_mut()) {
            condemned.deadline = moved(condemned.deadline, by);
        }
    }
}

/// Moves a failure that something waits after.
pub fn move_failure(failure: &mut Failure, by: SignedDuration) {
    failure.at = moved(failure.at, by);
}

fn move_failures(failures: &mut Failures, by: SignedDuration) {
    failures.running_since = failures.running_since.map(|at| moved(at, by));
}

fn move_record(record: &mut StepRecord, by: SignedDuration) {
    record.triggered_at = moved(record.triggered_at, by);
    let parts =
        [&mut record.killed_at, &mut record.removed_at, &mut record.init_running_at, &mut record.main_running_at];
    for part in parts {
        *part = part.map(|at| moved(at, by));
    }
}

/// Brings back within reach what lies too far ahead of `now`: the clock was set back while no agent looked.
pub fn within_reach(ledger: &mut Ledger, pod: &Pod, longest_delay: SignedDuration, now: Timestamp) {
    let ahead = |limit: SignedDuration| now.saturating_add(limit).unwrap_or(Timestamp::MAX);
    if let Some(step) = &mut ledger.step {
        step.recorded_at = step.recorded_at.min(now);
        step.resume_at = step.resume_at.min(ahead(longest_restart_delay(pod, longest_delay)));
    }
    if let Some(ending) = ledger.ending.as_mut().filter(|ending| !ending.over) {
        ending.at = ending.at.min(now);
    }
    let grace = longest_grace(pod);
    for record in ledger.containers.values_mut() {
        record.restart_after = record.restart_after.map(|at| at.min(ahead(longest_delay)));
        if let Some(condemned) = record.run.as_mut().and_then(|run| run.condemned.as_mut()) {
            condemned.deadline = condemned.deadline.min(ahead(grace));
        }
    }
}

/// When a Pod that is being deleted must be gone, if the time that it names lies further ahead than its grace period.
#[must_use]
pub fn deletion_within_reach(pod: &Pod, now: Timestamp) -> Option<Timestamp> {
    let deadline = pod.metadata.deletion_timestamp.as_ref()?.0;
    let grace = SignedDuration::from_secs(pod.metadata.deletion_grace_period_seconds?.max(0));
    // Deadlines have parts of seconds, which the grace period has not.
    let last = now.saturating_add(grace.saturating_add(SignedDuration::from_secs(1))).ok()?;
    (deadline > last).then_some(last)
}

fn longest_restart_delay(pod: &Pod, of_node: SignedDuration) -> SignedDuration {
    match annotations::restart_backoff(pod).ok().flatten() {
        Some(RestartBackoffOverride::Limits { max, .. }) => max,
        Some(RestartBackoffOverride::None) => SignedDuration::ZERO,
        None => of_node,
    }
}

/// The longest time that a condemned container of the Pod is given.
fn longest_grace(pod: &Pod) -> SignedDuration {
    let of_pod = pod.spec.as_ref().and_then(|spec| spec.termination_grace_period_seconds).unwrap_or(30);
    let containers = roles::containers(pod);
    let probes = containers.iter().flat_map(|c| ProbeKind::ALL.into_iter().filter_map(|kind| kind.of(c.spec)));
    let of_probes = probes.filter_map(|probe| probe.termination_grace_period_seconds);
    SignedDuration::from_secs(of_probes.chain([of_pod, 0]).max().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ledger::ContainerRecord;
    use crate::step::{Step, Trigger};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn waiting(until: i64) -> Ledger {
        let record = ContainerRecord { restart_after: Some(at(until)), ..ContainerRecord::default() };
        let step = Step {
            to: 1,
            trigger: Trigger::Requested { at: at(0) },
            recorded_at: at(until - 10),
            running: Default::default(),
            removed_at: None,
            resume_at: at(until),
        };
        Ledger { step: Some(step), containers: [("c".to_owned(), record)].into(), ..Ledger::default() }
    }

    #[test]
    fn a_clock_that_is_adjusted_was_not_set() {
        assert_eq!(jump([at(0), at(61)], SignedDuration::from_secs(60)), None);
        assert_eq!(jump([at(0), at(3660)], SignedDuration::from_secs(60)), Some(SignedDuration::from_hours(1)));
        assert_eq!(jump([at(7260), at(60)], SignedDuration::from_mins(1)), Some(SignedDuration::from_secs(-7260)));
    }

    #[test]
    fn waits_move_with_the_clock() {
        let mut ledger = waiting(1000);
        move_ledger(&mut ledger, SignedDuration::from_secs(-500));
        let step = ledger.step.unwrap();
        assert_eq!((step.recorded_at, step.resume_at), (at(490), at(500)));
        assert_eq!(ledger.containers["c"].restart_after, Some(at(500)));
        assert_eq!(ledger.clock_set_by, SignedDuration::from_secs(-500));
    }

    #[test]
    fn no_wait_is_longer_than_it_can_have_been() {
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"annotations": {"reprise.dev/restart-backoff": "1s..5s"}},
            "spec": {"containers": [{"name": "c"}]}
        }))
        .unwrap();
        let mut ledger = waiting(10_000);
        within_reach(&mut ledger, &pod, SignedDuration::from_mins(5), at(100));
        let step = ledger.step.clone().unwrap();
        assert_eq!((step.recorded_at, step.resume_at), (at(100), at(105)));
        assert_eq!(ledger.containers["c"].restart_after, Some(at(400)));
        let before = ledger.clone();
        within_reach(&mut ledger, &pod, SignedDuration::from_mins(5), at(101));
        assert_eq!(ledger, before, "what is within reach stays");
    }

    #[test]
    fn a_deletion_ends_within_its_grace_period() {
        let deleted = |seconds: i64| -> Pod {
            let time = at(seconds).to_string();
            let meta = json!({"deletionTimestamp": time, "deletionGracePeriodSeconds": 30});
            serde_json::from_value(json!({"metadata": meta})).unwrap()
        };
        assert_eq!(deletion_within_reach(&deleted(130), at(100)), None);
        assert_eq!(deletion_within_reach(&deleted(7300), at(100)), Some(at(131)));
    }
}
