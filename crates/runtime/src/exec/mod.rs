//! The helper that runs a program in a running container and ends as that program does.
//!
//! It is a child of the runtime, not of the shim: whoever asked for the program waits for it. Its standard input is the
//! way to the runtime: over it come the program's own streams, over it goes the word whether the program runs, and when
//! it is closed, be it because the client is gone or the runtime is, the program is ended with all that it has started.

mod end;
pub mod protocol;
mod start;
pub mod terminal;

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitCode;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, WaitOptions, pidfd_open, waitpid};

use crate::handover;
use crate::layout::ContainerDir;
use protocol::STARTED;

/// Exit code of a helper whose program never ran; the reason has been told.
const NEVER_RAN: u8 = 126;

/// The life of the helper. `session` is a folder of its own below the container's.
pub fn run(folder: &Path, session: &Path, command: &[&str]) -> ExitCode {
    let folder = ContainerDir::at(folder.to_owned());
    let runtime = match take_stdin() {
        Ok(runtime) => runtime,
        Err(e) => {
            eprintln!("exec: {e}");
            return ExitCode::from(NEVER_RAN);
        }
    };
    let started = start::start(&folder, session, &runtime, command);
    let told = match &started {
        Ok((_, terminal)) => {
            let terminal: Vec<_> = terminal.iter().map(AsFd::as_fd).collect();
            handover::send(&runtime, STARTED, &terminal)
        }
        Err(sentence) => handover::send(&runtime, sentence.as_bytes(), &[]),
    };
    match started {
        // A runtime that can't be told is gone: the program will be ended at once.
        Ok((pid, _)) => {
            drop(told);
            wait_for(pid, runtime)
        }
        Err(_) => ExitCode::from(NEVER_RAN),
    }
}

/// Moves the way to the runtime out of the place where the program's standard input is going to be.
fn take_stdin() -> std::io::Result<UnixStream> {
    let stdin = std::io::stdin();
    let runtime = stdin.as_fd().try_clone_to_owned()?;
    let null = std::fs::File::open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    Ok(UnixStream::from(runtime))
}

/// Waits for the program's end, or for the runtime's wish to end it.
fn wait_for(pid: i32, runtime: UnixStream) -> ExitCode {
    let Some(process) = Pid::from_raw(pid) else { return ExitCode::FAILURE };
    let descriptor = match pidfd_open(process, PidfdFlags::empty()) {
        Ok(descriptor) => descriptor,
        // Without one there is no waiting for both; it is ended rather than left alone.
        Err(_) => return ended(process, true),
    };
    loop {
        let mut both = [PollFd::new(&descriptor, PollFlags::IN), PollFd::new(&runtime, PollFlags::IN)];
        match poll(&mut both, None) {
            Err(Errno::INTR) => continue,
            Err(_) => return ended(process, true),
            Ok(_) => {}
        }
        if !both[0].revents().is_empty() {
            return ended(process, false);
        }
        if !both[1].revents().is_empty() {
            return ended(process, true);
        }
    }
}

fn ended(process: Pid, kill: bool) -> ExitCode {
    if kill {
        end::all_of(process.as_raw_nonzero().get());
    }
    let status = loop {
        match waitpid(Some(process), WaitOptions::empty()) {
            Ok(Some((_, status))) => break status,
            Ok(None) | Err(Errno::INTR) => {}
            Err(_) => return ExitCode::FAILURE,
        }
    };
    let code = status.exit_status().or(status.terminating_signal().map(|s| 128 + s)).unwrap_or_default();
    ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX))
}
