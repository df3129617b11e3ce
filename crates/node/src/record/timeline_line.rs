//! One line of `timeline.jsonl`: something that happened, or the record of a whole restart.

use reprise_core::probe::ProbeKind;
use reprise_core::step::StepRecord;
use reprise_core::timeline::{Entry, Happened};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// A line as written and read.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Line {
    /// A restart, complete.
    Step {
        /// Its record.
        step: StepRecord,
    },
    /// Anything else, as [`entry_json`] writes it.
    Entry(Map<String, Value>),
}

/// An entry as one flat JSON object: `time`, `epoch`, `event`, and what belongs to the event.
#[must_use]
pub fn entry_json(entry: &Entry) -> Map<String, Value> {
    let mut line = Map::new();
    line.insert("time".to_owned(), json!(entry.time));
    line.insert("epoch".to_owned(), json!(entry.epoch));
    line.insert("event".to_owned(), json!(entry.happened.name()));
    let mut put = |key: &str, value: Value| {
        if !matches!(&value, Value::Null) && value.as_str() != Some("") {
            line.insert(key.to_owned(), value);
        }
    };
    match &entry.happened {
        Happened::PodAdmitted
        | Happened::ContainersKilled
        | Happened::ContainersRemoved
        | Happened::PodReady
        | Happened::PodSucceeded => {}
        Happened::SandboxReady { sandbox, ip } => {
            put("sandbox", json!(sandbox));
            put("ip", json!(ip));
        }
        Happened::ContainerStarted { container } => put("container", json!(container)),
        Happened::ContainerExited { container, exit_code, rule, reason, message } => {
            put("container", json!(container));
            put("exitCode", json!(exit_code));
            put("rule", json!(rule));
            put("reason", json!(reason));
            put("message", json!(message));
        }
        Happened::ContainerCondemned { container, probe, message } => {
            put("container", json!(container));
            put("probe", json!(probe.map(ProbeKind::name)));
            put("message", json!(message));
        }
        Happened::RestartStepped { trigger } => {
            put("trigger", json!(trigger));
            put("message", json!(trigger.message()));
        }
        Happened::Backoff { container, until } => {
            put("container", json!(container));
            put("until", json!(until));
        }
        Happened::ImageFailed { container, reason, message } => {
            put("container", json!(container));
            put("reason", json!(reason));
            put("message", json!(message));
        }
        Happened::SetupFailed { container, reason, message } => {
            put("container", json!(container));
            put("reason", json!(reason));
            put("message", json!(message));
        }
        Happened::PodRefused { reason, message } | Happened::PodFailed { reason, message } => {
            put("reason", json!(reason));
            put("message", json!(message));
        }
    }
    line
}
