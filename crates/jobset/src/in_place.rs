//! When the Pods of a JobSet restart in place, and when their barriers lift.
//!
//! Published is: all Pods at one attempt make it the current one, and a Pod at a higher attempt than others makes all below it
//! outdated. A Pod gets there when its agent has started again. Here the loss of a Pod that ran in the current attempt, or its
//! restart, makes that attempt outdated at once: the others must restart anyway, and need not wait for it.

use crate::budget;
use crate::fleet::{BadAttempt, Tally};
use crate::names::IN_PLACE_RESTART;
use crate::types::{JobSet, JobSetSpec, JobSetStatus};

/// What is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// Nothing.
    Stay,
    /// This is the current attempt: its barriers lift.
    Lift(i32),
    /// This attempt is outdated, with all before it: Pods that have not come further restart.
    Outdate(i32),
    /// The JobSet has failed: it was restarted too often.
    Fail,
}

/// Where a JobSet stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// How many Pods it has when all are there.
    pub expected: usize,
    /// The highest attempt that a Pod may reach.
    pub attempt_limit: i64,
    /// How often a container may be started again.
    pub restart_limit: i64,
    /// `status.currentInPlaceRestartAttempt`.
    pub current: Option<i32>,
    /// `status.previousInPlaceRestartAttempt`.
    pub previous: Option<i32>,
}

impl Standing {
    /// Of a JobSet that restarts in place.
    #[must_use]
    pub fn of(set: &JobSet) -> Option<Self> {
        let spec = set.spec.as_ref()?;
        match &set.status {
            Some(status) => Self::in_status(spec, status),
            None => Self::in_status(spec, &JobSetStatus::default()),
        }
    }

    pub(crate) fn in_status(spec: &JobSetSpec, status: &JobSetStatus) -> Option<Self> {
        let policy = spec.failure_policy.as_ref()?;
        if policy.restart_strategy.as_deref() != Some(IN_PLACE_RESTART) {
            return None;
        }
        let limit = i64::from(policy.max_restarts.unwrap_or(0));
        let ignored_of_jobs = budget::ignored_of_jobs(status);
        Some(Self {
            expected: expected_pods(spec),
            attempt_limit: limit + budget::ignored_of_set(status) + ignored_of_jobs,
            restart_limit: limit + ignored_of_jobs,
            current: status.current_in_place_restart_attempt,
            previous: status.previous_in_place_restart_attempt,
        })
    }
}

/// How many Pods there are when all are there.
fn expected_pods(spec: &JobSetSpec) -> usize {
    let pods = spec.replicated_jobs.iter().map(|entry| {
        let parallelism = entry.template.spec.as_ref().and_then(|job| job.parallelism).unwrap_or(1);
        let number = |number: i32| usize::try_from(number).unwrap_or(0);
        number(entry.replicas.unwrap_or(1)).saturating_mul(number(parallelism))
    });
    pods.fold(0, usize::saturating_add)
}

/// What is next.
///
/// # Errors
///
/// A Pod's attempt is no number: nothing is decided on what is not known.
pub fn next(tally: &Tally, standing: &Standing) -> Result<Move, BadAttempt> {
    if i64::from(tally.most_restarts) > standing.restart_limit {
        return Ok(Move::Fail);
    }
    if let Some(bad) = &tally.bad {
        return Err(bad.clone());
    }
    if tally.highest.is_some_and(|highest| i64::from(highest) > standing.attempt_limit) {
        return Ok(Move::Fail);
    }
    let in_sync = tally.highest.filter(|_| tally.counted == standing.expected && tally.lowest == tally.highest);
    if let Some(attempt) = in_sync.filter(|attempt| standing.current != Some(*attempt)) {
        return Ok(Move::Lift(attempt));
    }
    let ahead = tally.highest.filter(|highest| in_sync.is_none() && *highest > 0).map(|highest| highest - 1);
    let outdated = ahead.max(lost(tally, standing));
    Ok(outdated.filter(|attempt| Some(*attempt) > standing.previous).map_or(Move::Stay, Move::Outdate))
}

/// The current attempt, if it can't go on. Where the restart would be one too many, the Pod that makes it shall say so first.
fn lost(tally: &Tally, standing: &Standing) -> Option<i32> {
    let current = standing.current.filter(|_| tally.has_losses && tally.intact < standing.expected)?;
    (i64::from(current) < standing.attempt_limit).then_some(current)
}

#[cfg(test)]
#[path = "in_place_tests.rs"]
mod tests;
