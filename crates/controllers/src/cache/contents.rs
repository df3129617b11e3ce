//! The objects themselves: what an event of a watch, or an answer to a write, makes of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use kube::Resource;
use kube::runtime::watcher::Event;

/// An object among those of its kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ObjectKey {
    /// Empty for what is in no namespace.
    pub(crate) namespace: String,
    /// Its name.
    pub(crate) name: String,
}

impl ObjectKey {
    /// The key of `name` in `namespace`.
    pub(crate) fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    /// An object's key.
    pub(crate) fn of<K: Resource>(object: &K) -> Self {
        let metadata = object.meta();
        Self::new(metadata.namespace.clone().unwrap_or_default(), metadata.name.clone().unwrap_or_default())
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() { f.write_str(&self.name) } else { write!(f, "{}/{}", self.namespace, self.name) }
    }
}

/// What became of an object; one of both is there.
#[derive(Debug)]
pub(crate) struct Change<K> {
    /// As it was; `None` if it was not there.
    pub(crate) old: Option<Arc<K>>,
    /// As it is; `None` if it is gone.
    pub(crate) new: Option<Arc<K>>,
}

impl<K> Change<K> {
    /// The newest that is known of the object.
    pub(crate) fn newest(&self) -> Option<&Arc<K>> {
        self.new.as_ref().or(self.old.as_ref())
    }
}

impl<K> Clone for Change<K> {
    fn clone(&self) -> Self {
        Self { old: self.old.clone(), new: self.new.clone() }
    }
}

/// All objects of one kind.
pub(super) struct Contents<K> {
    objects: BTreeMap<ObjectKey, Arc<K>>,
    /// What an object is found by beside its key.
    marks: fn(&K) -> Vec<String>,
    /// Takes away what nobody here asks for.
    shed: fn(&mut K),
    by_mark: HashMap<String, BTreeSet<ObjectKey>>,
    /// The highest version that the watch has told of.
    told: u64,
    /// What a listing that is under way has brought.
    listing: Option<BTreeMap<ObjectKey, Arc<K>>>,
    /// Something was written during that listing: whether it is in there, and whether it is there still, only another tells.
    wrote_meanwhile: bool,
    is_complete: bool,
    must_begin_again: bool,
}

impl<K: Resource> Contents<K> {
    pub(super) fn new(marks: fn(&K) -> Vec<String>, shed: fn(&mut K)) -> Self {
        Self {
            objects: BTreeMap::new(),
            marks,
            shed,
            by_mark: HashMap::new(),
            told: 0,
            listing: None,
            wrote_meanwhile: false,
            is_complete: false,
            must_begin_again: false,
        }
    }

    /// All objects with this mark.
    pub(super) fn marked(&self, mark: &str) -> impl Iterator<Item = &Arc<K>> {
        self.by_mark.get(mark).into_iter().flatten().filter_map(|key| self.objects.get(key))
    }

    pub(super) fn get(&self, key: &ObjectKey) -> Option<&Arc<K>> {
        self.objects.get(key)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<K>> {
        self.objects.values()
    }

    /// Whether a listing has been taken in.
    pub(super) fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// Whether another listing is needed. It is asked once.
    pub(super) fn must_begin_again(&mut self) -> bool {
        std::mem::take(&mut self.must_begin_again)
    }

    pub(super) fn take_in(&mut self, event: Event<K>) -> Vec<Change<K>> {
        match event {
            Event::Init => {
                self.listing = Some(BTreeMap::new());
                self.wrote_meanwhile = false;
                Vec::new()
            }
            Event::InitApply(object) => {
                let object = self.slim(object);
                self.listing.get_or_insert_default().insert(ObjectKey::of(&object), Arc::new(object));
                Vec::new()
            }
            Event::InitDone => self.take_in_listing(),
            Event::Apply(object) => {
                let object = self.slim(object);
                self.told = self.told.max(version(&object));
                self.put(object).into_iter().collect()
            }
            Event::Delete(object) => {
                self.told = self.told.max(version(&object));
                self.remove(&object).into_iter().collect()
            }
        }
    }

    pub(super) fn wrote(&mut self, object: K) -> Option<Change<K>> {
        if version(&object) <= self.told {
            return None;
        }
        self.wrote_meanwhile = self.listing.is_some();
        let object = self.slim(object);
        self.put(object)
    }

    /// Nobody here needs to know who wrote which field either.
    fn slim(&self, mut object: K) -> K {
        object.meta_mut().managed_fields = None;
        (self.shed)(&mut object);
        object
    }

    /// Unless what is there is newer: one of the same name that was made since.
    fn remove(&mut self, object: &K) -> Option<Change<K>> {
        let key = ObjectKey::of(object);
        self.objects.get(&key).filter(|old| version(&***old) <= version(object))?;
        self.replace(key, None)
    }

    /// Unless what is there is newer.
    fn put(&mut self, object: K) -> Option<Change<K>> {
        let key = ObjectKey::of(&object);
        if self.objects.get(&key).is_some_and(|old| version(&**old) >= version(&object)) {
            return None;
        }
        self.replace(key, Some(Arc::new(object)))
    }

    /// The only place where objects come and go, so that marks do too.
    fn replace(&mut self, key: ObjectKey, new: Option<Arc<K>>) -> Option<Change<K>> {
        let old = match &new {
            Some(new) => self.objects.insert(key.clone(), new.clone()),
            None => self.objects.remove(&key),
        };
        let marks_of = |object: &Option<Arc<K>>| object.as_ref().map(|object| (self.marks)(object)).unwrap_or_default();
        let (before, after) = (marks_of(&old), marks_of(&new));
        for mark in before.iter().filter(|mark| !after.contains(mark)) {
            if let Some(keys) = self.by_mark.get_mut(mark) {
                keys.remove(&key);
                if keys.is_empty() {
                    self.by_mark.remove(mark);
                }
            }
        }
        for mark in after.into_iter().filter(|mark| !before.contains(mark)) {
            self.by_mark.entry(mark).or_default().insert(key.clone());
        }
        (old.is_some() || new.is_some()).then_some(Change { old, new })
    }

    fn take_in_listing(&mut self) -> Vec<Change<K>> {
        let listed = self.listing.take().unwrap_or_default();
        let newest = listed.values().map(|object| version(&**object)).max().unwrap_or(0);
        self.told = self.told.max(newest);
        self.is_complete = true;
        self.must_begin_again = std::mem::take(&mut self.wrote_meanwhile);
        let mut changes = Vec::new();
        let gone: Vec<ObjectKey> = self.objects.keys().filter(|key| !listed.contains_key(key)).cloned().collect();
        // With writes meanwhile, the next listing says what is gone.
        let gone = if self.must_begin_again { Vec::new() } else { gone };
        for key in gone {
            changes.extend(self.replace(key, None));
        }
        for (key, new) in listed {
            if self.objects.get(&key).is_none_or(|old| version(&**old) < version(&*new)) {
                changes.extend(self.replace(key, Some(new)));
            }
        }
        changes
    }
}

fn version<K: Resource>(object: &K) -> u64 {
    object.meta().resource_version.as_ref().and_then(|version| version.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
#[path = "contents_tests.rs"]
mod tests;
