//! Which Pods are made and which are deleted, so that there are as many as there should be.

use std::time::Duration;

use jiff::SignedDuration;
use reprise_core::unset::text;

use super::backoff;
use super::facts::{Facts, JobPod, count};
use super::index_set::IndexSet;
use super::per_index::{Failures, Indexes};
use super::verdict::Tally;

/// So many at once.
pub(super) const MOST: usize = 500;

/// A Pod to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewPod {
    /// Its completion index, if the Job has them.
    pub(crate) index: Option<i32>,
    /// How often that index failed before, if that is counted.
    pub(crate) failures: Option<Failures>,
}

/// What is to be done about the number of Pods.
#[derive(Debug, Default)]
pub(super) struct Change<'a> {
    pub(super) create: Vec<NewPod>,
    /// They lose their finalizer first: to be deleted so is no failure.
    pub(super) delete: Vec<JobPod<'a>>,
    /// More can be made then.
    pub(super) wait: Option<Duration>,
}

pub(super) fn change<'a>(facts: &Facts<'a>, tally: Tally, indexes: &Indexes<'a>) -> Change<'a> {
    let active = count(facts.active());
    if facts.is_suspended() {
        return Change { delete: facts.active().copied().collect(), ..Change::default() };
    }
    let wanted = wanted(facts, tally, active);
    let mut delete = surplus(facts, usize::try_from(active - wanted).unwrap_or(0));
    delete.truncate(MOST);
    if !delete.is_empty() {
        return Change { delete, ..Change::default() };
    }
    let terminating = if facts.replaces_only_failed() { count(facts.terminating()) } else { 0 };
    let missing = usize::try_from(wanted - terminating - active).unwrap_or(0).min(MOST);
    if missing == 0 { Change::default() } else { additions(facts, indexes, missing) }
}

/// How many Pods there should be: no more than have something to do.
fn wanted(facts: &Facts<'_>, tally: Tally, active: i32) -> i32 {
    match facts.completions() {
        Some(completions) => (completions - tally.succeeded).min(facts.parallelism()).max(0),
        // One success ends the work: what runs may go on, nothing is begun.
        None if tally.succeeded > 0 => active,
        None => facts.parallelism(),
    }
}

fn additions(facts: &Facts<'_>, indexes: &Indexes<'_>, missing: usize) -> Change<'static> {
    if indexes.failed.is_none() {
        let wait = backoff::remaining(facts);
        if wait > SignedDuration::ZERO {
            return Change { wait: Some(unsigned(wait)), ..Change::default() };
        }
    }
    if !facts.is_indexed() {
        return Change { create: vec![NewPod { index: None, failures: None }; missing], ..Change::default() };
    }
    let (mut create, mut wait) = (Vec::new(), None::<SignedDuration>);
    for index in pending(facts, indexes).take(missing) {
        let remaining = indexes.remaining(facts, index);
        if remaining > SignedDuration::ZERO {
            wait = Some(wait.map_or(remaining, |least| least.min(remaining)));
        } else {
            create.push(NewPod { index: Some(index), failures: indexes.failures(facts, index) });
        }
    }
    Change { create, delete: Vec::new(), wait: wait.map(unsigned) }
}

/// The indexes that have nobody, lowest first.
fn pending<'a>(facts: &'a Facts<'_>, indexes: &'a Indexes<'_>) -> impl Iterator<Item = i32> + 'a {
    let occupies = |pod: &&JobPod<'_>| pod.is_active() || (facts.replaces_only_failed() && pod.is_terminating());
    let taken: IndexSet = facts.pods.iter().filter(occupies).filter_map(|pod| pod.index).collect();
    let has_failed = |index| indexes.failed.as_ref().is_some_and(|failed| failed.contains(index));
    (0..facts.completions().unwrap_or(0))
        .filter(move |index| !taken.contains(*index) && !indexes.succeeded.contains(*index) && !has_failed(*index))
}

/// Pods that nobody needs: those with a wrong index or one that another has too, then those that have done least.
fn surplus<'a>(facts: &Facts<'a>, at_least: usize) -> Vec<JobPod<'a>> {
    let mut active: Vec<JobPod<'a>> = facts.active().copied().collect();
    active.sort_by_key(|pod| advance(pod));
    let (mut surplus, mut rest) = (Vec::new(), Vec::new());
    let mut seen = IndexSet::default();
    // The one that has done most keeps the index.
    for pod in active.into_iter().rev() {
        let is_double = facts.is_indexed() && pod.index.is_some_and(|index| seen.contains(index));
        if is_double || !facts.has_valid_index(&pod) {
            surplus.push(pod);
        } else {
            pod.index.into_iter().for_each(|index| seen.insert(index));
            rest.push(pod);
        }
    }
    let more = at_least.saturating_sub(surplus.len());
    surplus.extend(rest.into_iter().rev().take(more));
    surplus
}

/// How far a Pod is: placed, running, ready; then the older one.
fn advance<'a>(pod: &JobPod<'a>) -> (bool, bool, bool, std::cmp::Reverse<Option<jiff::Timestamp>>, &'a str) {
    let is_placed = pod.pod.spec.as_ref().is_some_and(|spec| !text(&spec.node_name).is_empty());
    let created = pod.pod.metadata.creation_timestamp.as_ref().map(|time| time.0);
    (is_placed, pod.phase == "Running", pod.is_ready(), std::cmp::Reverse(created), text(&pod.pod.metadata.name))
}

pub(super) fn unsigned(duration: SignedDuration) -> Duration {
    Duration::try_from(duration).unwrap_or(Duration::ZERO)
}
