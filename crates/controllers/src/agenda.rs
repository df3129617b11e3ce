//! Which keys are to be looked at, and when: each at most once at a time, and again if something happened meanwhile.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::Hash;

/// What is to be done. Times are of any kind that has an order.
#[derive(Debug)]
pub(crate) struct Agenda<K, T> {
    by_time: BTreeSet<(T, K)>,
    times: HashMap<K, T>,
    busy: HashSet<K>,
}

impl<K: Clone + Ord + Hash, T: Copy + Ord> Agenda<K, T> {
    /// Nothing to do.
    pub(crate) fn new() -> Self {
        Self { by_time: BTreeSet::new(), times: HashMap::new(), busy: HashSet::new() }
    }

    /// Looks at `key` at `at`, or before that if it was to be looked at earlier.
    pub(crate) fn add(&mut self, key: K, at: T) {
        if let Some(planned) = self.times.get(&key) {
            if *planned <= at {
                return;
            }
            self.by_time.remove(&(*planned, key.clone()));
        }
        self.by_time.insert((at, key.clone()));
        self.times.insert(key, at);
    }

    /// The key whose turn it is; it is busy until [`done`](Self::done).
    pub(crate) fn take(&mut self, now: T) -> Option<K> {
        let due = self.by_time.iter().take_while(|(at, _)| *at <= now);
        let (at, key) = due.into_iter().find(|(_, key)| !self.busy.contains(key))?.clone();
        self.by_time.remove(&(at, key.clone()));
        self.times.remove(&key);
        self.busy.insert(key.clone());
        Some(key)
    }

    /// Nobody works on `key` any more.
    pub(crate) fn done(&mut self, key: &K) {
        self.busy.remove(key);
    }

    /// When the next key's turn is, those left out on which somebody works.
    pub(crate) fn next_at(&self) -> Option<T> {
        self.by_time.iter().find(|(_, key)| !self.busy.contains(key)).map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_there_once_and_at_the_earliest_time() {
        let mut agenda = Agenda::new();
        agenda.add("a", 5);
        agenda.add("a", 3);
        agenda.add("a", 9);
        assert_eq!((agenda.take(2), agenda.next_at()), (None, Some(3)));
        assert_eq!((agenda.take(3), agenda.take(99), agenda.next_at()), (Some("a"), None, None));
    }

    #[test]
    fn what_happens_meanwhile_is_looked_at_afterwards() {
        let mut agenda = Agenda::new();
        agenda.add("a", 1);
        assert_eq!(agenda.take(1), Some("a"));
        agenda.add("a", 1);
        agenda.add("b", 2);
        assert_eq!((agenda.take(1), agenda.next_at()), (None, Some(2)));
        agenda.done(&"a");
        assert_eq!((agenda.take(1), agenda.take(2)), (Some("a"), Some("b")));
    }
}
