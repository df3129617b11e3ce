//! `backoffLimitPerIndex`: how often each index has failed.
//!
//! That is in annotations of its newest Pod, so a failed Pod keeps its finalizer until the next one of its index is there.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::facts::{Facts, JobPod};
use super::failure_policy::{Meaning, meaning};
use super::index_set::IndexSet;
use super::{INDEX_FAILURES, INDEX_IGNORED_FAILURES, backoff, conditions};

/// What is known of the indexes.
#[derive(Debug, Default)]
pub(super) struct Indexes<'a> {
    pub(super) succeeded: IndexSet,
    /// `None` without a limit for each.
    pub(super) failed: Option<IndexSet>,
    /// The failed Pods that wait for their successors.
    pub(super) to_be_replaced: BTreeMap<i32, JobPod<'a>>,
}

/// How often an index has failed before a Pod is made for it: failures that count, and others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Failures {
    pub(super) counted: i32,
    pub(super) ignored: i32,
}

impl<'a> Indexes<'a> {
    pub(super) fn of(facts: &Facts<'a>) -> Self {
        let completions = facts.completions().unwrap_or(0);
        let completed = facts.status.completed_indexes.as_deref().unwrap_or_default();
        let mut succeeded = IndexSet::parse(completed, completions);
        let ended = facts.pods.iter().filter(|pod| pod.is_tracked && pod.has_succeeded() && facts.has_valid_index(pod));
        ended.filter_map(|pod| pod.index).for_each(|index| succeeded.insert(index));
        let Some(limit) = facts.spec.backoff_limit_per_index else {
            return Self { succeeded, ..Self::default() };
        };
        let mut failed = IndexSet::parse(facts.status.failed_indexes.as_deref().unwrap_or_default(), completions);
        let tracked = facts.pods.iter().filter(|pod| pod.is_tracked && facts.has_valid_index(pod));
        // Whoever is stopped because the Job ends does not fail its index.
        let ends = ["FailureTarget", "SuccessCriteriaMet"]
            .iter()
            .any(|kind| conditions::is_true(facts.status, kind).is_some());
        for pod in tracked.filter(|pod| !ends && fails_index(facts, pod, limit)) {
            pod.index.into_iter().for_each(|index| failed.insert(index));
        }
        let to_be_replaced = to_be_replaced(facts, &failed, &succeeded);
        Self { succeeded, failed: Some(failed), to_be_replaced }
    }

    /// How often `index` has failed when its next Pod is made.
    pub(super) fn failures(&self, facts: &Facts<'_>, index: i32) -> Option<Failures> {
        self.failed.as_ref()?;
        let Some(pod) = self.to_be_replaced.get(&index) else { return Some(Failures::default()) };
        let before =
            Failures { counted: pod.annotated(INDEX_FAILURES), ignored: pod.annotated(INDEX_IGNORED_FAILURES) };
        let ignored = meaning(facts.spec.pod_failure_policy.as_ref(), pod.pod, true) == Meaning::Ignore;
        Some(if ignored {
            Failures { ignored: before.ignored + 1, ..before }
        } else {
            Failures { counted: before.counted + 1, ..before }
        })
    }

    /// How long `index` has to wait for its next Pod.
    pub(super) fn remaining(&self, facts: &Facts<'_>, index: i32) -> SignedDuration {
        let Some(pod) = self.to_be_replaced.get(&index) else { return SignedDuration::ZERO };
        let failures = u32::try_from(failures_before(pod) + 1).unwrap_or(1);
        backoff::left(failures, backoff::finished_at(pod.pod, facts.now), facts.now)
    }
}

fn failures_before(pod: &JobPod<'_>) -> i32 {
    pod.annotated(INDEX_FAILURES) + pod.annotated(INDEX_IGNORED_FAILURES)
}

fn fails_index(facts: &Facts<'_>, pod: &JobPod<'_>, limit: i32) -> bool {
    facts.has_failed(pod)
        && match meaning(facts.spec.pod_failure_policy.as_ref(), pod.pod, true) {
            Meaning::FailIndex => true,
            Meaning::Ignore => false,
            Meaning::Count | Meaning::FailJob(_) => pod.annotated(INDEX_FAILURES) >= limit,
        }
}

/// For each index that goes on the failed Pod with most failures before it, unless there is one that came after it.
fn to_be_replaced<'a>(facts: &Facts<'a>, failed: &IndexSet, succeeded: &IndexSet) -> BTreeMap<i32, JobPod<'a>> {
    let mut last: BTreeMap<i32, JobPod<'a>> = BTreeMap::new();
    for pod in facts.pods.iter().filter(|pod| pod.is_tracked && facts.has_failed(pod) && facts.has_valid_index(pod)) {
        let goes_on = |index: &i32| !failed.contains(*index) && !succeeded.contains(*index);
        let Some(index) = pod.index.filter(goes_on) else { continue };
        let newest = last.entry(index).or_insert(*pod);
        if failures_before(pod) > failures_before(newest) {
            *newest = *pod;
        }
    }
    for pod in facts.pods.iter().filter(|pod| !facts.has_failed(pod)) {
        if let Some(index) = pod.index
            && last.get(&index).is_some_and(|old| failures_before(old) < failures_before(pod))
        {
            last.remove(&index);
        }
    }
    last
}
