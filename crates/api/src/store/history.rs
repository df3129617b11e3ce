//! The newest events of one resource, for watchers: bounded, oldest out first.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::Notify;

use super::event::Event;
use super::interest::{Interest, Interests};
use super::options::HistoryLimits;

/// Events of one resource, in the order of their revisions.
#[derive(Debug, Default)]
pub(super) struct History {
    events: VecDeque<Arc<Event>>,
    bytes: usize,
    /// Nothing is known of events up to this revision.
    forgotten: u64,
    /// The same events for those who have said what they wait for.
    pub(super) interests: Interests,
}

impl History {
    /// One that knows of no event up to `revision`.
    pub(super) fn after(revision: u64) -> Self {
        Self { forgotten: revision, ..Self::default() }
    }

    /// The revision from which all events are known.
    pub(super) fn reaches_back_to(&self) -> u64 {
        self.forgotten
    }

    /// Bytes of the objects that it holds, as they are and as they were before.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The revision of the oldest event that is known.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.events.front().map(|event| event.revision())
    }

    /// Takes an event, and forgets old ones beyond the limits. Those who wait for such an event are added to `wakes`.
    pub(super) fn push(&mut self, event: Arc<Event>, limits: &HistoryLimits, wakes: &mut Vec<Arc<Notify>>) {
        self.interests.push(&event, wakes);
        self.bytes += event.bytes();
        self.events.push_back(event);
        while self.events.len() > limits.events || self.bytes > limits.bytes {
            if !self.forget_oldest() {
                break;
            }
        }
    }

    /// Forgets the oldest event. False if there is none.
    pub(super) fn forget_oldest(&mut self) -> bool {
        let Some(oldest) = self.events.pop_front() else { return false };
        self.bytes -= oldest.bytes();
        self.forgotten = oldest.revision();
        self.interests.forget(&oldest);
        true
    }

    /// One more watcher says what it waits for: what wakes it. None if the history does not reach back.
    pub(super) fn follow(&mut self, interest: &Interest, after: u64) -> Option<Arc<Notify>> {
        let from = self.events.partition_point(|event| event.revision() <= after);
        (after >= self.forgotten).then(|| self.interests.follow(interest, after, self.events.range(from..)))
    }

    /// All known events after a revision, oldest first.
    pub(super) fn since(&self, revision: u64) -> impl DoubleEndedIterator<Item = &Arc<Event>> {
        let from = self.events.partition_point(|event| event.revision() <= revision);
        self.events.range(from..)
    }
}
