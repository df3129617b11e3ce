//! Which Pod addresses are taken, on disk, so that a restarted runtime gives none out twice.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::subnet::Subnet;
use crate::disk::{self, DiskError};

/// The addresses of a subnet.
#[derive(Debug)]
pub struct Addresses {
    file: PathBuf,
    subnet: Subnet,
    state: State,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct State {
    /// Where the search for a free one goes on, so that a freed address rests before it is used again.
    next: u32,
    /// Taken ones, by sandbox.
    taken: BTreeMap<String, Ipv4Addr>,
}

/// Why there is no address.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// All are taken.
    #[error("no address is free in {0}: remove Pods or choose a larger --subnet")]
    Exhausted(Subnet),
    /// The record can't be read or written.
    #[error("the record of addresses")]
    Disk(#[from] DiskError),
}

impl Addresses {
    /// Reads the record, if there is one.
    pub fn open(file: &Path, subnet: Subnet) -> Result<Self, AddressError> {
        Ok(Self { file: file.to_owned(), subnet, state: disk::read(file)?.unwrap_or_default() })
    }

    /// An address for `sandbox`; the same one if it has one.
    pub fn take(&mut self, sandbox: &str) -> Result<Ipv4Addr, AddressError> {
        if let Some(known) = self.state.taken.get(sandbox) {
            return Ok(*known);
        }
        let size = self.subnet.size();
        let candidates = (0..size).map(|n| self.state.next.wrapping_add(n) % size);
        let free = |n: &u32| !self.state.taken.values().any(|taken| *taken == self.subnet.address(*n));
        let n = candidates.into_iter().find(free).ok_or(AddressError::Exhausted(self.subnet))?;
        let address = self.subnet.address(n);
        self.state.next = (n + 1) % size;
        self.state.taken.insert(sandbox.to_owned(), address);
        disk::write(&self.file, &self.state, true)?;
        Ok(address)
    }

    /// Gives the address of `sandbox` back. True if no sandbox has one any more.
    pub fn release(&mut self, sandbox: &str) -> Result<bool, AddressError> {
        if self.state.taken.remove(sandbox).is_some() {
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

    #[test]
    fn addresses_are_unique_survive_a_restart_and_rest_before_reuse() {
        let file = std::env::temp_dir().join(format!("reprise-addresses-{}.json", std::process::id()));
        let subnet: Subnet = "10.1.1.0/29".parse().unwrap();
        let mut addresses = Addresses::open(&file, subnet).unwrap();
        let a = addresses.take("a").unwrap();
        let b = addresses.take("b").unwrap();
        assert!(a != b && !addresses.release("a").unwrap());
        let mut again = Addresses::open(&file, subnet).unwrap();
        assert_eq!(again.take("b").unwrap(), b);
        assert_ne!(again.take("c").unwrap(), a);
        for name in ["d", "e", "f"] {
            again.take(name).unwrap();
        }
        assert!(matches!(again.take("g"), Err(AddressError::Exhausted(_))));
        std::fs::remove_file(&file).unwrap();
    }
}
