//! Whether the Pod is to restart in place now, and the record of that decision.
//!
//! R3: only exits of the current epoch are looked at, because older runs are no longer in the ledger's
//! current runs; all that match at once make one step, named after the earliest.

use jiff::{SignedDuration, Timestamp};

use super::{ending, pass::Pass};
use crate::annotations::{self, RestartBackoffOverride};
use crate::backoff::BackoffLimits;
use crate::roles::Role;
use crate::rules::Verdict;
use crate::step::{Step, StepRecord, Trigger};
use crate::timeline::Happened;

pub(super) fn check(pass: &mut Pass<'_>) {
    let requested = pass.restart_requested_at().filter(|at| pass.ledger.restart_at_handled.is_none_or(|h| *at > h));
    if let Some(at) = requested {
        pass.ledger.restart_at_handled = Some(at);
        let now = pass.now;
        match &mut pass.ledger.step {
            // Asking again while the next epoch waits for its back-off means: now.
            Some(step) => step.resume_at = step.resume_at.min(now),
            None => record(pass, Trigger::Requested { at }, now),
        }
    }
    if pass.ledger.step.is_none()
        && let Some((trigger, at)) = triggering_exit(pass)
    {
        record(pass, trigger, at);
    }
}

/// The earliest exit of this epoch that a rule answers with `RestartAllContainers`. A sidecar that ends
/// after the Pod has done its work ends nothing but itself.
fn triggering_exit(pass: &Pass<'_>) -> Option<(Trigger, Timestamp)> {
    let completed_at = ending::completion(pass).map(|e| e.at);
    let exits = pass.containers.iter().filter_map(|c| {
        let exit = pass.exit_of(c.name())?;
        let Verdict::RestartPod { rule } = pass.verdict(c, exit) else { return None };
        let too_late = c.role == Role::Sidecar && completed_at.is_some_and(|at| exit.finished_at > at);
        let trigger = Trigger::ContainerExit { container: c.name().to_owned(), exit_code: exit.exit_code, rule };
        (!too_late).then_some((trigger, exit.finished_at))
    });
    exits.min_by_key(|(_, at)| *at)
}

fn record(pass: &mut Pass<'_>, trigger: Trigger, at: Timestamp) {
    let delay = delay(pass, &trigger, at);
    let to = pass.ledger.epoch + 1;
    let alive = pass.observed.containers.iter().filter(|c| c.may_run()).map(|c| c.name.clone());
    let running = alive.chain(pass.observed.in_flight.iter().cloned()).collect();
    pass.ledger.last_step = Some(StepRecord {
        epoch: to,
        trigger: trigger.clone(),
        triggered_at: at,
        killed_at: None,
        removed_at: None,
        init_running_at: None,
        main_running_at: None,
        ready_at: None,
    });
    pass.ledger.step = Some(Step {
        to,
        trigger: trigger.clone(),
        recorded_at: pass.now,
        running,
        removed_at: None,
        // Where the clock was set back meanwhile, the exit seems to lie ahead.
        resume_at: at.min(pass.now).saturating_add(delay).unwrap_or(at),
    });
    pass.step_is_new = true;
    pass.note(pass.now, Happened::RestartStepped { trigger });
}

/// Semantics section 5: a recycle or request never waits; failures wait longer and longer.
fn delay(pass: &mut Pass<'_>, trigger: &Trigger, at: Timestamp) -> SignedDuration {
    if !trigger.is_failure() {
        return SignedDuration::ZERO;
    }
    // A malformed annotation was rejected at admission: the node's limits hold.
    let limits = match annotations::restart_backoff(pass.desired.pod).ok().flatten() {
        Some(RestartBackoffOverride::None) => return SignedDuration::ZERO,
        Some(RestartBackoffOverride::Limits { initial, max }) => BackoffLimits { initial, max },
        None => pass.desired.limits,
    };
    pass.ledger.failures.failed(at, &limits)
}
