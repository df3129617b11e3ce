//! Which Pod addresses are taken, on disk, so that a restarted runtime gives none out twice.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::subnet::Subnet;
use super::subnet6::Subnet6;
use crate::disk::{self, DiskError};

/// The networks that Pods have addresses of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subnets {
    /// IPv4, which all Pods have.
    pub v4: Subnet,
    /// IPv6, if Pods have that too.
    pub v6: Option<Subnet6>,
}

/// The addresses of a Pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodAddresses {
    /// The primary one.
    pub v4: Ipv4Addr,
    /// Beside it.
    pub v6: Option<Ipv6Addr>,
}

impl PodAddresses {
    /// All of them, the primary one first.
    pub fn all(&self) -> Vec<IpAddr> {
        std::iter::once(IpAddr::V4(self.v4)).chain(self.v6.map(IpAddr::V6)).collect()
    }
}

/// The addresses of the Pods' networks.
#[derive(Debug)]
pub struct Addresses {
    file: PathBuf,
    subnets: Subnets,
    state: State,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct State {
    /// Where the search for a free one goes on, so that a freed address rests before it is used again.
    next: u32,
    /// Taken ones, by sandbox.
    taken: BTreeMap<String, Ipv4Addr>,
    /// Taken ones of IPv6, by sandbox. Not there in records of versions that knew IPv4 only.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    taken6: BTreeMap<String, Ipv6Addr>,
}

/// Why there is no address.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// All are taken.
    #[error("no address is free in {0}: remove Pods or choose a larger {1}")]
    Exhausted(String, &'static str),
    /// The record can't be read or written.
    #[error("the record of addresses")]
    Disk(#[from] DiskError),
}

impl Addresses {
    /// Reads the record, if there is one.
    pub fn open(file: &Path, subnets: Subnets) -> Result<Self, AddressError> {
        Ok(Self { file: file.to_owned(), subnets, state: disk::read(file)?.unwrap_or_default() })
    }

    /// An address of each family for `sandbox`; the same ones if it has some.
    pub fn take(&mut self, sandbox: &str) -> Result<PodAddresses, AddressError> {
        if let Some(known) = self.state.taken.get(sandbox) {
            return Ok(PodAddresses { v4: *known, v6: self.state.taken6.get(sandbox).copied() });
        }
        let Subnets { v4, v6 } = self.subnets;
        // The families count together: the same number is free in both.
        let size = v6.map_or(v4.size(), |v6| v6.size().min(v4.size()));
        let addresses = |n: u32| PodAddresses { v4: v4.address(n), v6: v6.map(|v6| v6.address(n)) };
        let mut candidates = (0..size).map(|n| self.state.next.wrapping_add(n) % size);
        let n = candidates.find(|n| self.is_free(addresses(*n))).ok_or_else(|| self.exhausted())?;
        let found = addresses(n);
        self.state.next = (n + 1) % size;
        self.state.taken.insert(sandbox.to_owned(), found.v4);
        if let Some(v6) = found.v6 {
            self.state.taken6.insert(sandbox.to_owned(), v6);
        }
        disk::write(&self.file, &self.state, true)?;
        Ok(found)
    }

    fn is_free(&self, candidate: PodAddresses) -> bool {
        let taken = self.state.taken.values().any(|taken| *taken == candidate.v4);
        let taken6 = |v6| self.state.taken6.values().any(|taken| *taken == v6);
        !taken && !candidate.v6.is_some_and(taken6)
    }

    fn exhausted(&self) -> AddressError {
        match self.subnets.v6 {
            Some(v6) if v6.size() < self.subnets.v4.size() => AddressError::Exhausted(v6.to_string(), "--subnet6"),
            _ => AddressError::Exhausted(self.subnets.v4.to_string(), "--subnet"),
        }
    }

    /// Gives the addresses of `sandbox` back. True if no sandbox has one any more.
    pub fn release(&mut self, sandbox: &str) -> Result<bool, AddressError> {
        let had6 = self.state.taken6.remove(sandbox).is_some();
        if self.state.taken.remove(sandbox).is_some() || had6 {
            disk::write(&self.file, &self.state, true)?;
        }
        Ok(self.state.taken.is_empty())
    }

    /// The sandboxes that have addresses.
    pub fn holders(&self) -> impl Iterator<Item = &str> {
        self.state.taken.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subnets(v4: &str, v6: Option<&str>) -> Subnets {
        Subnets { v4: v4.parse().unwrap(), v6: v6.map(|v6| v6.parse().unwrap()) }
    }

    fn record(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("reprise-addresses-{name}-{}.json", std::process::id()))
    }

    #[test]
    fn addresses_are_unique_survive_a_restart_and_rest_before_reuse() {
        let file = record("unique");
        let subnets = subnets("10.1.1.0/29", Some("fd00:1::/64"));
        let mut addresses = Addresses::open(&file, subnets).unwrap();
        let a = addresses.take("a").unwrap();
        let b = addresses.take("b").unwrap();
        assert!(a.v4 != b.v4 && a.v6 != b.v6 && !addresses.release("a").unwrap());
        let mut again = Addresses::open(&file, subnets).unwrap();
        assert_eq!(again.take("b").unwrap(), b);
        let c = again.take("c").unwrap();
        assert!(c.v4 != a.v4 && c.v6 != a.v6);
        for name in ["d", "e", "f"] {
            again.take(name).unwrap();
        }
        let full = again.take("g").unwrap_err().to_string();
        assert_eq!(full, "no address is free in 10.1.1.0/29: remove Pods or choose a larger --subnet");
        std::fs::remove_file(&file).unwrap();
    }

    #[test]
    fn a_record_from_before_ipv6_is_read_and_its_sandboxes_keep_what_they_have() {
        let file = record("old");
        std::fs::write(&file, r#"{"next":1,"taken":{"old":"10.1.1.2"}}"#).unwrap();
        let mut addresses = Addresses::open(&file, subnets("10.1.1.0/29", Some("fd00:1::/64"))).unwrap();
        assert_eq!(addresses.take("old").unwrap().all(), ["10.1.1.2".parse::<IpAddr>().unwrap()]);
        let new = addresses.take("new").unwrap().all();
        assert_eq!(new, ["10.1.1.3".parse::<IpAddr>().unwrap(), "fd00:1::3".parse().unwrap()]);
        std::fs::remove_file(&file).unwrap();
    }

    #[test]
    fn an_ipv6_address_is_not_given_out_twice_after_the_ipv4_network_was_changed() {
        let file = record("changed");
        let mut before = Addresses::open(&file, subnets("10.1.1.0/29", Some("fd00:1::/64"))).unwrap();
        let first = before.take("first").unwrap();
        std::fs::write(&file, std::fs::read_to_string(&file).unwrap().replace("\"next\":1", "\"next\":0")).unwrap();
        let mut after = Addresses::open(&file, subnets("10.2.2.0/29", Some("fd00:1::/64"))).unwrap();
        assert_ne!(after.take("second").unwrap().v6, first.v6);
        std::fs::remove_file(&file).unwrap();
    }
}
