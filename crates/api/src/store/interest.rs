//! What a watcher may say beforehand of the events that concern it, so that no others wake it and it looks at no others.
//!
//! Of thousands of watchers of one resource most want one object, or what is on one node. Each event is put beside the values
//! that somebody waits for, as a reference, until the history forgets it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use tokio::sync::Notify;

use super::event::Event;
use super::object::Object;

/// The name, as selectors say it.
const NAME: &str = "metadata.name";
/// The namespace.
const NAMESPACE: &str = "metadata.namespace";

/// A value that a field of an object has or had: `metadata.name`, `metadata.namespace`, or one that can be selected by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interest {
    /// The field.
    pub field: String,
    /// Its value.
    pub value: String,
}

impl Interest {
    /// Whether the event is about such an object, as it is or as it was.
    pub(super) fn has(&self, event: &Event) -> bool {
        values(event, &self.field).into_iter().flatten().any(|value| value == self.value)
    }
}

/// The values that the object has and had.
fn values<'e>(event: &'e Event, field: &str) -> [Option<&'e str>; 2] {
    let of = |object: &'e Object| match field {
        NAME => object.key.name.as_str(),
        NAMESPACE => object.key.namespace.as_str(),
        other => object.fields.get(other).unwrap_or_default(),
    };
    let now = of(&event.object);
    [Some(now), event.old.as_deref().map(of).filter(|old| *old != now)]
}

/// All values that somebody waits for, by their fields.
#[derive(Debug, Default)]
pub(super) struct Interests(HashMap<String, HashMap<String, Followed>>);

/// The events about one value.
#[derive(Debug)]
pub(super) struct Followed {
    watchers: usize,
    events: VecDeque<Arc<Event>>,
    /// Nothing is known of its events up to this revision.
    forgotten: u64,
    news: Arc<Notify>,
}

impl Followed {
    /// The revision from which all events are known.
    pub(super) fn reaches_back_to(&self) -> u64 {
        self.forgotten
    }

    /// All known events after a revision, oldest first.
    pub(super) fn since(&self, revision: u64) -> impl Iterator<Item = &Arc<Event>> {
        let from = self.events.partition_point(|event| event.revision() <= revision);
        self.events.range(from..)
    }
}

impl Interests {
    /// One that somebody waits for.
    pub(super) fn get(&self, interest: &Interest) -> Option<&Followed> {
        self.0.get(&interest.field)?.get(&interest.value)
    }

    /// One more watcher that wants what happens after a revision; `history` has all events after it. What wakes it.
    pub(super) fn follow<'e>(
        &mut self,
        interest: &Interest,
        after: u64,
        history: impl Iterator<Item = &'e Arc<Event>>,
    ) -> Arc<Notify> {
        let of_field = self.0.entry(interest.field.clone()).or_default();
        let followed = of_field.entry(interest.value.clone()).or_insert_with(|| Followed {
            watchers: 0,
            events: VecDeque::new(),
            forgotten: u64::MAX,
            news: Arc::default(),
        });
        followed.watchers += 1;
        if after < followed.forgotten {
            followed.events = history.filter(|event| interest.has(event)).cloned().collect();
            followed.forgotten = after;
        }
        Arc::clone(&followed.news)
    }

    /// One watcher less.
    pub(super) fn unfollow(&mut self, interest: &Interest) {
        let Some(of_field) = self.0.get_mut(&interest.field) else { return };
        let Some(followed) = of_field.get_mut(&interest.value) else { return };
        followed.watchers -= 1;
        if followed.watchers == 0 {
            of_field.remove(&interest.value);
            if of_field.is_empty() {
                self.0.remove(&interest.field);
            }
        }
    }

    /// Takes an event; those whom it concerns are added to `wakes`.
    pub(super) fn push(&mut self, event: &Arc<Event>, wakes: &mut Vec<Arc<Notify>>) {
        self.of(event, |followed| {
            followed.events.push_back(Arc::clone(event));
            wakes.push(Arc::clone(&followed.news));
        });
    }

    /// The history forgets its oldest event.
    pub(super) fn forget(&mut self, event: &Event) {
        self.of(event, |followed| {
            if followed.events.front().is_some_and(|oldest| oldest.revision() <= event.revision()) {
                followed.events.pop_front();
            }
            followed.forgotten = followed.forgotten.max(event.revision());
        });
    }

    /// Those whom everybody is to hear of.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Notify>> {
        self.0.values().flat_map(HashMap::values).map(|followed| &followed.news)
    }

    fn of(&mut self, event: &Event, mut act: impl FnMut(&mut Followed)) {
        for (field, by_value) in &mut self.0 {
            for value in values(event, field).into_iter().flatten() {
                if let Some(followed) = by_value.get_mut(value) {
                    act(followed);
                }
            }
        }
    }
}
