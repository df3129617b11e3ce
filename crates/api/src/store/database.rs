//! The database file: one table of objects, one with the revision. All of it is read once, when the store opens.
//!
//! A commit that fails may be on the disk or not, and redb goes no further after it. The file is opened anew then, and what
//! it has says which of both it is.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use redb::{Builder, DatabaseError, ReadableDatabase, ReadableTable, StorageError, TableDefinition};

use super::error::{OpenError, RecordError};
use super::object::{Key, Stored};
use super::record;
use super::seal::Seal;

const OBJECTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("objects");
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
/// The revision of the newest commit.
const REVISION: &str = "revision";

/// Pages that redb may keep in memory. What is read is in memory as objects: these are for finding a place for what is written.
const CACHE: usize = 8 << 20;

/// Opens the file.
pub(super) type Opener = Box<dyn Fn() -> Result<redb::Database, DatabaseError> + Send>;

/// The database file.
pub(super) struct Database {
    path: PathBuf,
    opener: Opener,
    /// None after a failure, until it is opened again.
    file: Option<redb::Database>,
    /// The length of the file after the last compaction.
    compacted_to: u64,
}

/// What is to be in the file in the place of a key: a record, or nothing.
pub(super) type Row<'a> = (&'a Key, Option<&'a [u8]>);

impl Database {
    /// Opens it, and checks every page of it. An empty one is made if there is none.
    pub(super) fn open(path: &Path) -> Result<Self, OpenError> {
        let file = path.to_owned();
        let opener = move || {
            let is_new = !file.exists();
            let opened = Builder::new().set_cache_size(CACHE).set_check_integrity_on_open(true).create(&file)?;
            if is_new && let Some(folder) = file.parent() {
                File::open(folder)?.sync_all()?;
            }
            Ok(opened)
        };
        Self::open_with(path, Box::new(opener))
    }

    /// The same with another way to open it.
    pub(super) fn open_with(path: &Path, opener: Opener) -> Result<Self, OpenError> {
        let file = opener().map_err(|error| open_error(path, error))?;
        Ok(Self { path: path.to_owned(), opener, file: Some(file), compacted_to: 0 })
    }

    /// All objects of these resources, and the revision.
    pub(super) fn load(&self, resources: &[&'static str], seal: &dyn Seal) -> Result<(Vec<Stored>, u64), OpenError> {
        let damaged = |problem: redb::Error| damaged(&self.path, problem.to_string());
        let Some(file) = &self.file else { return Err(self::damaged(&self.path, "it is closed".to_owned())) };
        let Some(revision) = revision(file).map_err(damaged)? else { return Ok((Vec::new(), 0)) };
        let read = file.begin_read().map_err(|e| damaged(e.into()))?;
        let table = read.open_table(OBJECTS).map_err(|e| damaged(e.into()))?;
        let mut objects = Vec::new();
        for row in table.iter().map_err(|e| damaged(e.into()))? {
            let (name, record) = row.map_err(|e| damaged(e.into()))?;
            let Some(key) = parse_key(name.value(), resources) else {
                tracing::debug!(name = name.value(), "not an object of a resource that is kept");
                continue;
            };
            objects.push(self.read(key, record.value(), revision, seal)?);
        }
        Ok((objects, revision))
    }

    fn read(&self, key: Key, record: &[u8], newest: u64, seal: &dyn Seal) -> Result<Stored, OpenError> {
        let path = self.path.clone();
        let object = record::read(key.clone(), record, seal).map_err(|error| match error {
            RecordError::Sealed(problem) => OpenError::Sealed { path, key, problem },
            RecordError::Layout(_) => OpenError::Newer { path, problem: format!("{key}: {error}") },
            RecordError::Cut | RecordError::Revision(_) => damaged(&path, format!("{key}: {error}")),
        })?;
        if object.revision > newest {
            let problem = format!("{} has the revision {}, after the newest, {newest}", object.key, object.revision);
            return Err(damaged(&self.path, problem));
        }
        Ok(object)
    }

    /// Whether a commit failed: [`Self::reopen`] is needed.
    pub(super) fn is_lost(&self) -> bool {
        self.file.is_none()
    }

    /// Opens the file again after a failed commit, if it has a revision that is expected.
    pub(super) fn reopen(&mut self, expected: impl Fn(u64) -> bool) -> Result<u64, String> {
        let opened = (self.opener)().map_err(|error| open_error(&self.path, error).to_string())?;
        let found = revision(&opened).map_err(|error| error.to_string())?.unwrap_or_default();
        if !expected(found) {
            return Err(format!("{} has the unexpected revision {found}: restart", self.path.display()));
        }
        self.file = Some(opened);
        Ok(found)
    }

    /// Makes all these changes, or none of them. They are on the disk when this returns.
    pub(super) fn commit<'a>(&mut self, rows: impl Iterator<Item = Row<'a>>, revision: u64) -> Result<(), String> {
        let Some(file) = &self.file else { return Err("it has failed before".to_owned()) };
        let done = commit(file, rows, revision);
        if done.is_err() {
            self.file = None;
        }
        done.map_err(|error| error.to_string())
    }

