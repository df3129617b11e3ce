//! Reads a log as it grows, over all its files.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use reprise_node::{LogProgress, LogSource};

/// How often a growing file is looked at. Only what people read waits for it.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A log and how far it has been read.
pub struct Tail {
    path: PathBuf,
    source: LogSource,
}

impl Tail {
    pub fn new(path: PathBuf) -> Self {
        Self { source: LogSource::new(path.clone(), None), path }
    }

    /// Hands over all whole lines that are there now.
    pub fn read_lines(&mut self, mut line: impl FnMut(&[u8])) -> Result<()> {
        let mut read = || self.source.read(&mut line);
        while read().with_context(|| format!("reading the log {}", self.path.display()))? == LogProgress::Some {}
        Ok(())
    }

    /// Waits until it is time to look again.
    pub async fn pause() {
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
