//! The newest events of one resource, for watchers: bounded, oldest out first.

use std::collections::VecDeque;
use std::sync::Arc;

use super::event::Event;
use super::options::HistoryLimits;

/// Events of one resource, in the order of their revisions.
#[derive(Debug, Default)]
pub(super) struct History {
    events: VecDeque<Arc<Event>>,
    bytes: usize,
    /// Nothing is known of events up to this revision.
    forgotten: u64,
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

    /// Bytes of the objects that it holds.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The revision of the oldest event that is known.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.events.front().map(|event| event.revision())
    }

    /// Takes an event, and forgets old ones beyond the limits.
    pub(super) fn push(&mut self, event: Arc<Event>, limits: &HistoryLimits) {
        self.bytes += event.line.len();
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
        self.bytes -= oldest.line.len();
        self.forgotten = oldest.revision();
        true
    }

    /// All known events after a revision, oldest first.
    pub(super) fn since(&self, revision: u64) -> impl DoubleEndedIterator<Item = &Arc<Event>> {
        let from = self.events.partition_point(|event| event.revision() <= revision);
        self.events.range(from..)
    }
}
