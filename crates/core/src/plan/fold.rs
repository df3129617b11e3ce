//! Folds what is seen into the ledger: states that were seen are never forgotten.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::health;
use super::pass::Pass;
use crate::clock;
use crate::ledger::{ContainerRecord, Exit, Run, SandboxRecord};
use crate::observed::{ContainerObservation, RuntimeExit, RuntimeState, STATUS_UNKNOWN};
use crate::roles::{PodContainer, Role};
use crate::rules::{self, Verdict};
use crate::timeline::Happened;

/// The reason in `lastState` of a container that an in-place restart killed (semantics section 4).
const RESTART_ALL_CONTAINERS: &str = "RestartAllContainers";
/// The exit code of a program that SIGKILL ended.
const SIGKILLED: i32 = 137;

pub(super) fn observe(pass: &mut Pass<'_>) {
    sandbox(pass);
    // A record that was lost is rebuilt from labels rather than starting an epoch twice.
    let newest = pass.observed.containers.iter().filter_map(|c| c.epoch).max().unwrap_or(0);
    pass.ledger.epoch = pass.ledger.epoch.max(newest);
    let mut seen: Vec<&ContainerObservation> = pass.observed.containers.iter().filter(|c| !is_stale(pass, c)).collect();
    seen.sort_by_key(|c| c.attempt);
    for c in seen {
        container(pass, c);
    }
    vanished(pass);
    health::observe(pass);
    step_progress(pass);
    clock::within_reach(&mut pass.ledger, pass.desired.pod, pass.desired.limits.max, pass.now);
}

/// Whether the container belongs to an older epoch. Such a container decides nothing any more (R3).
pub(super) fn is_stale(pass: &Pass<'_>, c: &ContainerObservation) -> bool {
    c.epoch.is_some_and(|e| e < pass.ledger.epoch)
}

fn sandbox(pass: &mut Pass<'_>) {
    let Some(ready) = pass.observed.ready_sandbox() else { return };
    match &mut pass.ledger.sandbox {
        None => {
            pass.ledger.sandbox = Some(SandboxRecord { id: ready.id.clone(), ips: ready.ips.clone() });
            pass.ledger.sandboxes = ready.attempt + 1;
            let (sandbox, ip) = (ready.id.clone(), ready.ips.first().cloned());
            pass.note(pass.now, Happened::SandboxReady { sandbox, ip });
        }
        Some(known) if known.id == ready.id && !ready.ips.is_empty() => known.ips.clone_from(&ready.ips),
        Some(_) => {}
    }
}

fn container(pass: &mut Pass<'_>, c: &ContainerObservation) {
    let record = pass.ledger.containers.entry(c.name.clone()).or_default();
    let known = record.run.as_ref().map(|run| run.id == c.id);
    match known {
        Some(true) => {}
        None if c.attempt >= record.restart_count => adopt(record, c),
        Some(false) if c.attempt > record.restart_count => {
            let ended = record.run.take();
            record.last = ended.map(|run| run.exit.clone().unwrap_or_else(|| unseen_exit(&run, pass.now)));
            adopt(record, c);
        }
        _ => return,
    }
    let record = pass.ledger.containers.get(&c.name);
    let Some(run) = record.and_then(|r| r.run.as_ref()) else { return };
    let (was_started, had_ended) = (run.started_at.is_some(), run.exit.is_some());
    match &c.state {
        RuntimeState::Running { started_at } if !was_started => started(pass, &c.name, *started_at),
        RuntimeState::Exited(exit) if !had_ended => {
            if let (false, Some(at)) = (was_started, exit.started_at) {
                started(pass, &c.name, at);
            }
            let exit = exit_record(pass, c, exit);
            ended(pass, &c.name, exit);
        }
        _ => {}
    }
}

fn adopt(record: &mut ContainerRecord, c: &ContainerObservation) {
    record.restart_count = c.attempt;
    record.restart_after = None;
    record.run = Some(Run {
        id: c.id.clone(),
        sandbox: c.sandbox.clone(),
        image: c.image.clone(),
        image_id: c.image_id.clone(),
        started_at: None,
        started: false,
        post_start_done: false,
        ready: false,
        condemned: None,
        exit: None,
    });
}

fn started(pass: &mut Pass<'_>, name: &str, at: Timestamp) {
    if let Some(record) = pass.ledger.containers.get_mut(name) {
        record.failures.run_began(at);
        if let Some(run) = &mut record.run {
            run.started_at = Some(at);
        }
    }
    pass.note(at, Happened::ContainerStarted { container: name.to_owned() });
}

fn exit_record(pass: &Pass<'_>, c: &ContainerObservation, exit: &RuntimeExit) -> Exit {
    let step_killed = pass.ledger.step.as_ref().is_some_and(|s| s.running.contains(&c.name));
    let (exit_code, reason) = match (exit.exit_code, exit.reason.as_str()) {
        (SIGKILLED, "" | "Error") | (_, STATUS_UNKNOWN) if step_killed => (SIGKILLED, RESTART_ALL_CONTAINERS),
        (0, "") => (0, "Completed"),
        (code, "") => (code, "Error"),
        known => known,
    };
    Exit {
        id: c.id.clone(),
        exit_code,
        reason: reason.to_owned(),
        message: exit.message.clone(),
        started_at: exit.started_at,
        finished_at: exit.finished_at,
    }
}

