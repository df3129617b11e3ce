//! Reads a log file as it grows.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};

/// How often a growing file is looked at. Only what people read waits for it.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A log file and how far it has been read.
pub struct Tail {
    path: PathBuf,
    file: Option<File>,
    rest: Vec<u8>,
}

impl Tail {
    pub fn new(path: PathBuf) -> Self {
        Self { path, file: None, rest: Vec::new() }
    }

    /// Hands over all whole lines that are there now.
    pub fn read_lines(&mut self, mut line: impl FnMut(&[u8])) -> Result<()> {
        if self.file.is_none() {
            match File::open(&self.path) {
                Ok(file) => self.file = Some(file),
                Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
                Err(e) => return Err(e).with_context(|| format!("opening the log {}", self.path.display())),
            }
        }
        if let Some(file) = &mut self.file {
            file.read_to_end(&mut self.rest).with_context(|| format!("reading the log {}", self.path.display()))?;
        }
        let mut begin = 0;
        while let Some(length) = self.rest[begin..].iter().position(|b| *b == b'\n') {
            line(&self.rest[begin..begin + length]);
            begin += length + 1;
        }
        self.rest.drain(..begin);
        Ok(())
    }

    /// Waits until it is time to look again.
    pub async fn pause() {
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
