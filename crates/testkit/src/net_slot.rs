//! A bridge name and a subnet that no other test uses at the same time.
//!
//! A slot is claimed by listening on an abstract unix socket: such a name belongs to one network namespace, as
//! bridges and addresses do, and the kernel gives it back when the process ends, however it ends.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::Path;

/// How many tests can have a network at the same time on one machine.
const SLOTS: u8 = 200;
/// How many ports of the host belong to a slot.
const PORTS: u16 = 20;

/// A claimed bridge name and subnet; given back when dropped.
#[derive(Debug)]
pub struct NetSlot {
    number: u8,
    _claim: UnixListener,
}

impl NetSlot {
    /// Claims the first slot that nobody has.
    ///
    /// # Panics
    /// All are taken.
    pub fn claim() -> Self {
        let claimed = (0..SLOTS).find_map(|number| {
            let claim = claim(number)?;
            Some(Self { number, _claim: claim })
        });
        claimed.unwrap_or_else(|| panic!("all {SLOTS} test networks are in use"))
    }

    /// The bridge's name, short enough for a link.
    pub fn bridge(&self) -> String {
        bridge(self.number)
    }

    /// The subnet, from a range that hosts seldom use.
    pub fn subnet(&self) -> String {
        format!("10.213.{}.0/24", self.number)
    }

    /// The IPv6 subnet, for tests that want one.
    pub fn subnet6(&self) -> String {
        format!("fd00:10:213:{:x}::/64", self.number)
    }

    /// The `n`th port of the host for this slot, below those that the kernel gives to clients.
    pub fn host_port(&self, n: u16) -> u16 {
        assert!(n < PORTS, "a slot has {PORTS} ports");
        20_000 + u16::from(self.number) * PORTS + n
    }
}

fn bridge(number: u8) -> String {
    format!("rptest{number}")
}

/// `None` if the slot is taken, or if a test that was killed left its bridge there.
fn claim(number: u8) -> Option<UnixListener> {
    let claim = listen(&format!("reprise-test-network-{number}"))?;
    (!Path::new("/sys/class/net").join(bridge(number)).exists()).then_some(claim)
}

/// Listens on an abstract name; `None` if somebody does already.
fn listen(name: &str) -> Option<UnixListener> {
    UnixListener::bind_addr(&SocketAddr::from_abstract_name(name).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_slots_never_share_a_network() {
        let first = NetSlot::claim();
        let second = NetSlot::claim();
        assert_ne!(first.bridge(), second.bridge());
        assert!(first.subnet() != second.subnet() && first.subnet6() != second.subnet6());
        assert_ne!(first.host_port(0), second.host_port(0));
        assert!(claim(first.number).is_none());
    }

    #[test]
    fn a_claim_that_was_dropped_can_be_made_again() {
        let name = format!("reprise-test-claim-{}", std::process::id());
        let held = listen(&name);
        assert!(held.is_some() && listen(&name).is_none());
        drop(held);
        assert!(listen(&name).is_some());
    }
}
