//! Temporary folders that a crash cannot leave behind for ever.
//!
//! The owner holds a lock on the folder itself. Whoever opens the store removes folders that
//! nobody holds.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::Digest;
use crate::error::{Error, Result};
use crate::index::IndexGuard;
use crate::lock::{FileLock, WorkLock, try_flock};
use crate::store::ImageStore;

/// A folder for work in progress; it goes with the value.
#[derive(Debug)]
pub(crate) struct WorkDir {
    dir: TempDir,
    _held: File,
}

impl WorkDir {
    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }
}

impl ImageStore {
    /// A new temporary folder on the store's file system.
    pub(crate) fn work_dir(&self) -> Result<WorkDir> {
        // The sweep looks for folders without a holder under the same lock.
        let _lock = FileLock::exclusive(&self.paths.lock())?;
        self.work_dir_locked()
    }

    /// The same for callers that hold the store's lock.
    pub(crate) fn work_dir_locked(&self) -> Result<WorkDir> {
        let temporary = self.paths.temporary();
        let dir = TempDir::with_prefix_in("", &temporary).map_err(|e| Error::io("make a folder in", &temporary, e))?;
        let held = File::open(dir.path()).map_err(|e| Error::io("open", dir.path(), e))?;
        try_flock(&held, dir.path())?;
        Ok(WorkDir { dir, _held: held })
    }

    /// Removes what processes left behind that are no more.
    pub(crate) fn sweep(&self) -> Result<()> {
        let mut abandoned = Vec::new();
        {
            let guard = self.change_index()?;
            for path in entries(&self.paths.temporary())? {
                let held = match File::open(&path) {
                    Ok(held) => held,
                    // Its owner has just finished.
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(Error::io("open", &path, error)),
                };
                if try_flock(&held, &path)? {
                    abandoned.push((path, held));
                }
            }
            for path in entries(&self.paths.locks())? {
                // A lock file goes with its lock; one that can be taken is a dead process's.
                drop(WorkLock::try_take(&path)?);
            }
            self.remove_half_written(&guard)?;
            let known: Vec<PathBuf> = guard.index.layers.values().map(|layer| self.paths.layer(layer.dir)).collect();
            let strays: Vec<PathBuf> =
                entries(&self.paths.layers())?.into_iter().filter(|path| !known.contains(path)).collect();
            if !strays.is_empty() {
                // Moved first: from here on they are ordinary leftovers.
                let trash = self.work_dir_locked()?;
                for (number, stray) in strays.iter().enumerate() {
                    let target = trash.path().join(number.to_string());
                    fs::rename(stray, target).map_err(|e| Error::io("move", stray, e))?;
                }
            }
        }
        for (path, held) in abandoned {
            remove_tree(&path)?;
            drop(held);
        }
        Ok(())
    }
}

impl ImageStore {
    /// Files whose writer died before they had their name, or before the index had the image. They are written under
    /// the store's lock only, so whoever holds it knows that nobody needs them.
    fn remove_half_written(&self, guard: &IndexGuard) -> Result<()> {
        for folder in [self.dir().to_path_buf(), self.paths.configs(), self.paths.leases()] {
            for path in entries(&folder)? {
                if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')) {
                    remove_file(&path)?;
                }
            }
        }
        self.remove_stray_configs(guard)
    }

    /// Configurations of images that the index does not have.
    pub(crate) fn remove_stray_configs(&self, guard: &IndexGuard) -> Result<()> {
        for path in entries(&self.paths.configs())? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if !Digest::from_hex(&name).is_some_and(|id| guard.index.images.contains_key(&id)) {
                remove_file(&path)?;
            }
        }
        Ok(())
    }
}

fn remove_file(path: &Path) -> Result<()> {
    fs::remove_file(path).map_err(|e| Error::io("remove", path, e))
}

fn remove_tree(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", path, error)),
        _ => Ok(()),
    }
}

/// Everything in a folder.
pub(crate) fn entries(dir: &Path) -> Result<Vec<PathBuf>> {
    let read = || fs::read_dir(dir)?.map(|entry| entry.map(|entry| entry.path())).collect::<std::io::Result<Vec<_>>>();
    read().map_err(|e| Error::io("list", dir, e))
}
