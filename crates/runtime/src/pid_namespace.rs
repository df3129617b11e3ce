//! The first process of a PID namespace that a Pod's containers share: it reaps, and it ends when it is killed.

use std::convert::Infallible;
use std::ffi::CString;
use std::io;
use std::process::ExitCode;

use nix::sys::signal::{SigSet, Signal};
use rustix::process::{WaitOptions, wait};

use crate::reexec;

/// Starts it as a child of this process, which must have one thread. Returns its process id as seen from here.
pub fn start() -> io::Result<i32> {
    let program = CString::new("/proc/self/exe")?;
    let arguments = [CString::new("reprise")?, CString::new(reexec::INIT)?];
    // SAFETY: clone without a new stack behaves as fork does. The caller is single-threaded, so the child may do
    // anything; it only executes a program, or ends.
    let pid = unsafe { libc::syscall(libc::SYS_clone, libc::CLONE_NEWPID | libc::SIGCHLD, 0, 0, 0, 0) };
    match pid {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            // The shim's end must be that of the namespace, also if it is killed.
            let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
            let Err(e) = execute(&program, &arguments);
            eprintln!("shim: start the shared PID namespace: {e}");
            std::process::exit(1);
        }
        pid => Ok(i32::try_from(pid).unwrap_or_default()),
    }
}

fn execute(program: &CString, arguments: &[CString]) -> nix::Result<Infallible> {
    nix::unistd::execv(program, arguments)
}

/// The life of that process.
pub fn run() -> ExitCode {
    let mut mask = SigSet::empty();
    mask.add(Signal::SIGCHLD);
    if let Err(e) = mask.thread_block() {
        eprintln!("init: {e}");
        return ExitCode::FAILURE;
    }
    loop {
        if mask.wait().is_err() {
            return ExitCode::FAILURE;
        }
        while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
    }
}
