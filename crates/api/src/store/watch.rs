//! Following the events of a resource.
//!
//! A watcher has no queue of its own: it has the revision up to which it has read, and reads on in the history that all share.
//! So any number of slow watchers costs no memory. One that is so slow that the history has forgotten what it should read
//! next ends with [`WatchEnd::TooOld`].

use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::Notify;

use super::event::Event;
use super::memory::Memory;

/// The history does not reach back to this revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too old resource version: {asked} ({oldest})")]
pub struct TooOld {
    /// The revision that was asked for, or reached.
    pub asked: u64,
    /// The oldest from which one can watch.
    pub oldest: u64,
}

/// Why there will be no more events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WatchEnd {
    /// The watcher was too slow and has missed events: it has to list again.
    #[error(transparent)]
    TooOld(#[from] TooOld),
    /// The store is closed.
    #[error("the store is closed")]
    Closed,
}

/// Events of a resource, each once and in their order.
pub struct WatchStream {
    memory: Arc<RwLock<Memory>>,
    news: Arc<Notify>,
    resource: &'static str,
    namespace: Option<String>,
    read: u64,
}

/// At most so many events are taken at once: what a slow client has taken must not add up.
const EVENTS_AT_ONCE: usize = 128;
/// And not many more bytes than these.
const BYTES_AT_ONCE: usize = 256 << 10;

impl WatchStream {
    pub(super) fn new(
        memory: Arc<RwLock<Memory>>,
        news: Arc<Notify>,
        resource: &'static str,
        namespace: Option<&str>,
        read: u64,
    ) -> Self {
        Self { memory, news, resource, namespace: namespace.map(str::to_owned), read }
    }

    /// The next events, at least one: waits for it. Nothing is lost if this is not waited for to the end.
    ///
    /// # Errors
    /// When the watcher was too slow, and when the store is closed.
    pub async fn next(&mut self) -> Result<Vec<Arc<Event>>, WatchEnd> {
        let news = self.news.clone();
        loop {
            let mut told = std::pin::pin!(news.notified());
            // From here on it is told of what happens while it looks.
            told.as_mut().enable();
            let events = self.take()?;
            if !events.is_empty() {
                return Ok(events);
            }
            told.await;
        }
    }

    /// The revision up to which everything was returned by [`Self::next`] or is nothing of this watcher: for bookmarks.
    pub fn progress(&mut self) -> u64 {
        let memory = self.memory.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(shelf) = memory.shelf(self.resource)
            && self.read < memory.revision()
            && self.read >= shelf.history.reaches_back_to()
            && !shelf.history.since(self.read).any(|event| self.concerns(event))
        {
            self.read = memory.revision();
        }
        self.read
    }

    fn take(&mut self) -> Result<Vec<Arc<Event>>, WatchEnd> {
        let memory = self.memory.read().unwrap_or_else(PoisonError::into_inner);
        let Some(shelf) = memory.shelf(self.resource) else { return Err(WatchEnd::Closed) };
        let oldest = shelf.history.reaches_back_to();
        if self.read < oldest {
            return Err(TooOld { asked: self.read, oldest }.into());
        }
        let mut read = self.read;
        let (mut events, mut bytes) = (Vec::new(), 0);
        for event in shelf.history.since(self.read) {
            if events.len() == EVENTS_AT_ONCE || bytes > BYTES_AT_ONCE {
                break;
            }
            read = event.revision();
            if self.concerns(event) {
                bytes += event.line.len();
                events.push(event.clone());
            }
        }
        if events.is_empty() && memory.closed {
            return Err(WatchEnd::Closed);
        }
        // A watch from a revision that is not there yet begins there.
        if events.is_empty() {
            read = read.max(memory.revision());
        }
        drop(memory);
        self.read = read;
        Ok(events)
    }

    fn concerns(&self, event: &Event) -> bool {
        self.namespace.as_ref().is_none_or(|namespace| *namespace == event.object.key.namespace)
    }
}
