//! The one place where it is decided what happens to a Pod.
//!
//! [`plan`] takes what is wanted, what is seen, what is remembered and the time, all as values, and
//! returns what to do, what to remember and what to report. It is called after every event and after
//! every crash; the same inputs give the same answer.
//!
//! A pass folds what is seen into the ledger, then takes the first of these that applies:
//!
//! ```text
//! being deleted -> terminate        has come to its end -> wind down
//! step under way -> advance it      an exit or request triggers -> record a step, advance it
//! sandbox lost -> begin again       otherwise -> start what is next
//! ```
//!
//! The node writes a ledger with a new step, exit or epoch to disk before it carries out any action. That alone gives
//! R1: the pass that records a step also asks for the first kill.

mod devices;
mod ending;
mod fold;
mod health;
mod pass;
mod restart;
mod sandbox;
mod startup;
mod status;
mod trigger;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Pod, PodStatus};

use crate::action::Action;
use crate::backoff::BackoffLimits;
use crate::gates::FeatureGates;
use crate::ledger::Ledger;
use crate::observed::Observed;
use crate::plan::pass::Pass;
use crate::probe::ProbeTask;
use crate::timeline::{Entry, Happened};

/// What is wanted of a Pod, and the node's settings that decisions depend on.
#[derive(Debug, Clone, Copy)]
pub struct Desired<'a> {
    /// The Pod, admitted. Its `metadata.deletionTimestamp` says that it is being deleted and until when.
    pub pod: &'a Pod,
    /// The node's feature gates.
    pub gates: FeatureGates,
    /// The node's back-off limits; an annotation can override them for in-place restarts.
    pub limits: BackoffLimits,
    /// The node's address, for `status.hostIP`.
    pub host_ip: Option<&'a str>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// What to do now, in any order or at once. Repeated until it is seen to be done.
    pub actions: Vec<Action>,
    /// What to remember; what the runtime can't be asked for again is durable before any action is carried out.
    pub ledger: Ledger,
    /// The probes that run now; all others end.
    pub probes: Vec<ProbeTask>,
    /// What to report.
    pub status: PodStatus,
    /// What happened since the last pass, in order.
    pub entries: Vec<Entry>,
    /// When to look again if nothing happens before; `now` means at once.
    pub wake_at: Option<Timestamp>,
    /// Where the Pod stands with the node.
    pub stage: Stage,
}

/// Where a Pod stands with the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// There is more to do or to wait for.
    Live,
    /// It has succeeded or failed and nothing of it is left in the runtime. Its record stays until it is deleted.
    Ended,
    /// It has been deleted and nothing of it is left in the runtime: volumes and record can go.
    Gone,
}

/// Decides about one Pod. See the module's documentation for the order of decisions.
#[must_use]
pub fn plan(desired: &Desired<'_>, observed: &Observed, ledger: &Ledger, now: Timestamp) -> Plan {
    let mut pass = Pass::new(desired, observed, ledger.clone(), now);
    pass.admit();
    fold::observe(&mut pass);
    let stage = decide(&mut pass);
    let probes = health::probes(&pass);
    let status = status::report(&mut pass);
    let Pass { ledger, actions, entries, wake_at, .. } = pass;
    Plan { actions, ledger, probes, status, entries, wake_at, stage }
}

fn decide(pass: &mut Pass<'_>) -> Stage {
    if let Some(deadline) = pass.deletion_deadline() {
        return ending::delete(pass, deadline);
    }
    if pass.ledger.ending.is_none() {
        ending::cut_short(pass);
    }
    if pass.ledger.ending.is_none() {
        trigger::check(pass);
        if pass.ledger.step.is_some() && !restart::advance(pass) {
            return Stage::Live;
        }
        ending::complete(pass);
    }
    if pass.ledger.ending.is_some() {
        return ending::wind_down(pass);
    }
    for (container, until) in std::mem::take(&mut pass.backoffs) {
        pass.note(pass.now, Happened::Backoff { container: Some(container), until });
    }
    if !devices::ensure(pass) {
        return Stage::Live;
    }
    if !sandbox::is_lost(pass) || sandbox::begin_again(pass) {
        startup::advance(pass);
    }
    // An agent that died before it recorded that all was initialized finds out now, perhaps after all work was done.
    if ending::completion(pass).is_some() {
        pass.wake(pass.now);
    }
    Stage::Live
}
