//! Where objects are kept: on disk for good, in memory for reading, and for a while as they were before, for watchers.
//!
//! ```text
//!   write() --> queue --> writer thread: decide, one durable commit for all that wait --> memory + history --> answers
//!                                                                                              |
//!   get(), list() <----------------------------------------------------------------------------+--> watch()
//! ```
//!
//! What was answered is on the disk. Readers see a commit as a whole or not at all, and only when it is on the disk: nothing
//! that anybody has seen is lost. Revisions count changes of all resources; they go on after a restart.

mod batch;
mod change;
mod database;
mod error;
mod event;
mod expiry;
mod history;
mod interest;
mod memory;
mod object;
mod options;
mod record;
mod seal;
mod text;
mod watch;
mod writer;

#[cfg(test)]
mod crash_tests;
#[cfg(test)]
mod fake_disk;
#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod store_tests;

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, mpsc};

use tokio::sync::{Semaphore, oneshot};

pub use change::{Change, Expect, WriteError};
pub use error::OpenError;
pub use event::{AFTER_OBJECT, Event, EventKind};
pub use interest::Interest;
pub use object::{Fields, Key, Labels, Object, Pairs, Stored};
pub use options::{HistoryLimits, StoreOptions};
pub use seal::{Plain, Seal, SealError};
pub use watch::{TooOld, WatchEnd, WatchStream};

use batch::{Content, Prepared};
use database::Database;
use memory::{Memory, Shelf};
use text::Text;
use writer::{Ending, Message, Request, Writer};

/// Changes that wait for the writer at most; who comes then waits before it may queue.
const QUEUE: usize = 4096;

/// The objects. All clones are the same store; it closes when the last one is dropped.
#[derive(Clone)]
pub struct Store {
    memory: Arc<RwLock<Memory>>,
    queue: mpsc::Sender<Message>,
    places: Arc<Semaphore>,
}

impl Store {
    /// Opens the file, and makes it if it is not there. Reads all of it.
    ///
    /// # Errors
    /// If it is in use, damaged, of a newer version, sealed with a key that is not known, or can't be read.
    pub fn open(path: &Path, options: StoreOptions) -> Result<Self, OpenError> {
        Self::start(Database::open(path)?, options)
    }

    fn start(database: Database, options: StoreOptions) -> Result<Self, OpenError> {
        let StoreOptions { resources, seal, history } = options;
        let (objects, revision) = database.load(&resources, &*seal)?;
        let mut memory = Memory::new(&resources, history);
        memory.load(objects, revision);
        let memory = Arc::new(RwLock::new(memory));
        let (queue, asked) = mpsc::channel();
        let writer = Writer::new(asked, memory.clone(), database, seal);
        let ending = Ending(memory.clone());
        let work = move || {
            let closing = writer.run();
            drop(ending);
            // Who asked for it may have gone.
            let _ = closing.map(|closed| closed.send(()));
        };
        std::thread::Builder::new().name("store".to_owned()).spawn(work).map_err(OpenError::Thread)?;
        Ok(Self { memory, queue, places: Arc::new(Semaphore::new(QUEUE)) })
    }

    /// Makes a change. It is on the disk, and all readers see it, when this returns. It may be made also if the caller stops
    /// waiting. Returned is the object as it is now; if it was deleted, its last state with the revision at which it went.
    ///
    /// # Errors
    /// If what was expected is not there, and if the change can't be stored.
    pub async fn write(&self, change: Change) -> Result<Stored, WriteError> {
        let resource = change.key().resource;
        if self.read().resource(resource).is_none() {
            return Err(WriteError::UnknownResource(resource));
        }
        let change = prepare(change)?;
        let place = self.places.clone().acquire_owned().await.map_err(|_| WriteError::Closed)?;
        let (answer, answered) = oneshot::channel();
        let request = Request { change, answer, _place: place };
        self.queue.send(Message::Write(Box::new(request))).map_err(|_| WriteError::Closed)?;
        answered.await.unwrap_or(Err(WriteError::Closed))
    }

