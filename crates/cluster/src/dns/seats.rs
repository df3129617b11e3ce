//! How much may go on at once, in all and for each client: one that asks for much leaves room for the others.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[derive(Debug, Clone)]
pub(super) struct Seats {
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
    all: usize,
    of_one: usize,
}

/// A place that is taken until this is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    seats: Seats,
    client: IpAddr,
}

impl Seats {
    /// `all` in all, and `of_one` for each client.
    pub(super) fn new(all: usize, of_one: usize) -> Self {
        Self { taken: Arc::default(), all, of_one }
    }

    /// One for this client, if there is one left.
    pub(super) fn take(&self, client: IpAddr) -> Option<Seat> {
        let mut taken = self.lock();
        let in_all: usize = taken.values().sum();
        let own = taken.get(&client).copied().unwrap_or(0);
        if in_all >= self.all || own >= self.of_one {
            return None;
        }
        taken.insert(client, own + 1);
        Some(Seat { seats: self.clone(), client })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.lock();
        if let Some(count) = taken.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_client_leaves_seats_for_others_and_gives_its_own_back() {
        let seats = Seats::new(3, 2);
        let (one, other): (IpAddr, IpAddr) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        let taken = (seats.take(one), seats.take(one));
        assert!(taken.0.is_some() && taken.1.is_some() && seats.take(one).is_none());
        let last = seats.take(other);
        assert!(last.is_some() && seats.take(other).is_none());
        drop(taken);
        assert!(seats.take(one).is_some());
        drop(last);
        assert!(seats.lock().is_empty());
    }
}
