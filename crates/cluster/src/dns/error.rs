//! Why names can't be served.

use std::io;
use std::net::SocketAddr;

/// A server that can't start.
#[derive(Debug, thiserror::Error)]
pub enum DnsError {
    /// An address can't be had.
    #[error("can't listen at {address} for DNS over {protocol}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// `UDP` or `TCP`.
        protocol: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// The cluster's domain is no name.
    #[error("{domain:?} can't be the cluster's domain: a name such as cluster.local is needed")]
    Domain {
        /// What was given.
        domain: String,
    },
}

impl DnsError {
    /// Whether somebody else has the address.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        matches!(self, Self::Listen { source, .. } if source.kind() == io::ErrorKind::AddrInUse)
    }
}
