//! Probes and postStart hooks: what they say of a run, and what follows.
//!
//! Verdicts and results are looked up by the run's id, so none of an older run counts. What is condemned here is ended
//! by the ordinary start-up code; a step under way does not come here, so that a container which is being restarted
//! can't be condemned (semantics section 3).

use jiff::{SignedDuration, Timestamp};

use super::pass::Pass;
use crate::action::Action;
use crate::hook::{self, HookResult};
use crate::ledger::{Condemned, Run};
use crate::probe::{ProbeKind, ProbeTask, ProbeVerdict};
use crate::roles::{PodContainer, Role};
use crate::timeline::Happened;

/// Takes in what probes and hooks of the current runs have said.
pub(super) fn observe(pass: &mut Pass<'_>) {
    for c in pass.containers.clone() {
        let Some(run) = pass.ledger.containers.get(c.name()).and_then(|r| r.run.as_ref()) else { continue };
        if !run.is_running() {
            continue;
        }
        let mut run = run.clone();
        settle(pass, &c, &mut run);
        if let Some(record) = pass.ledger.containers.get_mut(c.name()) {
            record.run = Some(run);
        }
    }
}

fn settle(pass: &mut Pass<'_>, c: &PodContainer<'_>, run: &mut Run) {
    let post_start = pass.observed.post_start.get(&run.id);
    let startup = verdict(pass, run, ProbeKind::Startup);
    run.post_start_done |= !hook::has_post_start(c.spec) || post_start == Some(&HookResult::Done);
    let came_up = c.spec.startup_probe.is_none() || c.role == Role::Init || startup.is_some_and(|v| v.passes);
    run.started |= run.post_start_done && came_up;
    if let Some(verdict) = verdict(pass, run, ProbeKind::Readiness) {
        run.ready = verdict.passes;
    }
    if run.condemned.is_none()
        && let Some((probe, message, grace)) = failure(pass, c, run)
    {
        let deadline = pass.now.saturating_add(grace).unwrap_or(Timestamp::MAX);
        run.condemned = Some(Condemned { message: message.clone(), deadline });
        pass.note(pass.now, Happened::ContainerCondemned { container: c.name().to_owned(), probe, message });
    }
}

fn verdict<'a>(pass: &Pass<'a>, run: &Run, kind: ProbeKind) -> Option<&'a ProbeVerdict> {
    pass.observed.probes.get(&(run.id.clone(), kind))
}

/// The probe, if it was one, what it said, and the time that the container then has.
type Failure = (Option<ProbeKind>, String, SignedDuration);

/// What the run is to end for. Nothing while the whole Pod restarts or ends.
fn failure(pass: &Pass<'_>, c: &PodContainer<'_>, run: &Run) -> Option<Failure> {
    if pass.ledger.step.is_some() || pass.ledger.ending.is_some() || pass.deletion_deadline().is_some() {
        return None;
    }
    if let Some(HookResult::Failed(why)) = pass.observed.post_start.get(&run.id) {
        return Some((None, format!("PostStartHook failed: {why}"), pass.termination_grace()));
    }
    [ProbeKind::Startup, ProbeKind::Liveness].into_iter().find_map(|kind| {
        let failed = verdict(pass, run, kind).filter(|v| !v.passes)?;
        let own = kind.of(c.spec).and_then(|p| p.termination_grace_period_seconds);
        let grace = own.map_or(pass.termination_grace(), |s| SignedDuration::from_secs(s.max(0)));
        Some((Some(kind), format!("{} probe failed: {}", kind.name(), failed.message), grace))
    })
}

/// What a running container needs: its postStart hook run, or its end.
pub(super) fn act(pass: &mut Pass<'_>, c: &PodContainer<'_>) {
    let Some(run) = pass.ledger.containers.get(c.name()).and_then(|r| r.run.clone()) else { return };
    let Some(seen) = pass.observed.containers.iter().find(|seen| seen.id == run.id) else { return };
    match run.condemned {
        Some(condemned) => pass.end(seen, condemned.deadline),
        None if !run.post_start_done => {
            pass.actions.push(Action::RunPostStart { container: c.name().to_owned(), id: run.id });
        }
        None => {}
    }
}

/// Whether the containers after this one wait for its postStart hook: it is on its way to its end. One that can't be
/// started, has ended or is condemned holds nobody up.
pub(super) fn holds_up_others(pass: &Pass<'_>, c: &PodContainer<'_>) -> bool {
    if !hook::has_post_start(c.spec) {
        return false;
    }
    match pass.ledger.containers.get(c.name()).and_then(|r| r.run.as_ref()) {
        Some(run) => run.exit.is_none() && run.condemned.is_none() && !run.post_start_done,
        None => {
            let no_image = pass.observed.images.get(c.name()).is_some_and(|i| i.result.is_err());
            !no_image && !pass.observed.container_failures.contains_key(c.name())
        }
    }
}

/// Whether a run counts as ready: it has come up and its readiness probe, if it has one, passes.
pub(super) fn is_ready(pass: &Pass<'_>, name: &str, run: &Run) -> bool {
    let probed = pass.containers.iter().any(|c| c.name() == name && c.spec.readiness_probe.is_some());
    run.is_wanted() && run.started && (run.ready || !probed)
}

/// The probes that run now: the startup probe until it has passed, then the others. A Pod that ends keeps only its
/// readiness probes; one that restarts has none.
pub(super) fn probes(pass: &Pass<'_>) -> Vec<ProbeTask> {
    if pass.ledger.step.is_some() {
        return Vec::new();
    }
    let ends = pass.ledger.ending.is_some() || pass.deletion_deadline().is_some();
    let lasting = pass.containers.iter().filter(|c| c.role != Role::Init);
    lasting.flat_map(|c| probes_of(pass, c)).filter(|task| !ends || task.kind == ProbeKind::Readiness).collect()
}

fn probes_of(pass: &Pass<'_>, c: &PodContainer<'_>) -> Vec<ProbeTask> {
    let run = pass.ledger.containers.get(c.name()).and_then(|r| r.run.as_ref()).filter(|run| run.is_wanted());
    let Some((run, started_at)) = run.and_then(|run| Some((run, run.started_at?))) else { return Vec::new() };
    let due = |kind: &ProbeKind| (*kind == ProbeKind::Startup) != run.started && kind.of(c.spec).is_some();
    let task = |kind| ProbeTask { container: c.name().to_owned(), id: run.id.clone(), kind, started_at };
    ProbeKind::ALL.into_iter().filter(due).map(task).collect()
}