/// Notes an exit, and when the container may run again should its rules or policy want it to.
fn ended(pass: &mut Pass<'_>, name: &str, exit: Exit) {
    let container = pass.containers.iter().find(|c| c.name() == name).copied();
    let verdict = container.map_or(Verdict::Stay, |c| pass.verdict(&c, &exit));
    let rule = match verdict {
        Verdict::RestartPod { rule } => Some(rule),
        Verdict::RestartContainer { rule } => rule,
        Verdict::Stay => None,
    };
    pass.note(
        exit.finished_at,
        Happened::ContainerExited {
            container: name.to_owned(),
            exit_code: exit.exit_code,
            rule,
            reason: exit.reason.clone(),
            message: exit.message.clone(),
        },
    );
    let limits = pass.desired.limits;
    let Some(record) = pass.ledger.containers.get_mut(name) else { return };
    if matches!(verdict, Verdict::RestartContainer { .. }) {
        let delay = record.failures.failed(exit.finished_at, &limits);
        // Where the clock was set back meanwhile, the exit seems to lie ahead.
        let until = exit.finished_at.min(pass.now).saturating_add(delay).unwrap_or(exit.finished_at);
        record.restart_after = Some(until);
    }
    let until = record.restart_after;
    if let Some(run) = &mut record.run {
        run.exit = Some(exit);
    }
    if let Some(until) = until.filter(|at| *at > pass.now) {
        pass.backoffs.push((name.to_owned(), until));
    }
}

/// A run that is in the ledger but no longer in the runtime: one that had started ended unseen (the node
/// was rebooted, or somebody removed it), one that had not was never there.
fn vanished(pass: &mut Pass<'_>) {
    let present: BTreeSet<&str> = pass.observed.containers.iter().map(|c| c.id.as_str()).collect();
    let gone: Vec<String> = pass
        .ledger
        .containers
        .iter()
        .filter(|(name, record)| {
            !pass.in_flight(name)
                && record.run.as_ref().is_some_and(|run| run.exit.is_none() && !present.contains(run.id.as_str()))
        })
        .map(|(name, _)| name.clone())
        .collect();
    for name in gone {
        let Some(record) = pass.ledger.containers.get_mut(&name) else { continue };
        let Some(run) = record.run.take_if(|run| run.started_at.is_none()).or_else(|| record.run.clone()) else {
            continue;
        };
        if run.started_at.is_some() {
            ended(pass, &name, unseen_exit(&run, pass.now));
        }
    }
}

fn unseen_exit(run: &Run, now: Timestamp) -> Exit {
    Exit {
        id: run.id.clone(),
        exit_code: SIGKILLED,
        reason: STATUS_UNKNOWN.to_owned(),
        message: "The container is gone from the runtime and its exit was not seen (was the node rebooted?)".to_owned(),
        started_at: run.started_at,
        finished_at: now,
    }
}

/// Fills in the parts of the newest restart's record that lie in the epoch it led to.
fn step_progress(pass: &mut Pass<'_>) {
    let epoch = pass.ledger.epoch;
    if pass.ledger.step.is_some() || pass.ledger.last_step.as_ref().is_none_or(|s| s.epoch != epoch) {
        return;
    }
    let regular_count = pass.containers.iter().filter(|c| c.role == Role::Regular).count();
    let start = |c: &PodContainer<'_>| {
        pass.ledger.containers.get(c.name()).and_then(|r| r.run.as_ref()).and_then(|run| run.started_at)
    };
    let (regular, init): (Vec<_>, Vec<_>) = pass.containers.iter().partition(|c| c.role == Role::Regular);
    let init_running_at = init.first().copied().and_then(start);
    let main_starts: Vec<_> = regular.into_iter().filter_map(start).collect();
    let main_running_at = main_starts.iter().max().filter(|_| main_starts.len() == regular_count).copied();
    if let Some(step) = &mut pass.ledger.last_step {
        step.init_running_at = step.init_running_at.or(init_running_at);
        step.main_running_at = step.main_running_at.or(main_running_at);
    }
}

/// Ends the current runs of all containers for which `ends` holds: their exits become last states, and those that had
/// been started count one restart more (semantics section 4).
pub(super) fn retire(pass: &mut Pass<'_>, ends: impl Fn(&PodContainer<'_>, &ContainerRecord) -> bool) {
    for c in &pass.containers {
        let Some(record) = pass.ledger.containers.get_mut(c.name()) else { continue };
        if !ends(c, record) {
            continue;
        }
        let was_started = record.was_started();
        let Some(run) = record.run.take() else { continue };
        if was_started {
            record.last = Some(run.exit.clone().unwrap_or_else(|| unseen_exit(&run, pass.now)));
            record.restart_count += 1;
        }
        record.restart_after = None;
        record.failures = crate::backoff::Failures::default();
    }
}

/// Whether the run of `container` has ended in a way that nothing follows.
pub(super) fn ended_for_good(pass: &Pass<'_>, container: &PodContainer<'_>) -> bool {
    pass.exit_of(container.name()).is_some_and(|exit| pass.verdict(container, exit) == rules::Verdict::Stay)
}
