//! What is chosen about the server.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// How names are served.
#[derive(Debug, Clone)]
pub struct DnsOptions {
    /// Where, each over UDP and TCP. Port 0 takes any that is free.
    pub listen: Vec<SocketAddr>,
    /// Whether the addresses may not be there yet, as a bridge's that is made with its first Pod.
    pub bind_ahead: bool,
    /// The cluster's domain, such as `cluster.local`.
    pub domain: String,
    /// Who is answered: who has an address in one of these. If there is none, everybody.
    pub clients: Vec<Network>,
    /// The file that names the servers for everything outside of the domain, in the form of `/etc/resolv.conf`. It is read anew
    /// for each such query, so changes of it count at once.
    pub resolv_conf: PathBuf,
}

/// A range of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// All addresses that have the first `prefix` bits in common with `address`.
    #[must_use]
    pub fn new(address: IpAddr, prefix: u8) -> Self {
        Self { address, prefix }
    }

    /// Whether it has this address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let differ = u32::from(own) ^ u32::from(other);
                differ.checked_shr(32u32.saturating_sub(self.prefix.into())).unwrap_or(0) == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let differ = u128::from(own) ^ u128::from(other);
                differ.checked_shr(128u32.saturating_sub(self.prefix.into())).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_the_addresses_of_its_prefix() {
        let has = |network: &str, prefix, address: &str| {
            Network::new(network.parse().unwrap(), prefix).contains(address.parse().unwrap())
        };
        assert!(has("10.85.0.1", 16, "10.85.255.255") && !has("10.85.0.1", 16, "10.86.0.1"));
        assert!(has("10.85.0.1", 32, "10.85.0.1") && !has("10.85.0.1", 32, "10.85.0.2"));
        assert!(has("10.0.0.0", 0, "192.0.2.1") && !has("10.0.0.0", 0, "::1"));
        assert!(has("fd00::1", 64, "fd00::ffff") && !has("fd00::1", 64, "fd00:0:0:1::1") && has("::", 0, "fd00::"));
    }
}
