//! The shim: one small process per sandbox that outlives the agent.
//!
//! It is the parent of the Pod's containers, so it alone learns their true exit codes, to the nanosecond; it writes
//! their logs and keeps their exits on disk until the runtime has them removed. It has one thread, one loop and no
//! async runtime: memory counts, there is one per Pod.

pub mod attachment;
pub mod connection;
mod event_loop;
mod held;
pub mod log_writer;
pub mod protocol;
mod setup;
mod streams;

use std::io::Write;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::ExitCode;

use crate::disk;
use crate::layout::{SHIM_CONFIG, SHIM_SOCKET};
use protocol::ShimConfig;

/// What a shim says first on its standard output: its namespaces are there. The network can be made while it goes on.
pub const NAMESPACES: &str = "namespaces";
/// What a shim says once it listens.
pub const READY: &str = "ready";

/// The life of a shim, in the process that was started for it.
pub fn run(folder: &Path) -> ExitCode {
    // It lives long: what whoever started the agent left open, such as a lock, must not live as long.
    // SAFETY: this process has just been started and has opened nothing yet that it could miss.
    unsafe { libc::close_range(3, libc::c_uint::MAX, 0) };
    match prepare(folder).and_then(|prepared| say(READY).map(|()| prepared)) {
        Ok((listener, pid_namespace)) => event_loop::run(listener, pid_namespace),
        Err(sentence) => {
            println!("{sentence}");
            ExitCode::FAILURE
        }
    }
}

fn prepare(folder: &Path) -> Result<(UnixListener, Option<i32>), String> {
    std::env::set_current_dir(folder).map_err(|e| format!("enter {}: {e}", folder.display()))?;
    let config: ShimConfig = disk::read(Path::new(SHIM_CONFIG))
        .map_err(|e| crate::error::chain(&e))?
        .ok_or_else(|| format!("{SHIM_CONFIG} is missing in {}", folder.display()))?;
    setup::enter_namespaces(&config).map_err(|e| crate::error::chain(&e))?;
    say(NAMESPACES)?;
    setup::become_sandbox(&config).map_err(|e| crate::error::chain(&e))?;
    let pid_namespace =
        if config.shared_pid { Some(crate::pid_namespace::start().map_err(|e| e.to_string())?) } else { None };
    let listener = UnixListener::bind(SHIM_SOCKET).map_err(|e| format!("listen on {SHIM_SOCKET}: {e}"))?;
    listener.set_nonblocking(true).map_err(|e| format!("listen on {SHIM_SOCKET}: {e}"))?;
    Ok((listener, pid_namespace))
}

/// A runtime that is gone knows nothing of this sandbox, nor ever will: that it can't be told is reason to end.
fn say(word: &str) -> Result<(), String> {
    let mut stdout = std::io::stdout();
    let said = writeln!(stdout, "{word}").and_then(|()| stdout.flush());
    said.map_err(|e| format!("the runtime went away: {e}"))
}
