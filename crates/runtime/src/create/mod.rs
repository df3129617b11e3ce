//! The helper that creates one container and then ends.
//!
//! libcontainer clones processes without care for other threads' locks, so each creation happens in a fresh process
//! with one thread, several of them at once. The container's first process becomes a child of the shim (`as_sibling`).

pub mod closed_mounts;
pub mod executor;
pub mod late_mounts;
pub mod report;
mod rootfs;

use std::fs;
use std::os::fd::{AsFd, FromRawFd, OwnedFd, RawFd};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use libcontainer::container::builder::ContainerBuilder;
use libcontainer::syscall::syscall::SyscallType;
use rustix::fs::{FileType, Gid, Uid, fchown, fstat};
use serde::{Deserialize, Serialize};

use crate::disk;
use crate::error::chain;
use crate::handover;
use crate::layout::ContainerDir;
use crate::seccomp::Filters;
use crate::terminal::Console;
use closed_mounts::Closed;
use executor::ProgramExecutor;

/// What the helper needs to know beyond the OCI bundle.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Creation {
    /// The container.
    pub id: String,
    /// The image's layers, the top one first.
    pub layers: Vec<PathBuf>,
    /// The user and group that the container's program runs as: its output pipes belong to them.
    pub owner: (u32, u32),
    /// The working folder, made if the image has none.
    pub working_dir: PathBuf,
    /// Adjustment of the out-of-memory score, applied as far as this machine allows.
    pub oom_score_adj: Option<i32>,
    /// The seccomp filters to install before the program is executed.
    pub seccomp: Option<PathBuf>,
    /// The SELinux label of the program.
    #[serde(default)]
    pub selinux: Option<String>,
    /// What the requested mounts show.
    pub sources: Vec<late_mounts::Source>,
    /// Sources that must not show what the host mounts below them later.
    #[serde(default)]
    pub closed: Vec<Closed>,
    /// The agent's process id.
    pub agent: u32,
    /// The shim's, whose child this helper is.
    #[serde(default)]
    pub shim: i32,
}

/// Why a container could not be created.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The preparation is not readable.
    #[error("read what the container is to be")]
    Preparation(#[from] disk::DiskError),
    /// The preparation is missing.
    #[error("{} is missing", .0.display())]
    Missing(PathBuf),
    /// The root file system could not be mounted.
    #[error("mount the container's root file system")]
    RootFs(#[from] rootfs::RootFsError),
    /// A volume that was mounted after the sandbox was made could not be had.
    #[error("find a volume in the sandbox")]
    LateMount(#[from] late_mounts::LateMountError),
    /// A copy of a source could not be made.
    #[error("close a volume to what the host mounts later")]
    Closed(#[from] closed_mounts::ClosedMountError),
    /// libcontainer refused.
    #[error("create the container")]
    Container(#[source] Box<libcontainer::error::LibcontainerError>),
    /// Its terminal could not be had.
    #[error("set up the container's terminal")]
    Terminal(#[source] std::io::Error),
    /// The shim has died.
    #[error("the shim is gone")]
    NoShim,
    /// The seccomp filter is not readable.
    #[error("read the seccomp filter")]
    Seccomp(#[source] std::io::Error),
}

/// The life of the helper. What goes wrong is left in a file: its standard streams are the container's. `executed` is
/// the number of the descriptor for [`ProgramExecutor`], `terminal` that of the socket to the shim over which it gets
/// the master end of the container's terminal, if the container has one.
pub fn run(folder: &Path, executed: &str, terminal: Option<&str>) -> ExitCode {
    let folder = ContainerDir::at(folder.to_owned());
    let report = folder.create_error();
    std::panic::set_hook(Box::new(move |panic| drop(fs::write(&report, panic.to_string()))));
    let executed: RawFd = executed.parse().unwrap_or(-1);
    // SAFETY: the shim opened it for this process, and nothing else here uses it.
    let shim = terminal.and_then(|fd| fd.parse().ok()).map(|fd| unsafe { OwnedFd::from_raw_fd(fd) });
    report::errors_to(&folder.create_error());
    match create(&folder, executed, shim) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            report::append(&folder.create_error(), &chain(&e));
            ExitCode::FAILURE
        }
    }
}

fn create(folder: &ContainerDir, executed: RawFd, shim: Option<OwnedFd>) -> Result<(), CreateError> {
    let creation: Creation = disk::read(&folder.creation())?.ok_or_else(|| CreateError::Missing(folder.creation()))?;
    end_with_shim(creation.shim)?;
    let seccomp = creation.seccomp.as_deref().map(Filters::load).transpose().map_err(CreateError::Seccomp)?;
    late_mounts::fetch(&creation.sources, creation.agent)?;
    let closed = closed_mounts::make(folder, &creation.closed)?;
    rootfs::mount(folder, &creation)?;
    own_streams(creation.owner);
    let console = shim.is_some().then(|| Console::listen(folder.path())).transpose().map_err(CreateError::Terminal)?;
    let refused = |e| CreateError::Container(Box::new(e));
    let container = ContainerBuilder::new(creation.id.clone(), SyscallType::default())
        .with_root_path(folder.state_root())
        .map_err(refused)?
        .with_pid_file(Some(folder.pid_file()))
        .map_err(refused)?
        .with_executor(ProgramExecutor::new(executed, seccomp, creation.selinux.clone()))
        .with_console_socket(console.as_ref().map(Console::path))
        .as_init(folder.bundle())
        .with_systemd(false)
        .as_sibling(true)
        .with_detach(true)
        .build()
        .map_err(refused)?;
    // The container has its own copies now.
    closed.remove()?;
    if let (Some(adjustment), Some(pid)) = (creation.oom_score_adj, container.pid()) {
        // Negative values need CAP_SYS_RESOURCE; the runtime has said so once if this machine refuses them.
        let _ = fs::write(format!("/proc/{pid}/oom_score_adj"), adjustment.to_string());
    }
    if let (Some(console), Some(shim)) = (console, shim) {
        let master = console.take(creation.owner.0).map_err(CreateError::Terminal)?;
        handover::send(shim, b"terminal", &[master.as_fd()]).map_err(CreateError::Terminal)?;
    }
    Ok(())
}

/// What this helper makes is the shim's child; without the shim nobody would ever end it.
fn end_with_shim(shim: i32) -> Result<(), CreateError> {
    // Where this is refused, what is left is found and ended all the same, if later.
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
    let parent = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get());
    if shim == 0 || parent == Some(shim) { Ok(()) } else { Err(CreateError::NoShim) }
}

/// The container's streams are this process's.
fn own_streams(owner: (u32, u32)) {
    let (stdin, stdout, stderr) = (std::io::stdin(), std::io::stdout(), std::io::stderr());
    for stream in [stdin.as_fd(), stdout.as_fd(), stderr.as_fd()] {
        give_pipe(stream, owner);
    }
}

/// A program that is not root can open `/dev/stdin` and so on only if the pipe behind it is its own. Anything but a pipe
/// stays whose it is: `/dev/null` is everybody's.
pub fn give_pipe(stream: impl AsFd, (uid, gid): (u32, u32)) {
    if fstat(&stream).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode).is_fifo()) {
        // If it can't be given away, using the open descriptor still works.
        let _ = fchown(stream, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
    }
}
