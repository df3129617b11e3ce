//! Small JSON records that are whole or not there: written beside and renamed, and synced where they must outlive a
//! power failure.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// What can go wrong with a record on disk.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// Reading or writing failed.
    #[error("{operation} {}", path.display())]
    Io {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The content is not what was written.
    #[error("{} does not hold what it should", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
}

impl DiskError {
    /// Wraps an I/O error with what was tried on which path.
    pub fn io<'p>(operation: &'static str, path: &'p Path) -> impl FnOnce(std::io::Error) -> Self + 'p {
        move |source| Self::Io { operation, path: path.to_owned(), source }
    }

    /// Whether the disk is full.
    pub fn is_no_space(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == ErrorKind::StorageFull)
    }
}

/// Writes a record so that after a crash the old or the new one is there. `durable` syncs it to disk first.
pub fn write<T: Serialize>(path: &Path, record: &T, durable: bool) -> Result<(), DiskError> {
    let text = serde_json::to_vec(record).map_err(|source| DiskError::Content { path: path.to_owned(), source })?;
    write_bytes(path, &text, durable)
}

/// As [`write`], for content that is not JSON.
pub fn write_bytes(path: &Path, content: &[u8], durable: bool) -> Result<(), DiskError> {
    let new = path.with_extension("new");
    let mut file = File::create(&new).map_err(DiskError::io("create", &new))?;
    file.write_all(content).map_err(DiskError::io("write", &new))?;
    if durable {
        file.sync_data().map_err(DiskError::io("sync", &new))?;
    }
    fs::rename(&new, path).map_err(DiskError::io("rename to", path))
}

/// Reads a record; none if there is no such file.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, DiskError> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(DiskError::io("read", path)(e)),
    };
    serde_json::from_slice(&text).map(Some).map_err(|source| DiskError::Content { path: path.to_owned(), source })
}

/// Makes a folder and its parents.
pub fn make_dir(path: &Path) -> Result<(), DiskError> {
    fs::create_dir_all(path).map_err(DiskError::io("make the folder", path))
}

/// Removes a folder with all in it; fine if it is not there.
pub fn remove_dir(path: &Path) -> Result<(), DiskError> {
    match fs::remove_dir_all(path) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(DiskError::io("remove", path)(e)),
        _ => Ok(()),
    }
}
