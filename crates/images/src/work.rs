//! Temporary folders that a crash cannot leave behind for ever.
//!
//! The owner holds a lock on the folder itself. Whoever opens the store removes folders that
//! nobody holds.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::error::{Error, Result};
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
