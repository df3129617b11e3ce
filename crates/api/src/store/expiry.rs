//! What the store deletes by itself, and when: Events live for an hour.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::object::{Key, Object};

/// The keys of what expires, soonest first.
#[derive(Debug, Default)]
pub(super) struct Expiry(BTreeSet<(Timestamp, Arc<Key>)>);

impl Expiry {
    /// An object is there.
    pub(super) fn add(&mut self, object: &Object) {
        if let Some(at) = object.expires_at {
            self.0.insert((at, object.key.clone()));
        }
    }

    /// An object is not there any more, or not so.
    pub(super) fn remove(&mut self, object: &Object) {
        if let Some(at) = object.expires_at {
            self.0.remove(&(at, object.key.clone()));
        }
    }

    /// What has expired, `most` of it.
    pub(super) fn due(&self, now: Timestamp, most: usize) -> Vec<Arc<Key>> {
        self.0.iter().take_while(|(at, _)| *at <= now).take(most).map(|(_, key)| key.clone()).collect()
    }

    /// How long nothing expires. None: nothing ever will.
    pub(super) fn wait(&self, now: Timestamp) -> Option<Duration> {
        let (at, _) = self.0.first()?;
        // What is due already waits for nothing.
        Some(Duration::try_from(at.duration_since(now)).unwrap_or_default())
    }
}
