//! Ctrl-C during a benchmark: it ends in order, so that nothing of it is left on the machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, bail};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag::register;

/// Whether the user wants the program to end.
#[derive(Debug)]
pub struct Interruption {
    asked: Arc<AtomicBool>,
}

impl Interruption {
    /// From now on, a signal to end is only taken note of.
    pub fn watch() -> Result<Self> {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            register(signal, Arc::clone(&asked)).context("take note of signals")?;
        }
        Ok(Self { asked })
    }

    /// An error if the program is to end: what was measured since then means nothing.
    pub fn check(&self) -> Result<()> {
        if self.asked.load(Ordering::Relaxed) {
            bail!("interrupted");
        }
        Ok(())
    }
}
