//! A Pod's durable record: all that a decision needs and the runtime can't be asked for later.
//!
//! The node writes it (temp file, fsync, rename) when [`crate::plan::plan`] returns a changed one, before it acts; only
//! what the runtime can be asked for again may be written a moment later. After a crash the same inputs give the same
//! plan, because there is no other memory.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::backoff::Failures;
use crate::node_admission::Refusal;
use crate::step::{Step, StepRecord};

/// The version of the record's format that this code writes and reads.
pub const FORMAT: u32 = 1;

/// The durable record of one Pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ledger {
    /// The format's version, [`FORMAT`].
    pub format: u32,
    /// How often the Pod has been restarted in place.
    pub epoch: u64,
    /// When the node took the Pod on.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub started_at: Option<Timestamp>,
    /// By how much the clock was set since: `startedAt` is what it showed then.
    #[serde(skip_serializing_if = "SignedDuration::is_zero", default)]
    pub clock_set_by: SignedDuration,
    /// The restart under way.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub step: Option<Step>,
    /// The newest restart, under way or done.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_step: Option<StepRecord>,
    /// The sandbox that the Pod's containers are in.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sandbox: Option<SandboxRecord>,
    /// How many sandboxes the Pod has had.
    #[serde(default)]
    pub sandboxes: u32,
    /// All init containers of this epoch have run and all sidecars have been started.
    #[serde(default)]
    pub initialized: bool,
    /// What is known of each container, by name.
    #[serde(default)]
    pub containers: BTreeMap<String, ContainerRecord>,
    /// The in-place restart's back-off.
    #[serde(default)]
    pub failures: Failures,
    /// The newest `reprise.dev/restart-at` that was acted on or was there from the start.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub restart_at_handled: Option<Timestamp>,
    /// The Pod has come to its end: how it will be reported once all its containers are gone.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ending: Option<Ending>,
    /// Status and time of the last transition of each condition, by type.
    #[serde(default)]
    pub conditions: BTreeMap<String, ConditionRecord>,
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            format: FORMAT,
            epoch: 0,
            started_at: None,
            clock_set_by: SignedDuration::ZERO,
            step: None,
            last_step: None,
            sandbox: None,
            sandboxes: 0,
            initialized: false,
            containers: BTreeMap::new(),
            failures: Failures::default(),
            restart_at_handled: None,
            ending: None,
            conditions: BTreeMap::new(),
        }
    }
}

/// The sandbox a Pod is in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SandboxRecord {
    /// The runtime's id.
    pub id: String,
    /// Its addresses, the primary one first.
    pub ips: Vec<String>,
}

/// What is known of one container over all its runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerRecord {
    /// How many runs came before the current or next one. It is the attempt number in the runtime.
    pub restart_count: u32,
    /// The current run: created, running or ended; none if there is none in this epoch yet.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub run: Option<Run>,
    /// The end of the run before.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last: Option<Exit>,
    /// This container's own crash loop within the epoch.
    #[serde(default)]
    pub failures: Failures,
    /// When it may run again after `run` has ended.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub restart_after: Option<Timestamp>,
}

/// One run of a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// The runtime's id.
    pub id: String,
    /// The sandbox it is in.
    pub sandbox: String,
    /// Image as reported by the runtime.
    pub image: String,
    /// Image id as reported by the runtime.
    pub image_id: String,
    /// When its program started.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub started_at: Option<Timestamp>,
    /// It has come up: its postStart hook is done and its startup probe has passed.
    #[serde(default)]
    pub started: bool,
    /// Its postStart hook is done, or it has none.
    #[serde(default)]
    pub post_start_done: bool,
    /// Its readiness probe passes. Says nothing where there is no such probe.
    #[serde(default)]
    pub ready: bool,
    /// The node ends it although nobody asked for that.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub condemned: Option<Condemned>,
    /// How it ended.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub exit: Option<Exit>,
}

/// Why and how the node ends a run that would go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Condemned {
    /// A sentence: which probe or hook failed.
    pub message: String,
    /// When SIGKILL is due.
    pub deadline: Timestamp,
}

/// The end of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Exit {
    /// The runtime's id of the container that ended.
    pub id: String,
    /// Exit code, or 128 + signal.
    pub exit_code: i32,
    /// `Completed`, `Error`, `OOMKilled`, `RestartAllContainers`, `ContainerStatusUnknown`, ...
    pub reason: String,
    /// A sentence; may be empty.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub message: String,
    /// When the program was started, if it was.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Timestamp,
}

/// How a Pod ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// Whether it succeeded.
    pub succeeded: bool,
    /// The node did not take the Pod on: nothing of it was ever made.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub refused: bool,
    /// `DeadlineExceeded`, `Evicted`, `OutOfcpu`, ...; empty for the ordinary end.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub reason: String,
    /// A sentence; may be empty.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub message: String,
    /// When that was decided, or when the last container that mattered ended.
    pub at: Timestamp,
    /// All its containers have ended: the phase says how.
    #[serde(default)]
    pub over: bool,
}

/// What is remembered of a condition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConditionRecord {
    /// `True` or `False`.
    pub status: bool,
    /// When it last changed.
    pub since: Timestamp,
}

impl Ledger {
    /// The record of a Pod that the node does not take on.
    #[must_use]
    pub fn refused(refusal: Refusal, now: Timestamp) -> Self {
        let Refusal { reason, message } = refusal;
        let ending = Ending { refused: true, reason, message, ..Ending::plain(false, now) };
        Self { started_at: Some(now), ending: Some(ending), ..Self::default() }
    }

    /// Whether the Pod has succeeded or failed and none of its containers runs.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.ending.as_ref().is_some_and(|ending| ending.over)
    }

    /// Whether the node did not take the Pod on.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.ending.as_ref().is_some_and(|ending| ending.refused)
    }
}

impl Ending {
    /// An end that says for itself why it came.
    #[must_use]
    pub fn plain(succeeded: bool, at: Timestamp) -> Self {
        Self { succeeded, refused: false, reason: String::new(), message: String::new(), at, over: false }
    }
}

impl Run {
    /// Whether its program runs, as far as is known.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.started_at.is_some() && self.exit.is_none()
    }

    /// Whether it runs and is to go on running.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.is_running() && self.condemned.is_none()
    }
}

impl ContainerRecord {
    /// Whether the current run has been started, be it running or ended.
    #[must_use]
    pub fn was_started(&self) -> bool {
        self.run.as_ref().is_some_and(|r| r.started_at.is_some() || r.exit.is_some())
    }

    /// The exit of the current run.
    #[must_use]
    pub fn exit(&self) -> Option<&Exit> {
        self.run.as_ref().and_then(|r| r.exit.as_ref())
    }
}
