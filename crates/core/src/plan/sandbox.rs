//! The Pod's sandbox: made once, kept over epochs (R4), made anew only when it was lost.

use super::fold;
use super::pass::Pass;
use crate::action::Action;
use crate::roles::Role;

/// Whether the sandbox that the ledger knows is no longer there or no longer ready.
pub(super) fn is_lost(pass: &Pass<'_>) -> bool {
    pass.ledger
        .sandbox
        .as_ref()
        .is_some_and(|known| !pass.observed.sandboxes.iter().any(|s| s.id == known.id && s.ready))
}

/// Clears away what a lost sandbox left (a reboot, a dead shim), so that the Pod can start again as a
/// new one would. Containers that had ended for good stay ended. True when a new sandbox may be made.
pub(super) fn begin_again(pass: &mut Pass<'_>) -> bool {
    if !clear(pass) {
        return false;
    }
    let done: Vec<String> = pass
        .containers
        .iter()
        .filter(|c| c.role == Role::Regular && fold::ended_for_good(pass, c))
        .map(|c| c.name().to_owned())
        .collect();
    fold::retire(pass, |c, _| !done.iter().any(|name| name == c.name()));
    pass.ledger.sandbox = None;
    pass.ledger.initialized = false;
    true
}

/// Kills, then removes, all containers and sandboxes of the Pod. True when nothing is left.
pub(super) fn clear(pass: &mut Pass<'_>) -> bool {
    let observed = pass.observed;
    for c in &observed.containers {
        if c.may_run() {
            pass.kill(c, None);
        } else if !pass.in_flight(&c.name) {
            pass.remove(c);
        }
    }
    if !observed.containers.is_empty() || !observed.in_flight.is_empty() || observed.sandbox_in_flight {
        return false;
    }
    for s in &observed.sandboxes {
        pass.actions.push(Action::RemoveSandbox { id: s.id.clone() });
    }
    observed.sandboxes.is_empty()
}

/// The id of the sandbox to create containers in, or what it takes to get one.
pub(super) fn ensure(pass: &mut Pass<'_>) -> Option<String> {
    if let Some(known) = &pass.ledger.sandbox {
        return Some(known.id.clone());
    }
    let leftovers = pass.observed.sandboxes.iter();
    pass.actions.extend(leftovers.map(|s| Action::RemoveSandbox { id: s.id.clone() }));
    if pass.observed.sandboxes.is_empty() && !pass.observed.sandbox_in_flight && may_try(pass) {
        pass.actions.push(Action::CreateSandbox { attempt: pass.ledger.sandboxes });
    }
    None
}

fn may_try(pass: &mut Pass<'_>) -> bool {
    let failure = pass.observed.sandbox_failure.as_ref();
    let retry_at = failure.map(|f| f.at.saturating_add(pass.desired.limits.retry_delay(f.count)).unwrap_or(f.at));
    match retry_at.filter(|at| *at > pass.now) {
        Some(at) => {
            pass.wake(at);
            false
        }
        None => true,
    }
}
