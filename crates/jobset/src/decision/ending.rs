//! How a JobSet ends, and when it is deleted after that.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::children::{Child, Progress};
use crate::conditions::{COMPLETED, Change, FAILED, Note, RESTARTING, finished, put};
use crate::types::{JobSetSpec, JobSetStatus};

/// The reason of a JobSet that may not be restarted once more.
pub(crate) const REACHED_MAX_RESTARTS: &str = "ReachedMaxRestarts";
/// What is said of it.
pub(crate) const REACHED_MAX_RESTARTS_MESSAGE: &str = "jobset failed due to reaching max number of restarts";
const COMPLETED_MESSAGE: &str = "jobset completed successfully";

/// Whether enough Jobs have succeeded.
pub(super) fn has_succeeded(spec: &JobSetSpec, children: &[Child<'_>]) -> bool {
    let Some(policy) = &spec.success_policy else { return false };
    let targets = &policy.target_replicated_jobs;
    let is_target = |name: &str| targets.is_empty() || targets.iter().any(|target| target == name);
    let succeeded = children.iter().filter(|child| child.is(Progress::Succeeded));
    let names = succeeded.filter_map(|child| child.entry.map(|entry| spec.replicated_jobs[entry].name.as_str()));
    let succeeded = names.filter(|name| is_target(name)).count();
    let targets = spec.replicated_jobs.iter().filter(|entry| is_target(&entry.name));
    let all: usize = targets.map(|entry| usize::try_from(entry.replicas.unwrap_or(1)).unwrap_or(0)).sum();
    succeeded > 0 && (policy.operator == "Any" || succeeded >= all)
}

/// Says that the JobSet has succeeded.
pub(super) fn complete(status: &mut JobSetStatus, now: Timestamp, notes: &mut Vec<Note>) {
    let reason = "AllJobsCompleted";
    let change = Change { kind: COMPLETED, holds: true, is_warning: false, reason, message: COMPLETED_MESSAGE };
    put(status, &change, now, notes);
    end_restarting(status, "JobSetCompleted", COMPLETED_MESSAGE, now, notes);
    status.terminal_state = Some(COMPLETED.to_owned());
}

/// Says that the JobSet has failed, and why.
pub(super) fn fail(status: &mut JobSetStatus, reason: &str, message: &str, now: Timestamp, notes: &mut Vec<Note>) {
    put(status, &Change { kind: FAILED, holds: true, is_warning: true, reason, message }, now, notes);
    end_restarting(status, "JobSetFailed", "jobset failed", now, notes);
    status.terminal_state = Some(FAILED.to_owned());
}

/// Says that no restart is under way any more.
pub(super) fn end_restarting(
    status: &mut JobSetStatus,
    reason: &str,
    message: &str,
    now: Timestamp,
    notes: &mut Vec<Note>,
) {
    let change = Change { kind: RESTARTING, holds: false, is_warning: false, reason, message };
    put(status, &change, now, notes);
}

/// How long a JobSet that has ended is kept yet; zero if it is to go now.
pub(super) fn time_left(spec: &JobSetSpec, status: &JobSetStatus, now: Timestamp) -> Option<Duration> {
    let keep = SignedDuration::from_secs(i64::from(spec.ttl_seconds_after_finished?));
    let since = finished(status)?.last_transition_time.0;
    let left = keep.saturating_sub(now.duration_since(since));
    Some(Duration::try_from(left).unwrap_or(Duration::ZERO))
}
