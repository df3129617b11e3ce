//! The runtime's settings.

use std::path::PathBuf;

use crate::network::subnet::Subnet;

/// Settings of one runtime. Several can run on one machine if all of these differ.
#[derive(Debug, Clone)]
pub struct RuntimeConfig {
    /// The folder for images, sandboxes and containers.
    pub root: PathBuf,
    /// Where it serves CRI.
    pub socket: PathBuf,
    /// The Pods' bridge.
    pub bridge: String,
    /// The Pods' addresses.
    pub subnet: Subnet,
    /// The cgroup that all its cgroups are in, such as `/reprise-1a2b3c4d`.
    pub cgroup_root: String,
    /// The program to run as shim and helper: this one.
    pub program: PathBuf,
}

impl RuntimeConfig {
    /// Settings for a runtime that keeps its data and its socket in `root`.
    #[must_use]
    pub fn new(root: PathBuf, bridge: String, subnet: Subnet, cgroup_root: String) -> Self {
        let socket = root.join("cri.sock");
        Self { root, socket, bridge, subnet, cgroup_root, program: PathBuf::from("/proc/self/exe") }
    }
}
