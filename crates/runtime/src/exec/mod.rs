//! The helper that runs a program in a running container and ends as that program does.
//!
//! It is a child of the runtime, not of the shim: whoever asked for the program waits for it. Its standard input is the
//! way to the runtime: over it come the program's own streams, over it goes the word whether the program runs, and when
//! it is closed, be it because the client is gone or the runtime is, the program is ended with all that it has started.

mod end;
pub mod protocol;

use std::io::Read;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitCode;

use libcontainer::container::builder::ContainerBuilder;
use libcontainer::container::{Container, ContainerStatus};
use libcontainer::syscall::syscall::SyscallType;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{Gid, Uid, fchown};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, PidfdFlags, WaitOptions, pidfd_open, waitpid};
use serde_json::{Value, json};

use crate::create::Creation;
use crate::create::executor::ProgramExecutor;
use crate::create::report;
use crate::disk;
use crate::error::chain;
use crate::handover;
use crate::layout::ContainerDir;
use crate::seccomp::Filters;
use crate::terminal::Console;
use protocol::{STARTED, TERMINAL};

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
    let started = start(&folder, session, &runtime, command);
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

/// Starts the program: its process, and the master end of its terminal if it has one.
fn start(
    folder: &ContainerDir,
    session: &Path,
    runtime: &UnixStream,
    command: &[&str],
) -> Result<(i32, Option<OwnedFd>), String> {
    let creation: Creation = disk::read(&folder.creation())
        .map_err(|e| chain(&e))?
        .ok_or_else(|| format!("{} is missing", folder.creation().display()))?;
    let seccomp = creation.seccomp.as_deref().map(Filters::load).transpose().map_err(|e| chain(&e))?;
    if let Some(adjustment) = creation.oom_score_adj {
        // Inherited by the program. Negative values need CAP_SYS_RESOURCE; the runtime has said if they are refused.
        let _ = std::fs::write("/proc/self/oom_score_adj", adjustment.to_string());
    }
    let mut word = [0; 16];
    let (length, streams) = handover::receive(runtime, &mut word).map_err(|e| format!("hear the runtime: {e}"))?;
    let tty = &word[..length] == TERMINAL;
    write_process(folder, session, &creation.id, command, tty).map_err(|e| chain(&*e))?;
    let console = tty.then(|| Console::listen(session)).transpose().map_err(|e| format!("make the terminal: {e}"))?;
    let (failure, executed) = pipe_with(PipeFlags::CLOEXEC).map_err(|e| e.to_string())?;
    let mut builder = ContainerBuilder::new(creation.id.clone(), SyscallType::default())
        .with_root_path(session)
        .map_err(|e| chain(&e))?
        .with_executor(ProgramExecutor::new(executed.as_raw_fd(), seccomp, creation.selinux.clone()))
        .with_console_socket(console.as_ref().map(Console::path));
    for stream in &streams {
        // If it can't be given away, using the open descriptor still works.
        let _ = fchown(stream, Some(Uid::from_raw(creation.owner.0)), Some(Gid::from_raw(creation.owner.1)));
    }
    let mut streams = streams.into_iter();
    if let (Some(stdin), Some(stdout), Some(stderr)) = (streams.next(), streams.next(), streams.next()) {
        builder = builder.with_stdin(stdin).with_stdout(stdout).with_stderr(stderr);
    }
    let tenant = builder.as_tenant().with_process(Some(process_file(session))).with_detach(true);
    let log = session.join("error");
    report::errors_to(&log);
    let pid = tenant.build().map_err(|e| report::read(&log, &chain(&e)))?.as_raw();
    drop(executed);
    let mut sentence = String::new();
    if std::fs::File::from(failure).read_to_string(&mut sentence).is_err() || !sentence.is_empty() {
        return Err(sentence);
    }
    let terminal = console.map(|c| c.take(creation.owner.0)).transpose().map_err(|e| format!("the terminal: {e}"))?;
    Ok((pid, terminal))
}

fn process_file(session: &Path) -> std::path::PathBuf {
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