    /// An object.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<Stored> {
        self.read().get(key).cloned()
    }

    /// All objects of a resource, or those of a namespace, by namespace and name, and the revision as of which they are so.
    #[must_use]
    pub fn list(&self, resource: &str, namespace: Option<&str>) -> (Vec<Stored>, u64) {
        let memory = self.read();
        (listed(&memory, resource, namespace), memory.revision())
    }

    /// The same as of an older revision: for the next page of a list.
    ///
    /// # Errors
    /// If the history does not reach back to it.
    pub fn list_at(&self, resource: &str, namespace: Option<&str>, revision: u64) -> Result<Vec<Stored>, TooOld> {
        let memory = self.read();
        let Some((resource, shelf)) = shelf(&memory, resource) else { return Ok(Vec::new()) };
        let too_old = TooOld { asked: revision, oldest: shelf.history.reaches_back_to() };
        shelf.list_at(resource, namespace, revision).ok_or(too_old)
    }

    /// All events of a resource, or those of a namespace, after a revision; also one that is not there yet.
    ///
    /// # Errors
    /// If the history does not reach back to it.
    pub fn watch(&self, resource: &str, namespace: Option<&str>, after: u64) -> Result<WatchStream, TooOld> {
        let memory = self.read();
        let Some((resource, shelf)) = shelf(&memory, resource) else {
            return Err(TooOld { asked: after, oldest: memory.revision() });
        };
        let oldest = shelf.history.reaches_back_to();
        if after < oldest {
            return Err(TooOld { asked: after, oldest });
        }
        Ok(WatchStream::new(self.memory.clone(), shelf.news.clone(), resource, namespace, after))
    }

    /// A list, and a watch of all that happens after it, which is never too old.
    ///
    /// # Errors
    /// Never for a resource that is kept.
    pub fn list_and_watch(
        &self,
        resource: &str,
        namespace: Option<&str>,
    ) -> Result<(Vec<Stored>, u64, WatchStream), TooOld> {
        let memory = self.read();
        let revision = memory.revision();
        let Some((resource, shelf)) = shelf(&memory, resource) else {
            return Err(TooOld { asked: revision, oldest: revision });
        };
        let watch = WatchStream::new(self.memory.clone(), shelf.news.clone(), resource, namespace, revision);
        Ok((shelf.list(resource, namespace), revision, watch))
    }

    /// The same for one object.
    ///
    /// # Errors
    /// Never for a resource that is kept.
    pub fn get_and_watch(&self, key: &Key) -> Result<(Option<Stored>, u64, WatchStream), TooOld> {
        let memory = self.read();
        let revision = memory.revision();
        let Some((resource, shelf)) = shelf(&memory, key.resource) else {
            return Err(TooOld { asked: revision, oldest: revision });
        };
        let namespace = Some(key.namespace.as_str()).filter(|namespace| !namespace.is_empty());
        let watch = WatchStream::new(self.memory.clone(), shelf.news.clone(), resource, namespace, revision);
        Ok((memory.get(key).cloned(), revision, watch))
    }

    /// The revision of the newest change.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.read().revision()
    }

    /// Closes the store, once all that was asked before is done. Watches end; what is asked later is refused.
    pub async fn close(&self) {
        let (closed, done) = oneshot::channel();
        if self.queue.send(Message::Close(closed)).is_ok() {
            // An error says that it was closed already.
            let _ = done.await;
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Memory> {
        self.memory.read().unwrap_or_else(PoisonError::into_inner)
    }
}

fn shelf<'a>(memory: &'a Memory, resource: &str) -> Option<(&'static str, &'a Shelf)> {
    Some((memory.resource(resource)?, memory.shelf(resource)?))
}

fn listed(memory: &Memory, resource: &str, namespace: Option<&str>) -> Vec<Stored> {
    shelf(memory, resource).map(|(resource, shelf)| shelf.list(resource, namespace)).unwrap_or_default()
}

/// Does all work on a change that needs no revision.
fn prepare(change: Change) -> Result<Prepared, WriteError> {
    match change {
        Change::Delete { key, expect } => Ok(Prepared { key: Arc::new(key), expect, content: None }),
        Change::Put { key, expect, mut object, fields, expires_at } => {
            let labels = labels_of(&object);
            let Some(text) = Text::of(&mut object) else { return Err(WriteError::NoObject(key)) };
            let content = Some(Content { text, labels, fields, expires_at });
            Ok(Prepared { key: Arc::new(key), expect, content })
        }
    }
}

fn labels_of(object: &serde_json::Value) -> Labels {
    let labels = object.pointer("/metadata/labels").and_then(serde_json::Value::as_object);
    labels.into_iter().flatten().filter_map(|(name, value)| Some((name, value.as_str()?))).collect()
}
