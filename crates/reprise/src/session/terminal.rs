//! This process's terminal: passed through byte by byte while a program in a container has it.

use std::io::{self, IsTerminal};

use anyhow::{Context, Result};
use reprise_streaming::TerminalSize;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Whether there is a terminal to be had; with input, that is where it has to come from.
pub fn is_there(with_input: bool) -> bool {
    if with_input { io::stdin().is_terminal() } else { io::stdout().is_terminal() }
}

/// Keys are passed on as they are, also Ctrl-C, until this is dropped.
pub struct RawMode(Termios);

impl RawMode {
    /// Switches the terminal over.
    pub fn enter() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(io::stdin(), OptionalActions::Now, &raw)?;
        Ok(Self(before))
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        if let Err(e) = tcsetattr(io::stdin(), OptionalActions::Drain, &self.0) {
            eprintln!("warning: the terminal could not be set back ({e}): `reset` does it");
        }
    }
}

/// The size of the terminal's window, now and whenever it changes.
pub struct Window {
    changes: Signal,
    is_first: bool,
}

impl Window {
    /// From now on changes are noticed.
    pub fn watch() -> Result<Self> {
        let changes = signal(SignalKind::window_change()).context("can't listen for signals")?;
        Ok(Self { changes, is_first: true })
    }

    /// The size at first, and then each new one.
    pub async fn next(&mut self) -> TerminalSize {
        loop {
            if !std::mem::take(&mut self.is_first) {
                self.changes.recv().await;
            }
            let size = tcgetwinsize(io::stdout()).or_else(|_| tcgetwinsize(io::stdin()));
            if let Ok(size) = size {
                return TerminalSize { width: size.ws_col, height: size.ws_row };
            }
        }
    }
}
