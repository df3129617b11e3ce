//! The status of each container, from its record in the ledger.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{
    Container, ContainerState, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting, ContainerStatus,
};

use super::super::health;
use super::super::pass::Pass;
use super::seconds;
use crate::ledger::{ContainerRecord, Exit};
use crate::observed::Failure;
use crate::roles::Role;

/// The statuses of a Pod's containers, each list in the order of the spec.
pub(super) struct Statuses {
    pub init: Vec<ContainerStatus>,
    pub regular: Vec<ContainerStatus>,
    pub ephemeral: Vec<ContainerStatus>,
}

pub(super) fn report(pass: &Pass<'_>) -> Statuses {
    let of = |regular: bool| {
        let listed = pass.containers.iter().filter(|c| (c.role == Role::Regular) == regular);
        listed.map(|c| with_resources(status(pass, c.name(), c.spec.image.as_deref(), Some(c.role)), c.spec)).collect()
    };
    let ephemeral = pass.spec().and_then(|s| s.ephemeral_containers.as_deref()).unwrap_or_default();
    let ephemeral = ephemeral.iter().map(|c| status(pass, &c.name, c.image.as_deref(), None)).collect();
    Statuses { init: of(false), regular: of(true), ephemeral }
}

/// What a container that the runtime has or had was given: without resizing, what its spec says.
fn with_resources(status: ContainerStatus, spec: &Container) -> ContainerStatus {
    if status.container_id.is_none() {
        return status;
    }
    let resources = spec.resources.clone().unwrap_or_default();
    ContainerStatus { allocated_resources: resources.requests.clone(), resources: Some(resources), ..status }
}

fn status(pass: &Pass<'_>, name: &str, image: Option<&str>, role: Option<Role>) -> ContainerStatus {
    let none = ContainerRecord::default();
    let record = pass.ledger.containers.get(name).unwrap_or(&none);
    let run = record.run.as_ref();
    // An ephemeral container has neither hooks nor probes.
    let started = run.is_some_and(|run| run.is_running() && (run.started || role.is_none()));
    let (state, last) = states(pass, name, record, role);
    let ready = match role {
        Some(Role::Init) => record.exit().is_some_and(|e| e.exit_code == 0),
        Some(Role::Sidecar | Role::Regular) => {
            pass.ledger.step.is_none() && run.is_some_and(|run| health::is_ready(pass, name, run))
        }
        None => false,
    };
    let container_id = run.map(|r| r.id.as_str()).or(record.last.as_ref().map(|e| e.id.as_str()));
    ContainerStatus {
        name: name.to_owned(),
        image: run.map(|r| r.image.clone()).filter(|i| !i.is_empty()).unwrap_or(image.unwrap_or_default().to_owned()),
        image_id: run.map(|r| r.image_id.clone()).unwrap_or_default(),
        container_id: container_id.map(prefixed),
        ready,
        started: Some(started),
        restart_count: i32::try_from(record.restart_count).unwrap_or(i32::MAX),
        state: Some(state),
        last_state: last.map(|exit| ContainerState { terminated: Some(terminated(exit)), ..ContainerState::default() }),
        ..ContainerStatus::default()
    }
}

fn states<'r>(
    pass: &Pass<'_>,
    name: &str,
    record: &'r ContainerRecord,
    role: Option<Role>,
) -> (ContainerState, Option<&'r Exit>) {
    let last = record.last.as_ref();
    let Some(run) = &record.run else { return (waiting_state(waiting(pass, name, record, role)), last) };
    match (&run.exit, run.started_at) {
        (None, Some(at)) => {
            let running = ContainerStateRunning { started_at: Some(seconds(at)) };
            (ContainerState { running: Some(running), ..ContainerState::default() }, last)
        }
        (None, None) => (waiting_state(waiting(pass, name, record, role)), last),
        // What waits for its own back-off is shown waiting, with the exit as its last state.
        (Some(exit), _) if will_restart(pass, record) => (waiting_state(waiting(pass, name, record, role)), Some(exit)),
        (Some(exit), _) => {
            let terminated = Some(terminated(exit));
            (ContainerState { terminated, ..ContainerState::default() }, last)
        }
    }
}

fn will_restart(pass: &Pass<'_>, record: &ContainerRecord) -> bool {
    let ending = pass.ledger.ending.is_some() || pass.deletion_deadline().is_some() || pass.ledger.step.is_some();
    !ending && record.restart_after.is_some_and(|at| at > pass.now)
}

fn waiting(pass: &Pass<'_>, name: &str, record: &ContainerRecord, role: Option<Role>) -> (String, Option<String>) {
    if let Some(step) = &pass.ledger.step {
        let left = seconds_left(pass, step.resume_at);
        let message = format!("back-off before the Pod starts again in place: {left}s left (until {})", step.resume_at);
        return ("CrashLoopBackOff".to_owned(), Some(message));
    }
    if let Some(until) = record.restart_after.filter(|at| *at > pass.now) {
        let left = seconds_left(pass, until);
        let message = format!("back-off {left}s restarting failed container={name}");
        return ("CrashLoopBackOff".to_owned(), Some(message));
    }
    if let Some(failure) = pass.observed.container_failures.get(name) {
        return (failure.reason.clone(), Some(failure.message.clone()));
    }
    if let Some(Err(failure)) = pass.observed.images.get(name).map(|i| &i.result) {
        return image_waiting(failure);
    }
    let initializing = !pass.ledger.initialized && pass.containers.iter().any(|c| c.role != Role::Regular);
    let reason = if initializing && role.is_some() { "PodInitializing" } else { "ContainerCreating" };
    (reason.to_owned(), None)
}

fn seconds_left(pass: &Pass<'_>, until: Timestamp) -> i128 {
    (until.duration_since(pass.now).as_millis().max(0) + 999) / 1000
}

/// The first failure shows as what it is, later ones as the back-off between tries, as in Kubernetes.
fn image_waiting(failure: &Failure) -> (String, Option<String>) {
    if failure.count > 1 && failure.reason == "ErrImagePull" {
        ("ImagePullBackOff".to_owned(), Some(format!("Back-off pulling image: ErrImagePull: {}", failure.message)))
    } else {
        (failure.reason.clone(), Some(failure.message.clone()))
    }
}

fn waiting_state((reason, message): (String, Option<String>)) -> ContainerState {
    let waiting = ContainerStateWaiting { reason: Some(reason), message };
    ContainerState { waiting: Some(waiting), ..ContainerState::default() }
}

fn terminated(exit: &Exit) -> ContainerStateTerminated {
    ContainerStateTerminated {
        container_id: Some(prefixed(&exit.id)),
        exit_code: exit.exit_code,
        signal: None,
        reason: Some(exit.reason.clone()),
        message: (!exit.message.is_empty()).then(|| exit.message.clone()),
        started_at: exit.started_at.map(seconds),
        finished_at: Some(seconds(exit.finished_at)),
    }
}

/// The API names the runtime in a container's id. Every runtime is reached through CRI, so that is its name here.
fn prefixed(id: &str) -> String {
    format!("cri://{id}")
}
