//! Following the events of a resource.
//!
//! A watcher has no queue of its own: it has the revision up to which it has read, and reads on in the history that all share.
//! So any number of slow watchers costs no memory. One that is so slow that the history has forgotten what it should read
//! next ends with [`WatchEnd::TooOld`].

use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::Notify;

use super::event::Event;
use super::interest::Interest;
use super::memory::{Memory, Shelf};

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
    interest: Option<Interest>,
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
        Self { memory, news, resource, namespace: namespace.map(str::to_owned), interest: None, read }
    }

    /// The same for who wants no other events than those about this. Whatever else happens does not wake it, and it is too old
    /// only if it has missed some of these.
    #[must_use]
    pub fn narrowed(mut self, interest: Interest) -> Self {
        if self.interest.is_some() {
            return self;
        }
        let mut memory = self.memory.write().unwrap_or_else(PoisonError::into_inner);
        let news = memory.history_mut(self.resource).and_then(|history| history.follow(&interest, self.read));
        drop(memory);
        // One that the history does not reach back for learns that when it reads.
        if let Some(news) = news {
            (self.news, self.interest) = (news, Some(interest));
        }
        self
    }

    #[cfg(test)]
    pub(super) fn is_narrowed(&self) -> bool {
        self.interest.is_some()
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
            && let (oldest, mut events) = self.known(shelf)
            && self.read >= oldest
            && !events.any(|event| self.concerns(event))
        {
            self.read = memory.revision();
        }
        self.read
    }

    fn take(&mut self) -> Result<Vec<Arc<Event>>, WatchEnd> {
        let memory = self.memory.read().unwrap_or_else(PoisonError::into_inner);
        let Some(shelf) = memory.shelf(self.resource) else { return Err(WatchEnd::Closed) };
        let (oldest, known) = self.known(shelf);
        if self.read < oldest {
            return Err(TooOld { asked: self.read, oldest }.into());
        }
        let mut read = self.read;
        let (mut events, mut bytes) = (Vec::new(), 0);
        for event in known {
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

    /// What is known of events that may be of this watcher: from which revision on, and those that it has not read.
    fn known<'m>(&self, shelf: &'m Shelf) -> (u64, Box<dyn Iterator<Item = &'m Arc<Event>> + 'm>) {
        match self.interest.as_ref().and_then(|interest| shelf.history.interests.get(interest)) {
            Some(followed) => (followed.reaches_back_to(), Box::new(followed.since(self.read))),
            None => (shelf.history.reaches_back_to(), Box::new(shelf.history.since(self.read))),
        }
    }

    fn concerns(&self, event: &Event) -> bool {
        self.namespace.as_ref().is_none_or(|namespace| *namespace == event.object.key.namespace)
    }
}

impl Drop for WatchStream {
    fn drop(&mut self) {
        let Some(interest) = self.interest.take() else { return };
        let mut memory = self.memory.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(history) = memory.history_mut(self.resource) {
            history.interests.unfollow(&interest);
        }
    }
}
