//! A bridge name and a subnet that no other test uses at the same time.
//!
//! A slot is claimed by listening on an abstract unix socket: such a name belongs to one network namespace, as
//! bridges and addresses do, and the kernel gives it back when the process ends, however it ends.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::Path;

/// How many tests can have a network at the same time on one machine.
const SLOTS: u8 = 200;

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
        assert_ne!(first.subnet(), second.subnet());
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
