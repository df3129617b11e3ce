//! IPv6 networks and the addresses in them.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

/// An IPv6 network such as `fd00:10:85::/64`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subnet6 {
    base: u128,
    prefix: u8,
}

/// Why a text is not a usable network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an IPv6 network for Pods: it takes the form fd00:10:85::/64, with a prefix from 48 to 120")]
pub struct Subnet6Error(String);

impl Subnet6 {
    /// Length of the prefix in bits.
    #[must_use]
    pub fn prefix(&self) -> u8 {
        self.prefix
    }

    /// The bridge's own address, the first one.
    #[must_use]
    pub fn gateway(&self) -> Ipv6Addr {
        Ipv6Addr::from(self.base + 1)
    }

    /// How many Pods there are addresses for: all but the routers' anycast address and the gateway, as far as they
    /// can be counted.
    #[must_use]
    pub fn size(&self) -> u32 {
        match 128 - u32::from(self.prefix) {
            bits @ ..32 => (1 << bits) - 2,
            _ => u32::MAX - 1,
        }
    }

    /// The `n`th Pod's address, `n` below [`Subnet6::size`].
    #[must_use]
    pub fn address(&self, n: u32) -> Ipv6Addr {
        Ipv6Addr::from(self.base + 2 + u128::from(n % self.size()))
    }

    /// Whether the network that `address` is in with `prefix` shares addresses with this one.
    #[must_use]
    pub fn overlaps(&self, address: Ipv6Addr, prefix: u8) -> bool {
        let mask = mask(prefix.min(self.prefix));
        u128::from(address) & mask == self.base & mask
    }
}

fn mask(prefix: u8) -> u128 {
    u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0)
}

impl FromStr for Subnet6 {
    type Err = Subnet6Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || Subnet6Error(text.to_owned());
        let (address, prefix) = text.split_once('/').ok_or_else(error)?;
        let address: Ipv6Addr = address.parse().map_err(|_| error())?;
        let prefix: u8 = prefix.parse().ok().filter(|p| (48..=120).contains(p)).ok_or_else(error)?;
        let usable = !address.is_multicast() && !address.is_loopback() && !address.is_unicast_link_local();
        if !usable || address.is_unspecified() {
            return Err(error());
        }
        Ok(Self { base: u128::from(address) & mask(prefix), prefix })
    }
}

impl fmt::Display for Subnet6 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Ipv6Addr::from(self.base), self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_come_from_within_the_network() {
        let net: Subnet6 = "fd00:10:85::77/120".parse().unwrap();
        assert_eq!((net.to_string().as_str(), net.size()), ("fd00:10:85::/120", 254));
        assert_eq!(net.gateway().to_string(), "fd00:10:85::1");
        assert_eq!(net.address(0).to_string(), "fd00:10:85::2");
        assert_eq!(net.address(253).to_string(), "fd00:10:85::ff");
        let large: Subnet6 = "fd00::/64".parse().unwrap();
        assert_eq!(large.address(large.size() - 1).to_string(), "fd00::ffff:ffff");
    }

    #[test]
    fn overlaps_are_seen_both_ways() {
        let net: Subnet6 = "fd00:10:85::/64".parse().unwrap();
        assert!(net.overlaps("fd00:10:85::9:1".parse().unwrap(), 112) && net.overlaps("fd00::1".parse().unwrap(), 16));
        assert!(!net.overlaps("fd00:10:86::1".parse().unwrap(), 64));
    }

    #[test]
    fn what_is_no_network_for_pods_is_refused() {
        for text in ["fd00::", "fd00::/121", "fd00::/47", "10.85.0.0/64", "fe80::/64", "ff02::/64", "::1/64", "::/64"] {
            assert!(text.parse::<Subnet6>().is_err(), "{text}");
        }
    }
}
