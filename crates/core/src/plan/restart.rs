//! Carries a recorded step through: kill, remove, wait if there is a back-off, let the next epoch begin.

use jiff::Timestamp;

use super::fold;
use super::pass::Pass;
use crate::annotations;
use crate::step::Step;
use crate::timeline::Happened;

/// Takes the step as far as it can go now. True when it is over and the new epoch may start.
pub(super) fn advance(pass: &mut Pass<'_>) -> bool {
    let Some(step) = pass.ledger.step.clone() else { return true };
    if step.removed_at.is_none() && !clear(pass, &step) {
        return false;
    }
    if pass.now < step.resume_at {
        pass.wake(step.resume_at);
        return false;
    }
    pass.ledger.step = None;
    pass.ledger.failures.run_began(pass.now);
    true
}

/// The termination phase (semantics section 3). True when nothing of the old epoch is left; the Pod is then in the new one.
fn clear(pass: &mut Pass<'_>, step: &Step) -> bool {
    let deadline = grace_deadline(pass, step);
    let observed = pass.observed;
    for c in &observed.containers {
        if c.may_run() {
            pass.kill(c, deadline);
        } else if c.epoch.is_some() && !pass.in_flight(&c.name) {
            pass.remove(c);
        }
    }
    let alive = !observed.in_flight.is_empty() || observed.containers.iter().any(|c| c.may_run());
    if !alive {
        note_killed(pass);
    }
    if alive || observed.containers.iter().any(|c| c.epoch.is_some()) {
        return false;
    }
    if pass.step_is_new {
        pass.wake(pass.now);
        return false;
    }
    begin_epoch(pass, step);
    true
}

/// With `reprise.dev/restart-grace-period` SIGTERM comes first (semantics section 7), otherwise SIGKILL at once.
fn grace_deadline(pass: &Pass<'_>, step: &Step) -> Option<Timestamp> {
    let grace = annotations::restart_grace_period(pass.desired.pod).ok().flatten()?;
    step.recorded_at.saturating_add(grace).ok()
}

fn note_killed(pass: &mut Pass<'_>) {
    let ends = pass.ledger.containers.values().filter_map(|r| r.exit()).map(|e| e.finished_at);
    let killed_at = ends.max().unwrap_or(pass.now);
    let Some(record) = &mut pass.ledger.last_step else { return };
    if record.killed_at.is_none() {
        record.killed_at = Some(killed_at);
        // Where nothing was left to kill, that is known with the step and told after it.
        let told_at = pass.ledger.step.as_ref().map_or(killed_at, |step| killed_at.max(step.recorded_at));
        pass.note(told_at, Happened::ContainersKilled);
    }
}

/// All containers of the old epoch are gone: their runs become last states and the epoch counts up (R2 holds from here).
fn begin_epoch(pass: &mut Pass<'_>, step: &Step) {
    pass.note(pass.now, Happened::ContainersRemoved);
    fold::retire(pass, |_, _| true);
    pass.ledger.epoch = step.to;
    pass.ledger.initialized = false;
    if let Some(record) = &mut pass.ledger.last_step {
        record.removed_at = Some(pass.now);
    }
    if let Some(step) = &mut pass.ledger.step {
        step.removed_at = Some(pass.now);
    }
    if pass.now < step.resume_at {
        pass.note(pass.now, Happened::Backoff { container: None, until: step.resume_at });
    }
}
