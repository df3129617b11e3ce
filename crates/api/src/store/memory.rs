//! All objects and the histories of their resources, as of one revision. Only the writer changes it, a whole commit at once.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use tokio::sync::Notify;

use super::event::{Event, EventKind};
use super::history::History;
use super::object::{Key, Stored};
use super::options::HistoryLimits;

/// What readers see.
pub(super) struct Memory {
    revision: u64,
    shelves: HashMap<&'static str, Shelf>,
    limits: HistoryLimits,
    history_bytes: usize,
    /// Whether the writer has ended: nothing will change any more.
    pub(super) closed: bool,
}

/// Objects of one resource.
pub(super) struct Shelf {
    objects: BTreeMap<Arc<Key>, Stored>,
    pub(super) history: History,
    /// Wakes those who wait for an event.
    pub(super) news: Arc<Notify>,
}

impl Memory {
    /// Nothing but the resources that there may be.
    pub(super) fn new(resources: &[&'static str], limits: HistoryLimits) -> Self {
        let shelf = || Shelf { objects: BTreeMap::new(), history: History::default(), news: Arc::default() };
        let shelves = resources.iter().map(|resource| (*resource, shelf())).collect();
        Self { revision: 0, shelves, limits, history_bytes: 0, closed: false }
    }

    /// What the disk had when the store was opened.
    pub(super) fn load(&mut self, objects: Vec<Stored>, revision: u64) {
        for object in objects {
            if let Some(shelf) = self.shelves.get_mut(object.key.resource) {
                shelf.objects.insert(object.key.clone(), object);
            }
        }
        self.revision = revision;
        for shelf in self.shelves.values_mut() {
            shelf.history = History::after(revision);
        }
    }

    /// The revision of the newest change.
    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    /// The resource's name for good, if it is one that is kept.
    pub(super) fn resource(&self, name: &str) -> Option<&'static str> {
        self.shelves.get_key_value(name).map(|(resource, _)| *resource)
    }

    /// A resource.
    pub(super) fn shelf(&self, resource: &str) -> Option<&Shelf> {
        self.shelves.get(resource)
    }

    /// A resource, of which watchers say what they wait for.
    pub(super) fn history_mut(&mut self, resource: &str) -> Option<&mut History> {
        self.shelves.get_mut(resource).map(|shelf| &mut shelf.history)
    }

    /// An object.
    pub(super) fn get(&self, key: &Key) -> Option<&Stored> {
        self.shelves.get(key.resource)?.objects.get(key)
    }

    /// All objects.
    pub(super) fn all(&self) -> impl Iterator<Item = &Stored> {
        self.shelves.values().flat_map(|shelf| shelf.objects.values())
    }

    /// Makes the changes of one commit. Watchers are to be woken when nobody has the lock any more: see what is returned.
    pub(super) fn apply(&mut self, events: &[Arc<Event>]) -> Vec<Arc<Notify>> {
        let (mut touched, mut resources): (Vec<Arc<Notify>>, Vec<&str>) = Default::default();
        for event in events {
            let key = &event.object.key;
            self.revision = event.revision();
            let Some(shelf) = self.shelves.get_mut(key.resource) else { continue };
            match event.kind {
                EventKind::Added | EventKind::Modified => {
                    shelf.objects.insert(key.clone(), event.object.clone());
                }
                EventKind::Deleted => {
                    shelf.objects.remove(key);
                }
            }
            let before = shelf.history.bytes();
            shelf.history.push(event.clone(), &self.limits, &mut touched);
            self.history_bytes = self.history_bytes - before + shelf.history.bytes();
            if !resources.contains(&key.resource) {
                resources.push(key.resource);
                touched.push(shelf.news.clone());
            }
        }
        self.forget_beyond_limit();
        touched
    }

    /// Forgets the oldest events of all resources until what is remembered is small enough.
    fn forget_beyond_limit(&mut self) {
        while self.history_bytes > self.limits.bytes_in_all {
            let oldest = self.shelves.values_mut().filter_map(|shelf| Some((shelf.history.oldest()?, shelf)));
            let Some((_, shelf)) = oldest.min_by_key(|(revision, _)| *revision) else { return };
            let before = shelf.history.bytes();
            shelf.history.forget_oldest();
            self.history_bytes = self.history_bytes - before + shelf.history.bytes();
        }
    }

    /// Those who are to hear that the store is closed.
    pub(super) fn everybody(&self) -> Vec<Arc<Notify>> {
        let of = |shelf: &Shelf| -> Vec<Arc<Notify>> {
            std::iter::once(&shelf.news).chain(shelf.history.interests.all()).cloned().collect()
        };
        self.shelves.values().flat_map(of).collect()
    }
}

impl Shelf {
    /// The objects of a namespace, or all, in the order of their keys.
    pub(super) fn list(&self, resource: &'static str, namespace: Option<&str>) -> Vec<Stored> {
        let Some(namespace) = namespace else { return self.objects.values().cloned().collect() };
        let first = Key { resource, namespace: namespace.to_owned(), name: String::new() };
        let from = self.objects.range::<Key, _>((Bound::Included(&first), Bound::Unbounded));
        from.map(|(_, object)| object).take_while(|object| object.key.namespace == namespace).cloned().collect()
    }

    /// The same as it was at an older revision, if the history reaches back to it.
    pub(super) fn list_at(
        &self,
        resource: &'static str,
        namespace: Option<&str>,
        revision: u64,
    ) -> Option<Vec<Stored>> {
        if revision < self.history.reaches_back_to() {
            return None;
        }
        let mut changed: BTreeMap<&Key, Option<&Stored>> = BTreeMap::new();
        let here = |event: &&Arc<Event>| namespace.is_none_or(|namespace| event.object.key.namespace == namespace);
        for event in self.history.since(revision).filter(here).rev() {
            changed.insert(&event.object.key, event.old.as_ref());
        }
        let now = self.list(resource, namespace);
        if changed.is_empty() {
            return Some(now);
        }
        let unchanged = now.iter().filter(|object| !changed.contains_key(&*object.key));
        let mut then: Vec<Stored> = unchanged.chain(changed.values().copied().flatten()).cloned().collect();
        then.sort_by(|a, b| a.key.cmp(&b.key));
        Some(then)
    }
}
