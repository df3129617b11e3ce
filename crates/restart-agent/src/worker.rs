//! How the worker is let go, how signals reach it, and the exit codes that follow.

use std::io;
use std::process::{self, Command};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process, wait};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;

use crate::follow::say;
use crate::probe;
use crate::settings::Mode;

/// What ends a program that does nothing about it, and is passed on to a child.
const SIGNALS: [i32; 6] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2];
/// An exit code says by this which signal has ended a program.
const BY_SIGNAL: i32 = 128;
/// A child whose end can't be told is a failure.
const UNKNOWN_END: i32 = 1;

/// Why the worker could not be let go, or signals not be taken.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The port of the startup probe.
    #[error("can't listen on port {port} for the startup probe: does another container of the Pod have it?")]
    Probe {
        /// The port.
        port: u16,
        /// Why.
        source: io::Error,
    },
    /// The worker's shell.
    #[error("can't run {shell} for WORKER_COMMAND: the image needs a shell; SHELL names another one")]
    Shell {
        /// The shell.
        shell: String,
        /// Why.
        source: io::Error,
    },
    /// Signals.
    #[error("can't take signals")]
    Signals(#[source] io::Error),
}

/// The worker, behind the barrier or let go.
#[derive(Debug)]
pub struct Worker {
    mode: Mode,
    child: Arc<Mutex<Option<Pid>>>,
}

impl Worker {
    /// A worker that waits. From now on signals are taken: they end the agent, or reach the child once there is one.
    ///
    /// # Errors
    /// If signals can't be taken.
    pub fn new(mode: Mode) -> Result<Self, WorkerError> {
        let child = Arc::new(Mutex::new(None));
        let mut signals = Signals::new(SIGNALS).map_err(WorkerError::Signals)?;
        let target = Arc::clone(&child);
        let taken = move || signals.forever().for_each(|signal| take(signal, &target));
        thread::Builder::new().name("signals".to_owned()).spawn(taken).map_err(WorkerError::Signals)?;
        Ok(Self { mode, child })
    }

    /// Lets it go. To be called once.
    ///
    /// # Errors
    /// If it can't be.
    pub fn let_go(&self) -> Result<(), WorkerError> {
        match &self.mode {
            Mode::Sidecar { path, port } => {
                probe::serve(path, *port).map_err(|source| WorkerError::Probe { port: *port, source })
            }
            Mode::Main { command } => self.run(command),
        }
    }

    fn run(&self, command: &str) -> Result<(), WorkerError> {
        let shell = std::env::var("SHELL").ok().filter(|shell| !shell.is_empty());
        let shell = shell.unwrap_or_else(|| "/bin/sh".to_owned());
        let failed = |source| WorkerError::Shell { shell: shell.clone(), source };
        // A signal that comes now waits until there is somebody to pass it on to.
        let mut child = held(&self.child);
        let started = Command::new(&shell).arg("-c").arg(command).spawn().map_err(failed)?;
        let pid = Pid::from_child(&started);
        *child = Some(pid);
        let all = Arc::clone(&self.child);
        thread::Builder::new().name("worker".to_owned()).spawn(move || exit_with(pid, &all)).map_err(failed)?;
        Ok(())
    }

    /// Ends the agent with this code, and the worker before it.
    pub fn restart(&self, code: u8) -> ! {
        // Held to the end, so that the worker's own end is not taken for the agent's.
        let child = held(&self.child);
        if let Some(pid) = *child
            && let Err(error) = kill_process(pid, Signal::KILL)
        {
            say(&format!("the worker can't be killed: {error}"));
        }
        process::exit(i32::from(code))
    }
}

/// Passes a signal on, or ends as it says.
fn take(signal: i32, child: &Mutex<Option<Pid>>) {
    let child = held(child);
    let (Some(pid), Some(named)) = (*child, Signal::from_named_raw(signal)) else { process::exit(BY_SIGNAL + signal) };
    if let Err(error) = kill_process(pid, named) {
        say(&format!("signal {signal} can't be passed on to the worker: {error}"));
    }
}

/// Waits for the worker's end, and for those of all others that became children of this first process of the container.
fn exit_with(worker: Pid, child: &Mutex<Option<Pid>>) -> ! {
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid == worker => {
                let _last = held(child);
                process::exit(code_of(status));
            }
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => {
                say(&format!("the worker's end can't be waited for: {error}"));
                process::exit(UNKNOWN_END);
            }
        }
    }
}

fn code_of(status: WaitStatus) -> i32 {
    let by_signal = status.terminating_signal().map(|signal| BY_SIGNAL + signal);
    status.exit_status().or(by_signal).unwrap_or(UNKNOWN_END)
}

/// No panic happens while it is held.
fn held(child: &Mutex<Option<Pid>>) -> MutexGuard<'_, Option<Pid>> {
    child.lock().unwrap_or_else(PoisonError::into_inner)
}
