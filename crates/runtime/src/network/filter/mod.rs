//! The packet filter's part of the Pods' network: a way out for Pods, and ports of the host that lead to them.
//!
//! All rules of a bridge are made anew and put in place as a whole whenever one of them changes, so that what is in
//! force is always what the records say. `nft` does it, in one table per bridge, or else `iptables`, in chains of the
//! bridge's own.
//!
//! * Packets that leave the bridge's network for another one get the host's address (masquerade).
//! * Packets to a port of the host are led to the Pod, from outside (prerouting) and from the host itself (output).
//! * `127.0.0.1:<host port>` works from the host: the bridge may carry loopback addresses (`route_localnet`), the Pod
//!   sees the bridge's address as the sender, and whatever comes *from* the bridge with a loopback address is dropped,
//!   so that Pods don't reach what listens on the host's loopback. The kernel has no such way for `::1`.
//! * A Pod that reaches itself or a neighbour through a port of the host is seen with the bridge's address too, as the
//!   answer must come back the same way.

mod iptables;
mod nft;
mod tool;

use std::net::{IpAddr, SocketAddr};

use super::addresses::Subnets;
use super::host_port::Protocol;

/// A port of the host that leads to a Pod, in one address family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forward {
    /// What it carries.
    pub protocol: Protocol,
    /// The host's address; none is all of the family.
    pub host_ip: Option<IpAddr>,
    /// The port on the host.
    pub host_port: u16,
    /// The Pod's address and port.
    pub to: SocketAddr,
}

/// All rules of one bridge.
#[derive(Debug, Clone)]
pub struct Rules {
    /// The bridge.
    pub bridge: String,
    /// The Pods' networks.
    pub subnets: Subnets,
    /// Ports of the host. The first that fits a packet counts.
    pub forwards: Vec<Forward>,
}

impl Rules {
    /// Puts these in force in place of all earlier ones of the bridge. An error is a sentence for the user.
    pub fn apply(&self) -> Result<(), String> {
        let Err(refused) = nft::apply(self) else { return Ok(()) };
        iptables::apply(self).map_err(|also| format!("neither nft nor iptables could do it: {refused}; {also}"))
    }

    /// Takes away what an earlier runtime has left with the program that this one does not use: `nft` may have been
    /// installed since.
    pub fn remove_others(&self) {
        iptables::remove(self);
    }

    /// Takes all rules of the bridge away, as far as they are there.
    pub fn remove(&self) {
        if nft::remove(self).is_err() {
            iptables::remove(self);
        }
    }
}

/// What nftables calls the bridge's table, and comments call the bridge's rules.
fn table(bridge: &str) -> String {
    format!("reprise-{bridge}")
}
