//! Where a run tells what happens: lines of JSON for programs, or a timeline with logs for people.

use std::time::Duration;

use anyhow::Result;
use reprise_core::timeline::Entry;
use reprise_node::PodEvent;

use super::json;
use super::text::Text;
use crate::cli::Output;
use crate::logs::follow::PodLogs;
use crate::pod::PodReport;

/// How often logs are looked at while containers write. Only what people read waits for it.
const BUSY: Duration = Duration::from_millis(50);
/// The longest pause between two looks where nothing is written.
const IDLE: Duration = Duration::from_millis(400);

/// The output of a run.
pub enum Teller {
    Json,
    Text {
        text: Box<Text>,
        /// Until logs are looked at again.
        pause: Duration,
    },
    /// The reader is gone: there is only the end to wait for.
    Nobody,
}

impl Teller {
    pub fn new(output: Output) -> Self {
        match output {
            Output::Json => Self::Json,
            Output::Text => Self::Text { text: Box::new(Text::new()), pause: BUSY },
        }
    }

    /// Shows the logs of this Pod where logs are shown.
    pub fn follow(&mut self, logs: PodLogs) {
        if let Self::Text { text, .. } = self {
            text.follow(logs);
        }
    }

    pub fn entry(&mut self, pod: &PodReport, entry: &Entry, since_trigger_ms: Option<f64>) -> Result<()> {
        match self {
            Self::Json => json::print(&json::entry_line(pod, entry, since_trigger_ms)),
            Self::Text { text, .. } => text.entry(pod, entry, since_trigger_ms),
            Self::Nobody => Ok(()),
        }
    }

    pub fn event(&mut self, pod: &PodReport, event: &PodEvent) -> Result<()> {
        match self {
            Self::Json => json::print(&json::event_line(pod, event)),
            Self::Text { text, .. } => text.event(pod, event),
            Self::Nobody => Ok(()),
        }
    }

    /// An Event about the node itself.
    pub fn node_event(&mut self, node: &str, event: &PodEvent) -> Result<()> {
        match self {
            Self::Json => json::print(&json::node_event_line(node, event)),
            Self::Text { text, .. } => text.node_event(node, event),
            Self::Nobody => Ok(()),
        }
    }

    /// Shows what containers have written since.
    pub fn show_logs(&mut self) -> Result<()> {
        match self {
            Self::Text { text, pause } => {
                *pause = if text.show_logs()? { BUSY } else { IDLE.min(*pause * 2) };
                Ok(())
            }
            Self::Json | Self::Nobody => Ok(()),
        }
    }

    /// Waits until it is time to look at logs; for ever where none are shown. Loses nothing when it is dropped.
    pub async fn logs_due(&self) {
        match self {
            Self::Text { pause, .. } => tokio::time::sleep(*pause).await,
            Self::Json | Self::Nobody => std::future::pending().await,
        }
    }
}
