//! A running exec or attach, as the container runtime sees it.

use tokio::io::AsyncWriteExt;
use tracing::debug;

use crate::link::Link;
use crate::outcome::Outcome;
use crate::resize::Resizes;
use crate::stream::{StreamReader, StreamWriter};

/// Which streams an exec or an attach has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommandStreams {
    stdin: bool,
    stdout: bool,
    stderr: bool,
    tty: bool,
}

/// Streams that do not go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CommandStreamsError {
    /// There is nothing to stream.
    #[error("one of stdin, stdout, or stderr must be set")]
    None,
    /// A terminal has one output.
    #[error("tty and stderr cannot both be true")]
    TtyWithStderr,
}

impl CommandStreams {
    /// As CRI's ExecRequest and AttachRequest name them, with CRI's rules.
    pub fn new(stdin: bool, stdout: bool, stderr: bool, tty: bool) -> Result<Self, CommandStreamsError> {
        if tty && stderr {
            return Err(CommandStreamsError::TtyWithStderr);
        }
        if !stdin && !stdout && !stderr {
            return Err(CommandStreamsError::None);
        }
        Ok(Self { stdin, stdout, stderr, tty })
    }

    /// Whether the client sends input.
    pub fn stdin(self) -> bool {
        self.stdin
    }

    /// Whether the client takes output.
    pub fn stdout(self) -> bool {
        self.stdout
    }

    /// Whether the client takes error output.
    pub fn stderr(self) -> bool {
        self.stderr
    }

    /// Whether there is a terminal, whose size may change.
    pub fn tty(self) -> bool {
        self.tty
    }
}

/// An exec or attach with a client at its other end. Dropping it closes the connection without an outcome.
///
/// The fields can be moved to where they are used; [`CommandControl::finish`] ends them all.
#[derive(Debug)]
pub struct CommandSession {
    /// Input of the client. It ends when the client has no more; it fails when the client is gone.
    pub stdin: Option<StreamReader>,
    /// Output for the client.
    pub stdout: Option<StreamWriter>,
    /// Error output for the client.
    pub stderr: Option<StreamWriter>,
    /// Sizes of the client's terminal.
    pub resizes: Resizes,
    /// The connection itself.
    pub control: CommandControl,
}

/// Ends a session, and knows when the client did.
#[derive(Debug)]
pub struct CommandControl {
    link: Link,
    error: StreamWriter,
    format: StatusFormat,
    /// Directions that nothing is written to, but whose end would tell old clients to stop.
    _unwritten: Vec<StreamWriter>,
}

/// How the outcome is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StatusFormat {
    /// Before version 4: failures only.
    Text,
    Json,
}

impl CommandControl {
    pub(crate) fn new(link: Link, error: StreamWriter, format: StatusFormat, unwritten: Vec<StreamWriter>) -> Self {
        Self { link, error, format, _unwritten: unwritten }
    }

    /// Waits until the client is gone.
    pub async fn closed(&self) {
        self.link.closed().await;
    }

    /// Tells the client how the command ended, after everything that was written before, and waits until the client has
    /// closed the connection or has had its time to do so.
    pub async fn finish(mut self, outcome: Outcome) {
        let error = self.error.stream();
        for stream in self.link.table().open_here() {
            if stream != error {
                self.link.end_local(stream);
            }
        }
        if let Err(error) = self.error.write_all(&self.status(&outcome)).await {
            debug!(%error, "a client went away before it was told how its command ended");
        }
        // Always succeeds: it only queues the end.
        let _ = self.error.shutdown().await;
        self.link.finish();
        self.link.closed().await;
    }

    fn status(&self, outcome: &Outcome) -> Vec<u8> {
        match self.format {
            StatusFormat::Text => outcome.to_text(),
            StatusFormat::Json => outcome.to_status(),
        }
    }
}

impl Drop for CommandControl {
    fn drop(&mut self) {
        self.link.finish();
    }
}
