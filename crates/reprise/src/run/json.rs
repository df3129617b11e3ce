//! The lines of `-o json`: one object each, flushed at once, so that a reader sees an event when it happens.

use std::io::{self, Write};

use anyhow::{Context, Result};
use jiff::Timestamp;
use reprise_core::step::Trigger;
use reprise_core::timeline::{Entry, Happened};
use reprise_node::{PodEvent, entry_json};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::pod::PodReport;

/// The line of a timeline entry.
pub fn entry_line(pod: &PodReport, entry: &Entry, since_trigger_ms: Option<f64>) -> Map<String, Value> {
    let mut line = about(pod, entry.time, entry.epoch);
    line.extend(entry_json(entry));
    line.insert("time".to_owned(), json!(microseconds(entry.time)));
    if let Happened::RestartStepped { trigger: Trigger::ContainerExit { container, exit_code, rule } } = &entry.happened
    {
        line.insert("container".to_owned(), json!(container));
        line.insert("exitCode".to_owned(), json!(exit_code));
        line.insert("rule".to_owned(), json!(rule));
    }
    if let Some(ms) = since_trigger_ms {
        line.insert("sinceTriggerMs".to_owned(), json!(ms));
    }
    line
}

/// The line of a Kubernetes Event.
pub fn event_line(pod: &PodReport, event: &PodEvent) -> Map<String, Value> {
    let mut line = about(pod, event.time, pod.epoch);
    line.extend(event_fields(event));
    line
}

/// The line of a Kubernetes Event about the node.
pub fn node_event_line(node: &str, event: &PodEvent) -> Map<String, Value> {
    let mut line = Map::new();
    line.insert("time".to_owned(), json!(microseconds(event.time)));
    line.insert("node".to_owned(), json!(node));
    line.extend(event_fields(event));
    line
}

fn event_fields(event: &PodEvent) -> Map<String, Value> {
    let mut line = Map::new();
    line.insert("event".to_owned(), json!("Event"));
    line.insert("type".to_owned(), json!(event.event_type));
    line.insert("reason".to_owned(), json!(event.reason));
    line.insert("message".to_owned(), json!(event.message));
    line.insert("count".to_owned(), json!(event.count));
    line.insert("firstTime".to_owned(), json!(microseconds(event.first_time)));
    line.insert("lastTime".to_owned(), json!(microseconds(event.last_time)));
    if let Some(path) = &event.field_path {
        line.insert("fieldPath".to_owned(), json!(path));
    }
    line
}

/// Writes one line.
pub fn print(line: &impl Serialize) -> Result<()> {
    let mut text = serde_json::to_vec(line).context("writing JSON")?;
    text.push(b'\n');
    let mut out = io::stdout().lock();
    out.write_all(&text).and_then(|()| out.flush()).context("writing to standard output")
}

fn about(pod: &PodReport, time: Timestamp, epoch: u64) -> Map<String, Value> {
    let mut line = Map::new();
    line.insert("time".to_owned(), json!(microseconds(time)));
    line.insert("pod".to_owned(), json!(pod.pod));
    line.insert("uid".to_owned(), json!(pod.uid));
    line.insert("epoch".to_owned(), json!(epoch));
    line
}

/// RFC 3339 with microseconds, always.
fn microseconds(time: Timestamp) -> String {
    format!("{time:.6}")
}
