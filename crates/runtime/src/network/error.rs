//! Why a Pod can't have its network.

use std::net::IpAddr;

use super::addresses::AddressError;
use super::cni::CniError;
use super::host_port::HostPortError;
use super::inside::InsideError;
use super::open_ports::OpenPortError;

/// Why a Pod can't have its network.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// Netlink refused.
    #[error("{operation} {link}")]
    Netlink {
        /// What was tried.
        operation: &'static str,
        /// On which link.
        link: String,
        /// Why it failed.
        source: rtnetlink::Error,
    },
    /// Netlink can't be reached.
    #[error("open a netlink socket")]
    Socket(#[source] std::io::Error),
    /// Another link has addresses of the subnet.
    #[error(
        "the Pods' address range {subnet} is already in use: link {link} has {address}/{prefix}; \
         choose another with {flag}, such as {flag} {other}"
    )]
    InUse {
        /// The range.
        subnet: String,
        /// The other link.
        link: String,
        /// Its address.
        address: IpAddr,
        /// Its prefix.
        prefix: u8,
        /// Which flag sets the range.
        flag: &'static str,
        /// A range for an example.
        other: &'static str,
    },
    /// The bridge's name is taken by something that is not ours.
    #[error("a link {0} exists and is not ours: choose another name with --bridge")]
    NotOurs(String),
    /// There is no IPv6 on this machine.
    #[error("Pods can't have addresses of {0}: this machine's kernel has no IPv6; leave --subnet6 out")]
    NoIpv6(String),
    /// A kernel parameter can't be set.
    #[error("set {name}={value}")]
    Sysctl {
        /// Its path below `/proc/sys`.
        name: String,
        /// What to.
        value: &'static str,
        /// Why not.
        source: std::io::Error,
    },
    /// No address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The request's port mappings make no sense.
    #[error(transparent)]
    HostPort(#[from] HostPortError),
    /// A port of the host can't be had.
    #[error(transparent)]
    OpenPort(#[from] OpenPortError),
    /// The packet filter does not do what is asked of it.
    #[error("ports of the host can't be led to Pods: {0}")]
    Filter(String),
    /// The kernel does not forget where packets went.
    #[error("have the kernel forget where packets to host ports went")]
    Senders(#[source] std::io::Error),
    /// The sandbox's side could not be set up.
    #[error("set up the network inside the sandbox")]
    Inside(#[from] InsideError),
    /// CNI plugins did not give the Pod its network.
    #[error(transparent)]
    Cni(#[from] CniError),
}

impl NetworkError {
    /// Whether the Pod asks for a port of the host that can't be had.
    pub fn is_port_conflict(&self) -> bool {
        matches!(self, Self::OpenPort(e) | Self::Cni(CniError::Port(e)) if !matches!(e, OpenPortError::Disk(_)))
    }
}
