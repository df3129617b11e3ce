//! Starts a program in a container, as what the container's own process is.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use libcontainer::container::builder::ContainerBuilder;
use libcontainer::container::{Container, ContainerStatus};
use libcontainer::syscall::syscall::SyscallType;
use rustix::pipe::{PipeFlags, pipe_with};
use serde_json::{Value, json};

use super::protocol::TERMINAL;
use super::terminal::Taking;
use crate::cgroup;
use crate::create::executor::ProgramExecutor;
use crate::create::{Creation, give_pipe, report};
use crate::disk;
use crate::error::chain;
use crate::handover;
use crate::layout::ContainerDir;
use crate::seccomp::Filters;
use crate::terminal::Console;

/// Starts the program on the streams that the runtime sends: its process, and the master end of its terminal if it has
/// one.
pub fn start(
    folder: &ContainerDir,
    session: &Path,
    runtime: &UnixStream,
    command: &[&str],
) -> Result<(i32, Option<OwnedFd>), String> {
    let creation: Creation = disk::read(&folder.creation())
        .map_err(|e| chain(&e))?
        .ok_or_else(|| format!("{} is missing", folder.creation().display()))?;
    settle(folder, &creation)?;
    let mut word = [0; 16];
    let (length, streams) = handover::receive(runtime, &mut word).map_err(|e| format!("hear the runtime: {e}"))?;
    let tty = &word[..length] == TERMINAL;
    streams.iter().for_each(|stream| give_pipe(stream, creation.owner));
    write_process(folder, session, &creation.id, command, tty).map_err(|e| chain(&*e))?;
    let console = tty.then(|| Console::listen(session)).transpose().map_err(|e| format!("make the terminal: {e}"))?;
    build(&creation, session, streams, console)
}

/// What the program inherits from this process.
fn settle(folder: &ContainerDir, creation: &Creation) -> Result<(), String> {
    if let Some(adjustment) = creation.oom_score_adj {
        // Negative values need CAP_SYS_RESOURCE; the runtime has said so once if this machine refuses them.
        let _ = std::fs::write("/proc/self/oom_score_adj", adjustment.to_string());
    }
    let first = std::fs::read_to_string(folder.pid_file()).ok().and_then(|pid| pid.trim().parse().ok());
    let first = first.ok_or("the container's process is not known")?;
    cgroup::join_uncontrolled(first).map_err(|e| format!("join the container's cgroups: {e}"))
}

/// Has libcontainer start the program, and waits until it runs.
fn build(
    creation: &Creation,
    session: &Path,
    streams: Vec<OwnedFd>,
    console: Option<Console>,
) -> Result<(i32, Option<OwnedFd>), String> {
    let seccomp = creation.seccomp.as_deref().map(Filters::load).transpose().map_err(|e| chain(&e))?;
    let (failure, executed) = pipe_with(PipeFlags::CLOEXEC).map_err(|e| e.to_string())?;
    let socket = console.as_ref().map(|console| console.path().to_owned());
    let terminal = console.map(|console| Taking::begin(console, creation.owner.0)).transpose();
    let terminal = terminal.map_err(|e| format!("take the terminal: {e}"))?;
    let executor = ProgramExecutor::new(executed.as_raw_fd(), seccomp, creation.selinux.clone());
    let mut builder = ContainerBuilder::new(creation.id.clone(), SyscallType::default())
        .with_root_path(session)
        .map_err(|e| chain(&e))?
        .with_executor(executor.behind(terminal.as_ref().map(Taking::gate)))
        .with_console_socket(socket);
    let mut streams = streams.into_iter();
    if let (Some(stdin), Some(stdout), Some(stderr)) = (streams.next(), streams.next(), streams.next()) {
        builder = builder.with_stdin(stdin).with_stdout(stdout).with_stderr(stderr);
    }
    let log = session.join("error");
    report::errors_to(&log);
    let tenant = builder.as_tenant().with_process(Some(process_file(session))).with_detach(true);
    let pid = tenant.build().map_err(|e| report::read(&log, &chain(&e)))?.as_raw();
    drop(executed);
    let mut sentence = String::new();
    match File::from(failure).read_to_string(&mut sentence) {
        Ok(0) => {
            let terminal = terminal.map(Taking::end).transpose().map_err(|e| format!("the terminal: {e}"))?;
            Ok((pid, terminal))
        }
        Ok(_) => Err(sentence),
        Err(e) => Err(format!("hear whether the program runs: {e}")),
    }
}

fn process_file(session: &Path) -> PathBuf {
    session.join("process.json")
}

/// Leaves for libcontainer what the process is to be: the container's own but for command and terminal; and a copy of its
/// record of the container, in which the container runs: the shim starts containers without touching the original.
fn write_process(
    folder: &ContainerDir,
    session: &Path,
    id: &str,
    command: &[&str],
    tty: bool,
) -> Result<(), Box<dyn std::error::Error>> {
    let spec: Value = disk::read(&folder.bundle().join("config.json"))?.ok_or("the container's config is missing")?;
    let mut process = spec.get("process").cloned().ok_or("the container's config has no process")?;
    process["args"] = json!(command);
    process["terminal"] = json!(tty);
    let term = |v: &Value| v.as_str().is_some_and(|v| v.starts_with("TERM="));
    if let Some(variables) = process["env"].as_array_mut().filter(|env| tty && !env.iter().any(term)) {
        variables.push(json!("TERM=xterm"));
    }
    disk::write(&process_file(session), &process, false)?;
    let copy = session.join(id);
    std::fs::create_dir(&copy)?;
    std::fs::copy(folder.state_root().join(id).join("state.json"), copy.join("state.json"))?;
    let mut container = Container::load(copy)?;
    if container.status() == ContainerStatus::Created {
        container.set_status(ContainerStatus::Running).save()?;
    }
    Ok(())
}
