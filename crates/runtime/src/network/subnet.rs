//! IPv4 networks and the addresses in them.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

/// An IPv4 network such as `10.85.0.0/16`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subnet {
    base: u32,
    prefix: u8,
}

/// Why a text is not a usable network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an IPv4 network for Pods: it takes the form 10.85.0.0/16, with a prefix from 8 to 29")]
pub struct SubnetError(String);

impl Subnet {
    /// Length of the prefix in bits.
    #[must_use]
    pub fn prefix(&self) -> u8 {
        self.prefix
    }

    /// The bridge's own address, the first one.
    #[must_use]
    pub fn gateway(&self) -> Ipv4Addr {
        Ipv4Addr::from(self.base + 1)
    }

    /// How many Pods there are addresses for: all but the network's, the gateway's and the broadcast address.
    #[must_use]
    pub fn size(&self) -> u32 {
        (1 << (32 - u32::from(self.prefix))) - 3
    }

    /// The `n`th Pod's address, `n` below [`Subnet::size`].
    #[must_use]
    pub fn address(&self, n: u32) -> Ipv4Addr {
        Ipv4Addr::from(self.base + 2 + n % self.size())
    }

    /// Whether the network that `address` is in with `prefix` shares addresses with this one.
    #[must_use]
    pub fn overlaps(&self, address: Ipv4Addr, prefix: u8) -> bool {
        let shorter = prefix.min(self.prefix);
        let mask = u32::MAX.checked_shl(32 - u32::from(shorter)).unwrap_or(0);
        u32::from(address) & mask == self.base & mask
    }
}

impl FromStr for Subnet {
    type Err = SubnetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || SubnetError(text.to_owned());
        let (address, prefix) = text.split_once('/').ok_or_else(error)?;
        let address: Ipv4Addr = address.parse().map_err(|_| error())?;
        let prefix: u8 = prefix.parse().ok().filter(|p| (8..=29).contains(p)).ok_or_else(error)?;
        let mask = u32::MAX << (32 - u32::from(prefix));
        Ok(Self { base: u32::from(address) & mask, prefix })
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Ipv4Addr::from(self.base), self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_come_from_within_the_network() {
        let net: Subnet = "10.213.7.9/29".parse().unwrap();
        assert_eq!((net.to_string(), net.gateway(), net.size()), ("10.213.7.8/29".into(), [10, 213, 7, 9].into(), 5));
        assert_eq!((net.address(0), net.address(4)), ([10, 213, 7, 10].into(), [10, 213, 7, 14].into()));
    }

    #[test]
    fn overlaps_are_seen_both_ways() {
        let net: Subnet = "10.85.0.0/16".parse().unwrap();
        assert!(net.overlaps([10, 85, 3, 1].into(), 24) && net.overlaps([10, 0, 0, 1].into(), 8));
        assert!(!net.overlaps([10, 86, 0, 1].into(), 16));
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in ["10.85.0.0", "10.85.0.0/31", "x/16", "::/64"] {
            assert!(text.parse::<Subnet>().is_err(), "{text}");
        }
    }
}
