//! `status.replicatedJobsStatus`: how many Jobs of each entry are how far.

use super::children::{Child, Progress};
use crate::types::{JobSetSpec, JobSetStatus, ReplicatedJob, ReplicatedJobStatus};

/// The counts of all entries, in their order. What was counted of restarts stays.
pub(super) fn count(spec: &JobSetSpec, status: &JobSetStatus, children: &[Child<'_>]) -> Vec<ReplicatedJobStatus> {
    let mut counts: Vec<ReplicatedJobStatus> = spec.replicated_jobs.iter().map(|entry| begin(entry, status)).collect();
    for child in children {
        let Some(count) = child.entry.and_then(|entry| counts.get_mut(entry)) else { continue };
        match child.progress {
            Progress::Active => {
                count.ready += i32::from(child.is_ready());
                count.active += i32::from(child.has_pods());
                count.suspended += i32::from(child.is_suspended());
            }
            Progress::Succeeded => count.succeeded += 1,
            Progress::Failed => count.failed += 1,
            Progress::Outdated => {}
        }
    }
    counts
}

fn begin(entry: &ReplicatedJob, status: &JobSetStatus) -> ReplicatedJobStatus {
    let known = status.replicated_jobs_status.iter().find(|known| known.name == entry.name).cloned();
    let known = known.unwrap_or_default();
    ReplicatedJobStatus {
        name: entry.name.clone(),
        job_restarts: known.job_restarts,
        job_restarts_count_towards_max: known.job_restarts_count_towards_max,
        ..ReplicatedJobStatus::default()
    }
}

/// Whether all Jobs of the entry run or have ended.
pub(super) fn has_started(entry: &ReplicatedJob, count: &ReplicatedJobStatus) -> bool {
    entry.replicas.unwrap_or(1) == count.failed + count.ready + count.succeeded
}

/// Whether all Jobs of the entry have succeeded.
pub(super) fn has_completed(entry: &ReplicatedJob, count: &ReplicatedJobStatus) -> bool {
    entry.replicas.unwrap_or(1) == count.succeeded
}

/// Whether all Jobs of all entries are ready or have succeeded.
pub(super) fn all_ready(spec: &JobSetSpec, counts: &[ReplicatedJobStatus]) -> bool {
    let wanted: i64 = spec.replicated_jobs.iter().map(|entry| i64::from(entry.replicas.unwrap_or(1))).sum();
    wanted == counts.iter().map(|count| i64::from(count.ready) + i64::from(count.succeeded)).sum::<i64>()
}
