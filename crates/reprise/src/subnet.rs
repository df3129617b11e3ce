//! An IPv4 network to give Pods addresses from.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use thiserror::Error;

/// A network of at least a bridge's address, a Pod's, and the two that are not for hosts.
const LONGEST_PREFIX: u8 = 30;

/// An IPv4 network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subnet {
    address: Ipv4Addr,
    prefix: u8,
}

/// Why a text is no network for Pods.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SubnetError {
    #[error("write an IPv4 address, a slash and the length of the prefix, as in 10.85.0.0/16")]
    Form,
    #[error("the prefix must be from 8 to {LONGEST_PREFIX} bits long")]
    Prefix,
    #[error("the address has bits beyond the prefix: write {0}")]
    HostBits(Subnet),
}

impl FromStr for Subnet {
    type Err = SubnetError;

    fn from_str(text: &str) -> Result<Self, SubnetError> {
        let (address, prefix) = text.split_once('/').ok_or(SubnetError::Form)?;
        let address: Ipv4Addr = address.parse().map_err(|_| SubnetError::Form)?;
        let prefix: u8 = prefix.parse().map_err(|_| SubnetError::Form)?;
        if !(8..=LONGEST_PREFIX).contains(&prefix) {
            return Err(SubnetError::Prefix);
        }
        let network = Self { address: Ipv4Addr::from_bits(address.to_bits() & (u32::MAX << (32 - prefix))), prefix };
        if network.address == address { Ok(network) } else { Err(SubnetError::HostBits(network)) }
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_read_and_written_alike() {
        assert_eq!("10.85.0.0/16".parse::<Subnet>().unwrap().to_string(), "10.85.0.0/16");
        assert_eq!("10.85.0.0".parse::<Subnet>(), Err(SubnetError::Form));
        assert_eq!("10.85.0.0/33".parse::<Subnet>(), Err(SubnetError::Prefix));
        let error = "10.85.3.1/16".parse::<Subnet>().unwrap_err();
        assert!(error.to_string().ends_with("write 10.85.0.0/16"));
    }
}
