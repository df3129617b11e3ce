//! What the store knows, in one file that is replaced as a whole.
//!
//! One file, because images, names and layers change together: a reader sees all of a change or
//! nothing of it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use crate::Digest;
use crate::error::{Error, Result};
use crate::lock::FileLock;

const FORMAT: u32 = 1;

/// The content of `index.json`.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Index {
    format: u32,
    /// Number of the next layer's folder; never used twice, so that a stale path can't mislead.
    next_layer: u64,
    /// Images by id.
    pub images: BTreeMap<Digest, ImageRecord>,
    /// Images by normalised name, with tag or digest.
    pub names: BTreeMap<String, Digest>,
    /// Layers by chain id.
    pub layers: BTreeMap<Digest, LayerRecord>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ImageRecord {
    /// Chain ids, bottom first.
    pub layers: Vec<Digest>,
    /// Made by this program for itself.
    #[serde(default)]
    pub pinned: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LayerRecord {
    /// Number of the folder.
    pub dir: u64,
    pub bytes: u64,
    pub inodes: u64,
}

impl Index {
    /// The index at `path`; an empty one if there is none yet.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self { format: FORMAT, ..Self::default() });
            }
            Err(error) => return Err(Error::io("read", path, error)),
        };
        let damaged = |source| Error::Damaged { path: path.to_path_buf(), source };
        let format: Format = serde_json::from_slice(&text).map_err(damaged)?;
        if format.format > FORMAT {
            return Err(Error::NewerFormat { path: path.to_path_buf(), found: format.format });
        }
        serde_json::from_slice(&text).map_err(damaged)
    }

    /// A number for a new layer's folder.
    pub(crate) fn take_layer_number(&mut self) -> u64 {
        let number = self.next_layer;
        self.next_layer += 1;
        number
    }
}

#[derive(Deserialize)]
struct Format {
    format: u32,
}

/// The index while this process alone may change it.
pub(crate) struct IndexGuard {
    pub index: Index,
    path: PathBuf,
    _lock: FileLock,
}

impl IndexGuard {
    pub(crate) fn new(lock: FileLock, path: PathBuf) -> Result<Self> {
        Ok(Self { index: Index::read(&path)?, path, _lock: lock })
    }

    /// Writes the index; from then on, everybody sees the change.
    pub(crate) fn save(&self) -> Result<()> {
        let text =
            serde_json::to_vec(&self.index).map_err(|source| Error::Damaged { path: self.path.clone(), source })?;
        replace(&self.path, &text)
    }
}

/// Replaces the file at `path` by `content`, durably.
pub(crate) fn replace(path: &Path, content: &[u8]) -> Result<()> {
    let dir = path.parent().unwrap_or(Path::new("/"));
    let write = || -> io::Result<()> {
        let mut file = NamedTempFile::new_in(dir)?;
        file.write_all(content)?;
        file.as_file().sync_data()?;
        file.persist(path).map_err(|e| e.error)?;
        File::open(dir)?.sync_all()
    };
    write().map_err(|e| Error::io("write", path, e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_of_a_newer_release_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("index.json");
        fs::write(&path, r#"{"format": 2, "somethingElse": {}}"#).unwrap();
        assert!(matches!(Index::read(&path), Err(Error::NewerFormat { found: 2, .. })));
    }

    #[test]
    fn a_missing_index_is_an_empty_one_and_a_damaged_one_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("index.json");
        assert!(Index::read(&path).unwrap().images.is_empty());
        fs::write(&path, "{").unwrap();
        assert!(matches!(Index::read(&path), Err(Error::Damaged { .. })));
    }

    #[test]
    fn layer_numbers_are_never_used_twice() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("index.json");
        let change = || IndexGuard::new(FileLock::exclusive(&dir.path().join("lock")).unwrap(), path.clone()).unwrap();
        let mut guard = change();
        let first = guard.index.take_layer_number();
        guard.save().unwrap();
        drop(guard);
        assert_ne!(change().index.take_layer_number(), first);
    }
}
