//! Starts what is next: sandbox, init containers and sidecars in order, then the regular containers.
//!
//! The same code starts a new Pod and the next epoch of a restarted one (R5); it also restarts single
//! containers within an epoch.

use jiff::Timestamp;

use super::fold;
use super::health;
use super::pass::Pass;
use super::sandbox;
use crate::action::Action;
use crate::observed::RuntimeState;
use crate::roles::{PodContainer, Role};

pub(super) fn advance(pass: &mut Pass<'_>) {
    if clear_stale(pass) {
        return;
    }
    let Some(sandbox) = sandbox::ensure(pass) else { return };
    collect_superseded(pass);
    end_unknown(pass);
    start_ephemeral(pass, &sandbox);
    if !pass.ledger.initialized {
        pass.ledger.initialized = initialize(pass, &sandbox);
    }
    if pass.ledger.initialized {
        run(pass, &sandbox);
    }
}

/// Sidecars and regular containers go on or start. A postStart hook that is under way holds up the containers after it,
/// as in Kubernetes, where Pods count on that.
fn run(pass: &mut Pass<'_>, sandbox: &str) {
    for c in pass.containers.clone().iter().filter(|c| c.role != Role::Init) {
        drive(pass, c, sandbox);
        if c.role == Role::Regular && health::holds_up_others(pass, c) {
            return;
        }
    }
}

/// Where one container stands.
enum Standing {
    /// Its program runs and has come up.
    Running,
    /// It has ended and nothing follows.
    Done,
    /// It is on its way: what it takes has been asked for.
    Underway,
}

/// R2: while a container of an older epoch is in the runtime (a create that was under way when the agent
/// died can still bring one), it is cleared and nothing is created.
fn clear_stale(pass: &mut Pass<'_>) -> bool {
    let observed = pass.observed;
    let mut any = false;
    for c in observed.containers.iter().filter(|c| fold::is_stale(pass, c)).collect::<Vec<_>>() {
        any = true;
        if c.may_run() { pass.kill(c, None) } else { pass.remove(c) }
    }
    any
}

/// Removes containers that a newer run has taken the place of.
fn collect_superseded(pass: &mut Pass<'_>) {
    let observed = pass.observed;
    for c in &observed.containers {
        let current = pass.ledger.containers.get(&c.name).and_then(|r| r.run.as_ref());
        if current.is_some_and(|run| run.id != c.id) && !pass.in_flight(&c.name) {
            if c.may_run() { pass.kill(c, None) } else { pass.remove(c) }
        }
    }
}

/// Ends what the runtime can't tell about, as a kubelet does: it may be alive, and nothing else can come of it. Such is a container
/// whose start was under way when containerd was killed.
fn end_unknown(pass: &mut Pass<'_>) {
    let observed = pass.observed;
    observed.containers.iter().filter(|c| c.state == RuntimeState::Unknown).for_each(|c| pass.kill(c, None));
}

/// Init containers one after the other, sidecars started in their place. True when all are through.
fn initialize(pass: &mut Pass<'_>, sandbox: &str) -> bool {
    let init: Vec<_> = pass.containers.iter().filter(|c| c.role != Role::Regular).copied().collect();
    init.iter().all(|c| match drive(pass, c, sandbox) {
        Standing::Running => c.role == Role::Sidecar,
        Standing::Done => true,
        Standing::Underway => false,
    })
}

fn drive(pass: &mut Pass<'_>, c: &PodContainer<'_>, sandbox: &str) -> Standing {
    let run = pass.ledger.containers.get(c.name()).and_then(|r| r.run.as_ref());
    match run {
        Some(run) if run.is_running() => {
            let started = run.started;
            health::act(pass, c);
            if started { Standing::Running } else { Standing::Underway }
        }
        Some(run) if run.exit.is_none() => {
            let id = run.id.clone();
            start(pass, c.name(), id);
            Standing::Underway
        }
        Some(_) if fold::ended_for_good(pass, c) => Standing::Done,
        _ => {
            let epoch = Some(pass.ledger.epoch);
            create(pass, c.name(), c.spec.image_pull_policy.as_deref(), epoch, sandbox);
            Standing::Underway
        }
    }
}

/// Ephemeral containers start when they appear, once, and belong to no epoch.
fn start_ephemeral(pass: &mut Pass<'_>, sandbox: &str) {
    let specs = pass.spec().and_then(|s| s.ephemeral_containers.as_deref()).unwrap_or_default();
    for c in specs {
        match pass.ledger.containers.get(&c.name).and_then(|r| r.run.as_ref()) {
            None => create(pass, &c.name, c.image_pull_policy.as_deref(), None, sandbox),
            Some(run) if run.started_at.is_none() && run.exit.is_none() => {
                let id = run.id.clone();
                start(pass, &c.name, id);
            }
            Some(_) => {}
        }
    }
}

fn start(pass: &mut Pass<'_>, name: &str, id: String) {
    let created = pass.observed.containers.iter().any(|c| c.id == id && c.state == RuntimeState::Created);
    if created && !pass.in_flight(name) && may_try(pass, name) {
        pass.actions.push(Action::StartContainer { container: name.to_owned(), id });
    }
}

fn create(pass: &mut Pass<'_>, name: &str, pull_policy: Option<&str>, epoch: Option<u64>, sandbox: &str) {
    if pass.in_flight(name) || !rested(pass, name) || !may_try(pass, name) {
        return;
    }
    let record = pass.ledger.containers.get(name);
    let attempt = record.map_or(0, |r| r.restart_count + u32::from(r.run.is_some()));
    let seen = pass.observed.images.get(name).filter(|i| i.attempt == attempt || pull_policy != Some("Always"));
    match seen.map(|i| &i.result) {
        Some(Ok(image)) => pass.actions.push(Action::CreateContainer {
            container: name.to_owned(),
            sandbox: sandbox.to_owned(),
            epoch,
            attempt,
            image: image.clone(),
        }),
        Some(Err(failure)) if waits(pass, failure.at, failure.count) => {}
        Some(Err(_)) | None => {
            pass.actions.push(Action::EnsureImage { container: name.to_owned(), attempt });
        }
    }
}

/// Whether the container's own back-off is over.
fn rested(pass: &mut Pass<'_>, name: &str) -> bool {
    let until = pass.ledger.containers.get(name).and_then(|r| r.restart_after).filter(|at| *at > pass.now);
    if let Some(at) = until {
        pass.wake(at);
    }
    until.is_none()
}

fn may_try(pass: &mut Pass<'_>, name: &str) -> bool {
    let failure = pass.observed.container_failures.get(name).map(|f| (f.at, f.count));
    failure.is_none_or(|(at, count)| !waits(pass, at, count))
}

fn waits(pass: &mut Pass<'_>, failed_at: Timestamp, count: u32) -> bool {
    let retry_at = failed_at.saturating_add(pass.desired.limits.retry_delay(count)).unwrap_or(failed_at);
    if retry_at > pass.now {
        pass.wake(retry_at);
        return true;
    }
    false
}
