//! Makes the shim what a sandbox is: the process whose namespaces all containers of a Pod share.
//!
//! Nothing is pinned on the host. The namespaces live as long as the shim does, others reach them through
//! `/proc/<shim>/ns`, and its mounts are in a mount namespace that vanishes with it.

use std::fs;
use std::io;
use std::path::Path;

use nix::sched::{CloneFlags, unshare};
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};

use super::protocol::ShimConfig;
use crate::cgroup;

/// What went wrong while a shim set itself up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A step failed.
    #[error("{step}")]
    Step {
        /// What was tried.
        step: &'static str,
        /// Why it failed.
        source: io::Error,
    },
    /// A kernel parameter was refused.
    #[error("set the sysctl {name}={value}")]
    Sysctl {
        /// The parameter.
        name: String,
        /// The value.
        value: String,
        /// Why it failed.
        source: io::Error,
    },
}

fn step<E: Into<io::Error>>(step: &'static str) -> impl FnOnce(E) -> SetupError {
    move |e| SetupError::Step { step, source: e.into() }
}

/// Leaves the agent's session and enters the sandbox's namespaces. Called once, in a process of one thread.
pub fn enter_namespaces(config: &ShimConfig) -> Result<(), SetupError> {
    rustix::process::setsid().map_err(step("leave the session"))?;
    let mut flags = CloneFlags::CLONE_NEWNS;
    flags.set(CloneFlags::CLONE_NEWNET, config.own_network);
    flags.set(CloneFlags::CLONE_NEWIPC, config.own_ipc);
    flags.set(CloneFlags::CLONE_NEWUTS, config.hostname.is_some());
    unshare(flags).map_err(step("enter new namespaces"))
}

/// Leaves the agent's cgroup, which takes longer than all the rest, and makes of the namespaces what a sandbox is.
pub fn become_sandbox(config: &ShimConfig) -> Result<(), SetupError> {
    cgroup::enter(&config.cgroup).map_err(step("move to the shims' cgroup"))?;
    let slave = MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC;
    mount_change("/", slave).map_err(step("keep mounts from reaching the host"))?;
    if let Some(name) = &config.hostname {
        nix::unistd::sethostname(name).map_err(step("set the host name"))?;
    }
    fs::create_dir_all("shm").map_err(step("make the folder for /dev/shm"))?;
    let options = std::ffi::CString::new(format!("mode=1777,size={}", config.shm_bytes)).unwrap_or_default();
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("shm", "shm", "tmpfs", flags, options.as_c_str()).map_err(step("mount /dev/shm"))?;
    sysctls(config)
}

/// Written by a process inside the namespaces, so that they apply there. `/proc/sys` follows the writer's.
fn sysctls(config: &ShimConfig) -> Result<(), SetupError> {
    for (name, value) in &config.sysctls {
        let path = Path::new("/proc/sys").join(name.replace('.', "/"));
        fs::write(&path, value).map_err(|source| SetupError::Sysctl {
            name: name.clone(),
            value: value.clone(),
            source,
        })?;
    }
    Ok(())
}
