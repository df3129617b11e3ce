//! The in-place restart as a record: what triggered it, how far it is, how long each part took.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Why a Pod restarts in place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all_fields = "camelCase")]
pub enum Trigger {
    /// A container exited and one of its rules said `RestartAllContainers`.
    ContainerExit {
        /// The container's name.
        container: String,
        /// Its exit code.
        exit_code: i32,
        /// The index of the rule in its `restartPolicyRules`.
        rule: usize,
    },
    /// Somebody asked for it with the annotation `reprise.dev/restart-at` (semantics section 7).
    Requested {
        /// The annotation's value.
        at: Timestamp,
    },
}

impl Trigger {
    /// Whether the back-off counts it (semantics section 5): not an exit with code 0, which takes the
    /// next task from a clean slate, and not somebody's wish.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        matches!(self, Self::ContainerExit { exit_code, .. } if *exit_code != 0)
    }

    /// The sentence of the condition and the Event (semantics section 3.1).
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::ContainerExit { container, exit_code, rule } => {
                format!("container \"{container}\" exited with code {exit_code}, matching restartPolicyRules[{rule}]")
            }
            Self::Requested { at } => format!("restart requested by annotation reprise.dev/restart-at: {at}"),
        }
    }
}

/// A restart under way: on disk before the first container is killed (R1), gone when the next epoch begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// The epoch that it leads to.
    pub to: u64,
    /// Why.
    pub trigger: Trigger,
    /// When it was decided.
    pub recorded_at: Timestamp,
    /// The containers that ran then: those that end with SIGKILL were killed by this step.
    pub running: BTreeSet<String>,
    /// When the last container of the old epoch was gone from the runtime.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub removed_at: Option<Timestamp>,
    /// When the new epoch may begin, once the old containers are gone.
    pub resume_at: Timestamp,
}

/// What is kept of a restart (semantics section 7, timeline): its trigger and the time of every part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepRecord {
    /// The epoch that it led to.
    pub epoch: u64,
    /// Why.
    pub trigger: Trigger,
    /// When the triggering exit happened, or the request was seen. All durations count from here.
    pub triggered_at: Timestamp,
    /// When the last container of the old epoch was dead.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub killed_at: Option<Timestamp>,
    /// When the last container of the old epoch was gone from the runtime.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub removed_at: Option<Timestamp>,
    /// When the first init container's program started; unset for a Pod without one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub init_running_at: Option<Timestamp>,
    /// When the program of the last regular container started.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub main_running_at: Option<Timestamp>,
    /// When the Pod was Ready.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ready_at: Option<Timestamp>,
}

/// How long each part of a restart took, in milliseconds from its trigger. A part that did not happen is left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepMillis {
    /// Until the last old container was dead.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub killed: Option<f64>,
    /// Until the last old container was gone from the runtime.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub removed: Option<f64>,
    /// Until the first init container ran.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub init_running: Option<f64>,
    /// Until all regular containers ran.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub main_running: Option<f64>,
    /// Until the Pod was Ready.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ready: Option<f64>,
}

impl StepRecord {
    /// The durations, from the trigger to each part.
    #[must_use]
    pub fn millis(&self) -> StepMillis {
        let since = |at: Option<Timestamp>| at.map(|at| millis_between(self.triggered_at, at));
        StepMillis {
            killed: since(self.killed_at),
            removed: since(self.removed_at),
            init_running: since(self.init_running_at),
            main_running: since(self.main_running_at),
            ready: since(self.ready_at),
        }
    }
}

/// Milliseconds from `from` to `to`, to the microsecond; negative if `to` is earlier.
#[must_use]
pub fn millis_between(from: Timestamp, to: Timestamp) -> f64 {
    (to.duration_since(from).as_micros() as f64) / 1000.0
}
