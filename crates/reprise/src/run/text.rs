//! What people see of a run: the timeline, and between its lines the containers' logs in the order they came.

use std::io::{self, Write};

use anyhow::{Context, Result};
use jiff::Timestamp;
use reprise_core::timeline::Entry;
use reprise_node::PodEvent;

use super::timeline_text;
use crate::logs::follow::PodLogs;
use crate::pod::PodReport;

/// The text output of a run.
pub struct Text {
    begun: Timestamp,
    logs: Vec<PodLogs>,
}

impl Text {
    /// Times count from now.
    pub fn new() -> Self {
        Self { begun: Timestamp::now(), logs: Vec::new() }
    }

    /// Shows the logs of this Pod too.
    pub fn follow(&mut self, logs: PodLogs) {
        self.logs.push(logs);
    }

    /// One line of the timeline. What containers wrote before is shown before.
    pub fn entry(&mut self, pod: &PodReport, entry: &Entry, since_trigger_ms: Option<f64>) -> Result<()> {
        self.show_logs()?;
        print(&timeline_text::line(self.begun, pod.short_name(), entry, since_trigger_ms))
    }

    /// One Kubernetes Event.
    pub fn event(&mut self, pod: &PodReport, event: &PodEvent) -> Result<()> {
        let object = event.field_path.as_deref().map(|path| format!(" {path}")).unwrap_or_default();
        self.event_of(&format!("{}{object}", pod.short_name()), event)
    }

    /// One Kubernetes Event about the node.
    pub fn node_event(&mut self, node: &str, event: &PodEvent) -> Result<()> {
        self.event_of(&format!("node {node}"), event)
    }

    fn event_of(&mut self, object: &str, event: &PodEvent) -> Result<()> {
        self.show_logs()?;
        let kind = format!("{:?}", event.event_type);
        let (reason, often) = (&event.reason, often(event));
        print(&format!("{:>8}  {object}  {kind} {reason}{often}: {}", "event", event.message))
    }

    /// Prints what the containers have written since the last time. True if they have.
    pub fn show_logs(&mut self) -> Result<bool> {
        let mut out = io::stdout().lock();
        let mut new = false;
        for logs in &mut self.logs {
            logs.read(|pod, container, text| {
                new = true;
                write!(out, "{pod} {container} | ")
                    .and_then(|()| out.write_all(text))
                    .and_then(|()| out.write_all(b"\n"))
            })?;
        }
        self.logs.retain(|logs| !logs.is_gone());
        out.flush().context("writing to standard output")?;
        Ok(new)
    }
}

/// How often it has happened, as kubectl shows it; nothing for the first time.
fn often(event: &PodEvent) -> String {
    if event.count < 2 {
        return String::new();
    }
    let over = event.last_time.duration_since(event.first_time).as_secs();
    format!(" (x{} over {over}s)", event.count)
}

fn print(line: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).context("writing to standard output")
}
