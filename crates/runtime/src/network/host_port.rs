//! A port of the host that leads to a Pod.

use std::fmt;
use std::net::IpAddr;

use reprise_cri::v1::{PortMapping, Protocol as CriProtocol};
use serde::{Deserialize, Serialize};

/// What the port carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl Protocol {
    /// The name that nft, iptables and CNI plugins have for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        }
    }
}

/// A port of the host that leads to a port of a Pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostPort {
    /// What it carries.
    pub protocol: Protocol,
    /// The host's address it is open on. None is all of them; `0.0.0.0` all of IPv4, `::` all of IPv6.
    pub host_ip: Option<IpAddr>,
    /// On the host.
    pub host_port: u16,
    /// In the Pod.
    pub container_port: u16,
}

/// A port mapping that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostPortError {
    /// Not a port number.
    #[error("{which} {number} is no port: ports are 1 to 65535")]
    Number {
        /// `host port` or `container port`.
        which: &'static str,
        /// What was asked for.
        number: i32,
    },
    /// Not an address.
    #[error("host port {port}: {address:?} is no IP address of the host")]
    Address {
        /// The port.
        port: u16,
        /// What was asked for.
        address: String,
    },
    /// Not a protocol.
    #[error("host port {port}: protocol number {number} is none of TCP, UDP and SCTP")]
    Protocol {
        /// The port.
        port: u16,
        /// What was asked for.
        number: i32,
    },
}

impl HostPort {
    /// The ports of a sandbox that are to be open on the host. A mapping without a host port only tells which port
    /// the Pod listens on.
    pub fn all_of(mappings: &[PortMapping]) -> Result<Vec<Self>, HostPortError> {
        let mut all = Vec::new();
        for mapping in mappings.iter().filter(|m| m.host_port != 0) {
            let port = Self::of(mapping)?;
            if !all.contains(&port) {
                all.push(port);
            }
        }
        Ok(all)
    }

    fn of(mapping: &PortMapping) -> Result<Self, HostPortError> {
        let host_port = number("host port", mapping.host_port)?;
        let container_port = number("container port", mapping.container_port)?;
        let protocol = match CriProtocol::try_from(mapping.protocol) {
            Ok(CriProtocol::Tcp) => Protocol::Tcp,
            Ok(CriProtocol::Udp) => Protocol::Udp,
            Ok(CriProtocol::Sctp) => Protocol::Sctp,
            Err(_) => return Err(HostPortError::Protocol { port: host_port, number: mapping.protocol }),
        };
        let host_ip = match mapping.host_ip.as_str() {
            "" => None,
            text => Some(text.parse().map_err(|_| HostPortError::Address { port: host_port, address: text.into() })?),
        };
        Ok(Self { protocol, host_ip, host_port, container_port })
    }

    /// Whether both want the same port of the same address of the host.
    pub fn conflicts_with(&self, other: &Self) -> bool {
        let addresses_meet = match (self.host_ip, other.host_ip) {
            (Some(a), Some(b)) => a.is_ipv4() == b.is_ipv4() && (a == b || a.is_unspecified() || b.is_unspecified()),
            _ => true,
        };
        self.protocol == other.protocol && self.host_port == other.host_port && addresses_meet
    }
}

fn number(which: &'static str, number: i32) -> Result<u16, HostPortError> {
    u16::try_from(number).ok().filter(|n| *n > 0).ok_or(HostPortError::Number { which, number })
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} port {}", self.protocol.name().to_uppercase(), self.host_port)?;
        self.host_ip.map_or(Ok(()), |ip| write!(f, " of {ip}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(protocol: CriProtocol, host_ip: &str, host_port: i32, container_port: i32) -> PortMapping {
        PortMapping { protocol: protocol.into(), container_port, host_port, host_ip: host_ip.to_owned() }
    }

    fn port(protocol: CriProtocol, host_ip: &str, host_port: i32) -> HostPort {
        HostPort::of(&mapping(protocol, host_ip, host_port, 80)).unwrap()
    }

    #[test]
    fn only_ports_of_the_host_are_opened_and_each_once() {
        let tcp = |host_port| mapping(CriProtocol::Tcp, "", host_port, 80);
        let all = HostPort::all_of(&[tcp(0), tcp(8080), tcp(8080)]).unwrap();
        assert_eq!(all.iter().map(ToString::to_string).collect::<Vec<_>>(), ["TCP port 8080"]);
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let said = |m: PortMapping| HostPort::all_of(&[m]).unwrap_err().to_string();
        assert_eq!(said(mapping(CriProtocol::Tcp, "", 65536, 80)), "host port 65536 is no port: ports are 1 to 65535");
        assert!(said(mapping(CriProtocol::Tcp, "", 80, 0)).starts_with("container port 0 is no port"));
        assert!(said(mapping(CriProtocol::Tcp, "localhost", 80, 80)).contains("\"localhost\" is no IP address"));
        let odd = PortMapping { protocol: 7, ..mapping(CriProtocol::Tcp, "", 80, 80) };
        assert!(said(odd).contains("protocol number 7"));
    }

    #[test]
    fn ports_conflict_only_where_protocol_and_address_meet() {
        use CriProtocol::{Tcp, Udp};
        let any = port(Tcp, "", 80);
        assert!(any.conflicts_with(&port(Tcp, "127.0.0.1", 80)) && port(Tcp, "::1", 80).conflicts_with(&any));
        assert!(!any.conflicts_with(&port(Udp, "", 80)) && !any.conflicts_with(&port(Tcp, "", 81)));
        assert!(port(Tcp, "0.0.0.0", 80).conflicts_with(&port(Tcp, "10.0.0.1", 80)));
        assert!(!port(Tcp, "0.0.0.0", 80).conflicts_with(&port(Tcp, "::", 80)));
        assert!(!port(Tcp, "127.0.0.1", 80).conflicts_with(&port(Tcp, "10.0.0.1", 80)));
    }
}
