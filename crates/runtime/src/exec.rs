//! The helper that runs a program in a running container and ends as that program does.
//!
//! Its standard streams are the program's. It is a child of the runtime, not of the shim: whoever asked for the
//! program waits for it.

use std::path::Path;
use std::process::ExitCode;

use libcontainer::container::builder::ContainerBuilder;
use libcontainer::container::{Container, ContainerStatus};
use libcontainer::error::LibcontainerError;
use libcontainer::syscall::syscall::SyscallType;
use rustix::process::{Pid, WaitOptions, waitpid};

use crate::create::Creation;
use crate::create::executor::ProgramExecutor;
use crate::disk;
use crate::error::chain;
use crate::layout::ContainerDir;
use crate::seccomp::Filters;

/// Exit code when the program could not be run at all, as a shell's for "cannot execute".
const CANNOT_RUN: u8 = 126;
/// A program is started long before this.
const SOCKET_IN_USE: std::time::Duration = std::time::Duration::from_secs(5);

/// The life of the helper.
pub fn run(folder: &Path, command: &[&str]) -> ExitCode {
    let folder = ContainerDir::at(folder.to_owned());
    let code = start(&folder, command).and_then(wait_for);
    // libcontainer leaves a socket behind for every such program.
    remove_sockets(&folder);
    match code {
        Ok(code) => ExitCode::from(code),
        Err(sentence) => {
            eprintln!("{sentence}");
            ExitCode::from(CANNOT_RUN)
        }
    }
}

fn start(folder: &ContainerDir, command: &[&str]) -> Result<i32, String> {
    let creation: Creation = disk::read(&folder.creation())
        .map_err(|e| chain(&e))?
        .ok_or_else(|| format!("{} is missing", folder.creation().display()))?;
    let seccomp = creation.seccomp.as_deref().map(Filters::load).transpose().map_err(|e| chain(&e))?;
    mark_running(&folder.state_root().join(&creation.id)).map_err(|e| chain(&e))?;
    let pid = ContainerBuilder::new(creation.id, SyscallType::default())
        .with_root_path(folder.state_root())
        .map_err(|e| chain(&e))?
        .with_executor(ProgramExecutor::new(-1, seccomp))
        .as_tenant()
        .with_container_args(command.iter().map(|&a| a.to_owned()).collect())
        .with_detach(true)
        .build()
        .map_err(|e| chain(&e))?;
    Ok(pid.as_raw())
}

/// The shim starts containers without touching libcontainer's record of them, which is off the restart's path; here it
/// is brought up to date.
fn mark_running(state: &Path) -> Result<(), LibcontainerError> {
    let mut container = Container::load(state.to_owned())?;
    if container.status() == ContainerStatus::Created {
        container.set_status(ContainerStatus::Running).save()?;
    }
    Ok(())
}

fn wait_for(pid: i32) -> Result<u8, String> {
    let status = loop {
        match waitpid(Pid::from_raw(pid), WaitOptions::empty()) {
            Ok(Some((_, status))) => break status,
            Ok(None) | Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(format!("wait for process {pid}: {e}")),
        }
    };
    let code = status.exit_status().or(status.terminating_signal().map(|s| 128 + s)).unwrap_or_default();
    Ok(u8::try_from(code).unwrap_or(u8::MAX))
}

/// Only old ones: those of programs that are being started at this moment are still needed.
fn remove_sockets(folder: &ContainerDir) {
    let states = std::fs::read_dir(folder.state_root()).into_iter().flatten().flatten();
    for entry in states.filter_map(|state| std::fs::read_dir(state.path()).ok()).flatten().flatten() {
        let age = entry.metadata().and_then(|m| m.modified()).ok().and_then(|at| at.elapsed().ok());
        let left_over = entry.file_name().to_string_lossy().starts_with("tenant-notify-");
        if left_over && age.is_some_and(|age| age > SOCKET_IN_USE) {
            // What can't be removed now goes with the container.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}
