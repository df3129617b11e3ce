//! Where a watch begins.

use super::super::asked::Asked;
use super::super::selection::Selection;
use crate::request::{InitialEvents, ListOptions};
use crate::store::{Interest, Key, Store, Stored, TooOld, WatchStream};

/// Where a watch begins.
pub(super) struct Begin {
    /// What there is, to be told first; the last first.
    pub initial: Vec<Stored>,
    /// The revision as of which this is all, if the client wants to know that.
    pub end_of_initial: Option<u64>,
    /// What happens after it.
    pub events: WatchStream,
}

impl Begin {
    /// # Errors
    /// If the history does not reach back to the version that the client names.
    pub fn of(store: &Store, asked: &Asked, options: &ListOptions) -> Result<Self, TooOld> {
        let after = options.version.filter(|version| *version > 0);
        let from_all = match options.initial_events {
            InitialEvents::All => true,
            InitialEvents::None => false,
            InitialEvents::ByVersion => after.is_none(),
        };
        let (resource, namespace) = (asked.resource.stored_as, asked.in_namespace());
        if !from_all {
            let events = store.watch(resource, namespace, after.unwrap_or_else(|| store.revision()))?;
            let events = narrowed(events, asked, options);
            return Ok(Self { initial: Vec::new(), end_of_initial: None, events });
        }
        let (mut initial, revision, events) = match one(asked, options) {
            Some(key) => {
                let (object, revision, events) = store.get_and_watch(&key)?;
                (object.into_iter().collect(), revision, events)
            }
            None => store.list_and_watch(resource, namespace)?,
        };
        let events = narrowed(events, asked, options);
        let selection = Selection { labels: options.labels.clone(), fields: options.fields.clone() };
        if !selection.is_everything() {
            initial.retain(|object| selection.has(object));
        }
        initial.reverse();
        let end_of_initial = (options.initial_events == InitialEvents::All).then_some(revision);
        Ok(Self { initial, end_of_initial, events })
    }
}

/// The one object that is watched, if the client names it.
fn one(asked: &Asked, options: &ListOptions) -> Option<Key> {
    let known = !asked.resource.namespaced || asked.in_namespace().is_some();
    options.fields.name().filter(|_| known).map(|name| asked.key_of(name))
}

/// Woken by as little as the request allows to tell.
fn narrowed(events: WatchStream, asked: &Asked, options: &ListOptions) -> WatchStream {
    let namespace = asked.in_namespace().map(|namespace| ("metadata.namespace", namespace));
    match options.fields.equality().or(namespace) {
        Some((field, value)) => events.narrowed(Interest { field: field.to_owned(), value: value.to_owned() }),
        None => events,
    }
}
