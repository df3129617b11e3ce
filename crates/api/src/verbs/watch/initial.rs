//! Where a watch begins.

use super::super::asked::Asked;
use super::super::selection::Selection;
use crate::request::{InitialEvents, ListOptions};
use crate::store::{Store, Stored, TooOld, WatchStream};

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
            return Ok(Self { initial: Vec::new(), end_of_initial: None, events });
        }
        let (mut initial, revision, events) = store.list_and_watch(resource, namespace)?;
        let selection = Selection { labels: options.labels.clone(), fields: options.fields.clone() };
        if !selection.is_everything() {
            initial.retain(|object| selection.has(object));
        }
        initial.reverse();
        let end_of_initial = (options.initial_events == InitialEvents::All).then_some(revision);
        Ok(Self { initial, end_of_initial, events })
    }
}
