//! The runtime's settings.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use crate::network::cni::CniConfig;
use crate::network::subnet::Subnet;
use crate::network::subnet6::Subnet6;

/// Settings of one runtime. Several can run on one machine if all of these differ.
#[derive(Debug, Clone)]
pub struct RuntimeConfig {
    /// The folder for images, sandboxes and containers.
    pub root: PathBuf,
    /// Where it serves CRI.
    pub socket: PathBuf,
    /// Where exec, attach and port-forward are streamed: a loopback address; port 0 takes any that is free.
    pub streaming: SocketAddr,
    /// The Pods' bridge.
    pub bridge: String,
    /// The Pods' addresses.
    pub subnet: Subnet,
    /// The Pods' IPv6 addresses, if they are to have some beside the others.
    pub subnet6: Option<Subnet6>,
    /// Where CNI plugins give Pods their network, in place of the bridge.
    pub cni: Option<CniConfig>,
    /// The cgroup that all its cgroups are in, such as `/reprise-1a2b3c4d`.
    pub cgroup_root: String,
    /// The program to run as shim and helper: this one.
    pub program: PathBuf,
    /// The folder that says where registries' images are, in the layout of containerd's `hosts.toml`.
    pub registry_config: Option<PathBuf>,
}

impl RuntimeConfig {
    /// Settings for a runtime that keeps its data and its socket in `root`, and gives Pods IPv4 addresses on a bridge.
    #[must_use]
    pub fn new(root: PathBuf, bridge: String, subnet: Subnet, cgroup_root: String) -> Self {
        let socket = root.join("cri.sock");
        Self {
            root,
            socket,
            streaming: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            bridge,
            subnet,
            subnet6: None,
            cni: None,
            cgroup_root,
            program: PathBuf::from("/proc/self/exe"),
            registry_config: None,
        }
    }
}
