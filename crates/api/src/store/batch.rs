//! Deciding on changes that wait for the same commit: each sees what those before it have made of the objects.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::change::{Expect, WriteError};
use super::database::Row;
use super::event::{Event, EventKind};
use super::memory::Memory;
use super::object::{Fields, Key, Labels, Object, Stored};
use super::record;
use super::seal::{Seal, SealError};
use super::text::Text;

/// A change with all of its work done but for the revision.
pub(super) struct Prepared {
    pub(super) key: Arc<Key>,
    pub(super) expect: Expect,
    /// What is to be there. None: nothing.
    pub(super) content: Option<Content>,
}

/// An object without its revision.
pub(super) struct Content {
    pub(super) text: Text,
    pub(super) labels: Labels,
    pub(super) fields: Fields,
    pub(super) expires_at: Option<Timestamp>,
}

/// Changes of one commit.
pub(super) struct Batch<'a> {
    memory: &'a Memory,
    seal: &'a dyn Seal,
    revision: u64,
    /// What there will be in the place of each key that was changed, with its record.
    changed: BTreeMap<Arc<Key>, Option<(Stored, Vec<u8>)>>,
    events: Vec<Arc<Event>>,
}

/// What is to be committed.
pub(super) struct Outcome {
    changed: BTreeMap<Arc<Key>, Option<(Stored, Vec<u8>)>>,
    pub(super) events: Vec<Arc<Event>>,
    pub(super) revision: u64,
}

impl<'a> Batch<'a> {
    /// None yet.
    pub(super) fn new(memory: &'a Memory, seal: &'a dyn Seal) -> Self {
        Self { memory, seal, revision: memory.revision(), changed: BTreeMap::new(), events: Vec::new() }
    }

    /// Adds a change, or refuses it.
    pub(super) fn add(&mut self, change: Prepared) -> Result<Stored, WriteError> {
        let current = match self.changed.get(&change.key) {
            Some(changed) => changed.as_ref().map(|(object, _)| object.clone()),
            None => self.memory.get(&change.key).cloned(),
        };
        expected(&change, current.as_ref())?;
        let revision = self.revision + 1;
        let event = match (change.content, current) {
            (Some(content), old) => put(change.key, content, old, revision),
            (None, Some(old)) => deletion(old, revision),
            (None, None) => return Err(WriteError::NotFound(Key::clone(&change.key))),
        };
        let object = event.object.clone();
        let key = object.key.clone();
        let left = match event.kind {
            EventKind::Deleted => None,
            EventKind::Added | EventKind::Modified => {
                let sealed = record::write(&object, self.seal);
                let record =
                    sealed.map_err(|SealError(problem)| WriteError::Seal { key: Key::clone(&key), problem })?;
                Some((object.clone(), record))
            }
        };
        self.changed.insert(key, left);
        self.events.push(Arc::new(event));
        self.revision = revision;
        Ok(object)
    }

    /// All that was added.
    pub(super) fn finish(self) -> Outcome {
        Outcome { changed: self.changed, events: self.events, revision: self.revision }
    }
}

impl Outcome {
    /// What the file is to have.
    pub(super) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.changed.iter().map(|(key, left)| (&**key, left.as_ref().map(|(_, record)| record.as_slice())))
    }
}

fn expected(change: &Prepared, current: Option<&Stored>) -> Result<(), WriteError> {
    match (change.expect, current) {
        (Expect::Any, _) | (Expect::Absent, None) => Ok(()),
        (Expect::Revision(revision), Some(current)) if current.revision == revision => Ok(()),
        (Expect::Revision(_), Some(current)) => Err(WriteError::Conflict(current.clone())),
        (Expect::Revision(_), None) => Err(WriteError::NotFound(Key::clone(&change.key))),
        (Expect::Absent, Some(current)) => Err(WriteError::Exists(current.clone())),
    }
}

fn put(key: Arc<Key>, content: Content, old: Option<Stored>, revision: u64) -> Event {
    let kind = if old.is_some() { EventKind::Modified } else { EventKind::Added };
    let Content { text, labels, fields, expires_at } = content;
    let line = text.at(revision, kind);
    // All states of an object share its key.
    let key = old.as_ref().map_or(key, |old| old.key.clone());
    let (json, version_at) = (line.json, line.version_at);
    let object = Arc::new(Object { key, revision, json, labels, fields, expires_at, version_at });
    Event { kind, object, old, line: line.line }
}

fn deletion(old: Stored, revision: u64) -> Event {
    let text = Text::without_version(&old.json, old.version_at, old.revision);
    let line = text.at(revision, EventKind::Deleted);
    let object = Object {
        key: old.key.clone(),
        revision,
        json: line.json,
        labels: old.labels.clone(),
        fields: old.fields.clone(),
        expires_at: old.expires_at,
        version_at: line.version_at,
    };
    Event { kind: EventKind::Deleted, object: Arc::new(object), old: Some(old), line: line.line }
}
