//! A disk in memory for tests: it outlives the store that is on it, fails when told to, and forgets what was not synced
//! when the power fails.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use redb::{Builder, StorageBackend};

use super::database::{Database, Opener};

/// What is on it. All clones are the same disk.
#[derive(Debug, Clone, Default)]
pub struct FakeDisk(Arc<Mutex<Contents>>);

#[derive(Debug, Default)]
struct Contents {
    bytes: Vec<u8>,
    synced: Vec<u8>,
    fails: Option<Failure>,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// Nothing can be written: the disk is full.
    Writing,
    /// Everything is written, and then the disk says that it was not.
    Syncing,
}

impl FakeDisk {
    /// From now on this goes wrong, or nothing.
    pub fn fail(&self, failure: Option<Failure>) {
        self.0.lock().unwrap().fails = failure;
    }

    /// What would be there after a power failure now: what was not synced is lost.
    pub fn after_power_failure(&self) -> Self {
        let synced = self.0.lock().unwrap().synced.clone();
        Self(Arc::new(Mutex::new(Contents { bytes: synced.clone(), synced, fails: None })))
    }

    /// The bytes, to damage them.
    pub fn damage(&self, change: impl FnOnce(&mut Vec<u8>)) {
        change(&mut self.0.lock().unwrap().bytes);
    }

    /// The length of the file on it.
    pub fn length(&self) -> usize {
        self.0.lock().unwrap().bytes.len()
    }

    /// A way to open it.
    pub fn opener(&self) -> Opener {
        let disk = self.clone();
        Box::new(move || Builder::new().set_check_integrity_on_open(true).create_with_backend(disk.clone()))
    }

    /// The database on it.
    pub(super) fn database(&self) -> Result<Database, super::OpenError> {
        Database::open_with(Path::new("/disk/of/a/test"), self.opener())
    }
}

impl StorageBackend for FakeDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.length() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let contents = self.0.lock().unwrap();
        let from = usize::try_from(offset).unwrap();
        let read = contents.bytes.get(from..from + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(read);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut contents = self.0.lock().unwrap();
        if contents.fails == Some(Failure::Writing) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        contents.bytes.resize(usize::try_from(len).unwrap(), 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut contents = self.0.lock().unwrap();
        if contents.fails.is_some() {
            return Err(io::Error::other("the disk does not answer"));
        }
        contents.synced = contents.bytes.clone();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut contents = self.0.lock().unwrap();
        if contents.fails == Some(Failure::Writing) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let from = usize::try_from(offset).unwrap();
        contents.bytes[from..from + data.len()].copy_from_slice(data);
        Ok(())
    }
}
