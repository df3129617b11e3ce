//! Leases: what containers use stays on disk, whatever happens to the image's names.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use crate::Digest;
use crate::error::{Error, Result};
use crate::image::Image;
use crate::store::ImageStore;
use crate::work::entries;

/// One holder's claim on an image and its layers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Who holds it, such as a container id.
    pub holder: String,
    /// Id of the image.
    pub image: Digest,
    /// Chain ids of its layers.
    layers: Vec<Digest>,
}

impl Lease {
    pub(crate) fn layers(&self) -> &[Digest] {
        &self.layers
    }
}

impl ImageStore {
    /// Keeps the layers of the image `id` on disk until `holder` releases them, and gives the
    /// image. A holder has one lease; taking another replaces it. Leases outlive processes.
    pub fn lease(&self, id: &Digest, holder: &str) -> Result<Image> {
        let path = self.lease_path(holder)?;
        let guard = self.change_index()?;
        let image = self.load(&guard.index, id)?;
        let layers = guard.index.images.get(id).map(|record| record.layers.clone()).unwrap_or_default();
        let lease = Lease { holder: holder.to_owned(), image: id.clone(), layers };
        let text = serde_json::to_vec(&lease).map_err(|source| Error::Damaged { path: path.clone(), source })?;
        // Not synced to disk: after a power cut no container runs that could need it.
        let write = || -> io::Result<()> {
            let mut file = NamedTempFile::new_in(self.paths.leases())?;
            file.write_all(&text)?;
            file.persist(&path).map(drop).map_err(|e| e.error)
        };
        write().map_err(|e| Error::io("write", &path, e))?;
        Ok(image)
    }

    /// Ends the lease of `holder`, if it has one. Layers that nothing else needs are removed.
    pub fn release(&self, holder: &str) -> Result<()> {
        let path = self.lease_path(holder)?;
        let Some(lease) = read(&path)? else { return remove(&path) };
        let mut guard = self.change_index()?;
        remove(&path)?;
        // As long as the image is there, its layers are needed anyway.
        if guard.index.images.contains_key(&lease.image) {
            return Ok(());
        }
        let trash = self.collect(&mut guard)?;
        drop(guard);
        drop(trash);
        Ok(())
    }

    /// All leases, for a runtime that looks for holders that are no more.
    pub fn leases(&self) -> Result<Vec<Lease>> {
        let mut leases = Vec::new();
        for path in entries(&self.paths.leases())? {
            // A leading dot marks a file that is being written.
            let named = path.file_name().is_some_and(|name| !name.to_string_lossy().starts_with('.'));
            if named && let Some(lease) = read(&path)? {
                leases.push(lease);
            }
        }
        Ok(leases)
    }

    fn lease_path(&self, holder: &str) -> Result<PathBuf> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        if holder.is_empty() || holder.len() > 200 || holder.starts_with('.') || !holder.bytes().all(allowed) {
            return Err(Error::InvalidHolder { holder: holder.to_owned() });
        }
        Ok(self.paths.leases().join(holder))
    }
}

/// `None` if there is none, or an empty file that a power cut left.
fn read(path: &Path) -> Result<Option<Lease>> {
    match fs::read(path) {
        Ok(text) if text.is_empty() => Ok(None),
        Ok(text) => serde_json::from_slice(&text)
            .map(Some)
            .map_err(|source| Error::Damaged { path: path.to_path_buf(), source }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("read", path, error)),
    }
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io("remove", path, error)),
        _ => Ok(()),
    }
}
