//! The Pod's conditions, and when each last changed.

use k8s_openapi::api::core::v1::{ContainerStatus, PodCondition};

use super::super::pass::Pass;
use super::containers::Statuses;
use super::seconds;
use crate::ledger::ConditionRecord;
use crate::roles::Role;
use crate::rules;
use crate::timeline::Happened;

struct Condition {
    kind: &'static str,
    status: bool,
    reason: Option<String>,
    message: Option<String>,
}

impl Condition {
    fn plain(kind: &'static str, status: bool) -> Self {
        Self { kind, status, reason: None, message: None }
    }

    fn because(kind: &'static str, status: bool, reason: &str, message: Option<String>) -> Self {
        Self { kind, status, reason: Some(reason.to_owned()), message }
    }
}

pub(super) fn report(pass: &mut Pass<'_>, statuses: &Statuses, phase: &str) -> Vec<PodCondition> {
    if pass.ledger.is_refused() {
        return vec![published(pass, Condition::plain("PodScheduled", true))];
    }
    let over = pass.ledger.ending.as_ref().is_some_and(|e| e.over);
    let mut list = vec![
        Condition::plain("PodReadyToStartContainers", pass.ledger.sandbox.is_some() && !over),
        initialized(pass, statuses, phase),
        gated(pass, readiness("Ready", pass, statuses, phase)),
        readiness("ContainersReady", pass, statuses, phase),
        Condition::plain("PodScheduled", true),
    ];
    list.extend(restarting(pass));
    if list.iter().any(|c| c.kind == "Ready" && c.status) {
        note_ready(pass);
    }
    list.into_iter().map(|c| published(pass, c)).collect()
}

/// Semantics section 3: a restart keeps the value, so what was once initialized stays so.
fn initialized(pass: &Pass<'_>, statuses: &Statuses, phase: &str) -> Condition {
    let was = pass.ledger.conditions.get("Initialized").is_some_and(|c| c.status);
    if phase == "Succeeded" {
        return Condition::because("Initialized", true, "PodCompleted", None);
    }
    if pass.ledger.initialized || was {
        return Condition::plain("Initialized", true);
    }
    let open = statuses.init.iter().filter(|s| !s.ready).map(|s| s.name.as_str());
    let message = format!("containers with incomplete status: [{}]", open.collect::<Vec<_>>().join(" "));
    Condition::because("Initialized", false, "ContainersNotInitialized", Some(message))
}

fn readiness(kind: &'static str, pass: &Pass<'_>, statuses: &Statuses, phase: &str) -> Condition {
    match phase {
        "Succeeded" => return Condition::because(kind, false, "PodCompleted", None),
        "Failed" => return Condition::because(kind, false, "PodFailed", None),
        _ => {}
    }
    let lasting = |s: &&ContainerStatus| pass.containers.iter().any(|c| c.name() == s.name && c.role != Role::Init);
    let open: Vec<_> = statuses
        .init
        .iter()
        .filter(lasting)
        .chain(&statuses.regular)
        .filter(|s| !s.ready)
        .map(|s| s.name.as_str())
        .collect();
    if open.is_empty() && pass.ledger.initialized && pass.ledger.step.is_none() {
        return Condition::plain(kind, true);
    }
    let message = format!("containers with unready status: [{}]", open.join(" "));
    Condition::because(kind, false, "ContainersNotReady", Some(message))
}

/// A Pod with readiness gates is ready when its containers are and all of these conditions, which others set, are true.
fn gated(pass: &Pass<'_>, ready: Condition) -> Condition {
    let gates = pass.spec().and_then(|s| s.readiness_gates.as_deref()).unwrap_or_default();
    let set = pass.desired.pod.status.as_ref().and_then(|s| s.conditions.as_deref()).unwrap_or_default();
    let status = |kind: &str| set.iter().find(|c| c.type_ == kind).map(|c| c.status.as_str());
    let closed = gates.iter().map(|g| g.condition_type.as_str()).filter(|kind| status(kind) != Some("True"));
    let reasons: Vec<String> = closed
        .map(|kind| match status(kind) {
            None => format!("corresponding condition of pod readiness gate \"{kind}\" does not exist."),
            Some(value) => format!("the status of pod readiness gate \"{kind}\" is not \"True\", but {value}"),
        })
        .collect();
    if !ready.status || reasons.is_empty() {
        return ready;
    }
    Condition::because("Ready", false, "ReadinessGatesNotReady", Some(reasons.join(", ")))
}

/// `True` from the record of the step until the last old container is gone (semantics sections 3.1 and 3.5).
fn restarting(pass: &Pass<'_>) -> Option<Condition> {
    const KIND: &str = "AllContainersRestarting";
    if let Some(step) = pass.ledger.step.as_ref().filter(|s| s.removed_at.is_none()) {
        let message = Some(step.trigger.message());
        return Some(Condition::because(KIND, true, "RestartAllContainersStarted", message));
    }
    let carried = rules::can_restart_in_place(pass.desired.pod, &pass.desired.gates) || pass.ledger.epoch > 0;
    carried.then(|| Condition::plain(KIND, false))
}

fn note_ready(pass: &mut Pass<'_>) {
    if pass.ledger.conditions.get("Ready").is_some_and(|c| c.status) {
        return;
    }
    let (now, epoch) = (pass.now, pass.ledger.epoch);
    if let Some(step) = pass.ledger.last_step.as_mut().filter(|s| s.epoch == epoch) {
        step.ready_at.get_or_insert(now);
    }
    pass.note(now, Happened::PodReady);
}

fn published(pass: &mut Pass<'_>, c: Condition) -> PodCondition {
    let record = pass.ledger.conditions.get(c.kind).filter(|known| known.status == c.status);
    let since = record.map_or(pass.now, |known| known.since);
    pass.ledger.conditions.insert(c.kind.to_owned(), ConditionRecord { status: c.status, since });
    PodCondition {
        type_: c.kind.to_owned(),
        status: if c.status { "True" } else { "False" }.to_owned(),
        reason: c.reason,
        message: c.message,
        last_transition_time: Some(seconds(since)),
        observed_generation: pass.desired.pod.metadata.generation,
        ..PodCondition::default()
    }
}