    /// How much longer than what is in it the file is, as a factor, if that is worth a compaction. `live`: bytes of all objects.
    pub(super) fn slack(&self, live: u64) -> Option<u64> {
        // A file that has no length that can be asked for is not one to compact.
        let length = fs::metadata(&self.path).map(|file| file.len()).unwrap_or_default();
        let factor = length / live.max(SMALL);
        (factor >= 2 && length / 2 > self.compacted_to).then_some(factor)
    }

    /// Makes the file as short as it can be. Each step of it is a commit: a crash in the middle loses nothing.
    pub(super) fn compact(&mut self) {
        let Some(file) = &mut self.file else { return };
        let before = fs::metadata(&self.path).map(|file| file.len()).unwrap_or_default();
        let compacted = file.compact();
        self.compacted_to = fs::metadata(&self.path).map(|file| file.len()).unwrap_or(u64::MAX);
        match compacted {
            Ok(_) => tracing::info!(before, after = self.compacted_to, "the database file was compacted"),
            Err(error) => {
                tracing::warn!(%error, "the database file can't be compacted");
                self.file = None;
            }
        }
    }
}

/// The revision that a file has. None: nothing was ever written.
fn revision(file: &redb::Database) -> Result<Option<u64>, redb::Error> {
    let meta = match file.begin_read()?.open_table(META) {
        Ok(meta) => meta,
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    Ok(meta.get(REVISION)?.map(|revision| revision.value()))
}

/// A file of this length is never too long.
const SMALL: u64 = 8 << 20;

fn commit<'a>(file: &redb::Database, rows: impl Iterator<Item = Row<'a>>, revision: u64) -> Result<(), redb::Error> {
    let transaction = file.begin_write()?;
    {
        let mut objects = transaction.open_table(OBJECTS)?;
        for (key, record) in rows {
            let name = format!("{}/{}/{}", key.resource, key.namespace, key.name);
            match record {
                Some(record) => drop(objects.insert(name.as_str(), record)?),
                None => drop(objects.remove(name.as_str())?),
            }
        }
        transaction.open_table(META)?.insert(REVISION, revision)?;
    }
    transaction.commit()?;
    Ok(())
}

fn parse_key(name: &str, resources: &[&'static str]) -> Option<Key> {
    let (resource, rest) = name.split_once('/')?;
    let (namespace, name) = rest.split_once('/')?;
    let resource = resources.iter().find(|known| **known == resource)?;
    Some(Key { resource, namespace: namespace.to_owned(), name: name.to_owned() })
}

fn damaged(path: &Path, problem: String) -> OpenError {
    OpenError::Damaged { path: path.to_owned(), problem }
}

fn open_error(path: &Path, error: DatabaseError) -> OpenError {
    let path = path.to_owned();
    match error {
        DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => OpenError::InUse(path),
        DatabaseError::Storage(StorageError::Io(source)) if source.kind() != std::io::ErrorKind::InvalidData => {
            OpenError::Io { path, source }
        }
        DatabaseError::UpgradeRequired(version) => OpenError::Newer { path, problem: format!("file format {version}") },
        error => OpenError::Damaged { path, problem: error.to_string() },
    }
}
