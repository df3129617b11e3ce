//! What containers need of a machine, checked before anything is made.

use caps::{CapSet, Capability};

use crate::cgroup::hierarchies;
use crate::limits;

/// What is missing, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    /// Not root.
    #[error("running containers needs root: run this with sudo")]
    NotRoot,
    /// No overlayfs.
    #[error(
        "this kernel has no overlayfs, which containers' file systems need: load the module with `modprobe overlay`"
    )]
    NoOverlay,
    /// No cgroups.
    #[error("no cgroup hierarchy is mounted below /sys/fs/cgroup: mount cgroup2 there")]
    NoCgroups,
}

/// Sentences about what will be done less well here; an error for what can't be done without.
pub fn check() -> Result<Vec<String>, MachineError> {
    if !rustix::process::geteuid().is_root() {
        return Err(MachineError::NotRoot);
    }
    let known = std::fs::read_to_string("/proc/filesystems").unwrap_or_default();
    if !known.lines().any(|l| l.split_whitespace().last() == Some("overlay")) {
        return Err(MachineError::NoOverlay);
    }
    let hierarchies = hierarchies();
    if hierarchies.all().next().is_none() {
        return Err(MachineError::NoCgroups);
    }
    let mut warnings = Vec::new();
    for (controller, lost) in [("memory", "memory limits"), ("cpu", "CPU limits"), ("pids", "process limits")] {
        if hierarchies.controlling(controller).is_none() {
            warnings.push(format!("the cgroup controller {controller} is not available: {lost} do not hold"));
        }
    }
    if hierarchies.controlling("memory").is_some() && !limits::has_swap() {
        warnings.push("this kernel does not count swap for cgroups: limits of swap do not hold".to_owned());
    }
    if !caps::has_cap(None, CapSet::Effective, Capability::CAP_SYS_RESOURCE).unwrap_or(false) {
        warnings.push(
            "without CAP_SYS_RESOURCE containers cannot be protected from the out-of-memory killer (negative oom_score_adj)"
                .to_owned(),
        );
    }
    Ok(warnings)
}
