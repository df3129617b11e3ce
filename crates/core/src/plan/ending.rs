//! How a Pod comes to its end: its work is done, its time is up, it is evicted, or it is deleted.

use jiff::{SignedDuration, Timestamp};

use super::fold;
use super::pass::Pass;
use super::{Stage, sandbox};
use crate::ephemeral_storage;
use crate::ledger::Ending;
use crate::observed::ContainerObservation;
use crate::roles::Role;
use crate::rules::Verdict;
use crate::timeline::Happened;

const EVICTED: &str = "Evicted";
/// What containers of an evicted Pod have between SIGTERM and SIGKILL, whatever the Pod says, as in Kubernetes.
const EVICTION_GRACE: SignedDuration = SignedDuration::from_secs(1);

/// Ends a Pod whose `activeDeadlineSeconds` have passed or that the node must evict.
pub(super) fn cut_short(pass: &mut Pass<'_>) {
    let used = pass.observed.storage.as_ref();
    if let Some(message) = used.and_then(|used| ephemeral_storage::exceeded(pass.desired.pod, used)) {
        return fail(pass, EVICTED, message);
    }
    let seconds = pass.spec().and_then(|s| s.active_deadline_seconds);
    let (Some(seconds), Some(started_at)) = (seconds, pass.ledger.started_at) else { return };
    let time = SignedDuration::from_secs(seconds).saturating_add(pass.ledger.clock_set_by);
    let deadline = started_at.saturating_add(time).unwrap_or(Timestamp::MAX);
    if pass.now >= deadline {
        let message = "Pod was active on the node longer than the specified deadline";
        fail(pass, "DeadlineExceeded", message.to_owned());
    } else {
        pass.wake(deadline);
    }
}

fn fail(pass: &mut Pass<'_>, reason: &str, message: String) {
    let ending = Ending { reason: reason.to_owned(), message, ..Ending::plain(false, pass.now) };
    pass.ledger.ending = Some(ending);
}

/// Records the end of a Pod whose containers have done all they will do.
pub(super) fn complete(pass: &mut Pass<'_>) {
    if let Some(ending) = completion(pass) {
        // Where the clock was set back meanwhile, an exit seems to lie ahead.
        pass.ledger.ending = Some(Ending { at: ending.at.min(pass.now), ..ending });
    }
}

/// The ordinary end, if it has come: an init container failed for good, or all regular ones have ended for good.
pub(super) fn completion(pass: &Pass<'_>) -> Option<Ending> {
    if let Some(at) = failed_init(pass) {
        return Some(Ending::plain(false, at));
    }
    let regular: Vec<_> = pass.containers.iter().filter(|c| c.role == Role::Regular).collect();
    let done = pass.ledger.initialized && regular.iter().all(|c| fold::ended_for_good(pass, c));
    let exits: Vec<_> = regular.iter().filter_map(|c| pass.exit_of(c.name())).collect();
    let at = exits.iter().map(|e| e.finished_at).max().filter(|_| done)?;
    let succeeded = exits.iter().all(|e| e.exit_code == 0);
    Some(Ending::plain(succeeded, at))
}

fn failed_init(pass: &Pass<'_>) -> Option<Timestamp> {
    let failed = pass.containers.iter().filter(|c| c.role == Role::Init && !pass.ledger.initialized).filter_map(|c| {
        let exit = pass.exit_of(c.name())?;
        (exit.exit_code != 0 && pass.verdict(c, exit) == Verdict::Stay).then_some(exit.finished_at)
    });
    failed.min()
}

/// Brings a Pod that has come to its end to rest: the containers that still run get the Pod's grace period, or the node's
/// if they are to free its disk.
pub(super) fn wind_down(pass: &mut Pass<'_>) -> Stage {
    let Some(ending) = &pass.ledger.ending else { return Stage::Live };
    let grace = if ending.reason == EVICTED { EVICTION_GRACE } else { pass.termination_grace() };
    let deadline = ending.at.saturating_add(grace).unwrap_or(Timestamp::MAX);
    if !terminate(pass, deadline) {
        return Stage::Live;
    }
    announce(pass);
    if sandbox::clear(pass) { Stage::Ended } else { Stage::Live }
}

/// Ends a Pod that is being deleted, by `deadline` at the latest.
pub(super) fn delete(pass: &mut Pass<'_>, deadline: Timestamp) -> Stage {
    if !terminate(pass, deadline) {
        return Stage::Live;
    }
    if pass.ledger.ending.is_none() {
        let regular: Vec<_> = pass.containers.iter().filter(|c| c.role == Role::Regular).collect();
        let succeeded = regular.iter().all(|c| pass.exit_of(c.name()).is_some_and(|e| e.exit_code == 0));
        pass.ledger.ending = Some(Ending::plain(succeeded, pass.now));
    }
    announce(pass);
    if sandbox::clear(pass) { Stage::Gone } else { Stage::Live }
}

fn announce(pass: &mut Pass<'_>) {
    let Some(ending) = pass.ledger.ending.as_mut().filter(|e| !e.over) else { return };
    ending.over = true;
    let happened = if ending.succeeded {
        Happened::PodSucceeded
    } else if ending.refused {
        Happened::PodRefused { reason: ending.reason.clone(), message: ending.message.clone() }
    } else {
        Happened::PodFailed { reason: ending.reason.clone(), message: ending.message.clone() }
    };
    pass.ledger.step = None;
    pass.note(pass.now, happened);
}

/// SIGTERM now and SIGKILL at the deadline: first all but the sidecars, then the sidecars one by one, the last
/// first. True when no container of the Pod is alive.
fn terminate(pass: &mut Pass<'_>, deadline: Timestamp) -> bool {
    let observed = pass.observed;
    let alive: Vec<&ContainerObservation> = observed.containers.iter().filter(|c| c.may_run()).collect();
    let sidecar_order = |c: &ContainerObservation| {
        pass.containers.iter().find(|s| s.role == Role::Sidecar && s.name() == c.name).map(|s| s.index)
    };
    let (sidecars, others): (Vec<_>, Vec<_>) = alive.iter().copied().partition(|c| sidecar_order(c).is_some());
    let next = if pass.now >= deadline {
        alive
    } else if others.is_empty() && observed.in_flight.is_empty() {
        sidecars.into_iter().max_by_key(|c| sidecar_order(c)).into_iter().collect()
    } else {
        others
    };
    let settled = next.is_empty() && observed.in_flight.is_empty() && !observed.sandbox_in_flight;
    for c in next {
        pass.end(c, deadline);
    }
    settled
}
