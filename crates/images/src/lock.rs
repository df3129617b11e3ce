//! Locks between processes, and between tasks of one: `flock`, which the kernel releases when its
//! holder dies.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::error::{Error, Result};

/// How often a process looks whether another one has finished a layer.
pub(crate) const POLL: Duration = Duration::from_millis(20);

/// A lock for a short time.
#[derive(Debug)]
pub(crate) struct FileLock {
    _file: File,
}

impl FileLock {
    /// Waits for the lock.
    pub(crate) fn exclusive(path: &Path) -> Result<Self> {
        let file = open(path)?;
        loop {
            match flock(&file, FlockOperation::LockExclusive) {
                Ok(()) => return Ok(Self { _file: file }),
                Err(Errno::INTR) => {}
                Err(error) => return Err(Error::io("lock", path, error)),
            }
        }
    }
}

/// A lock for as long as something takes to be made. Its file goes with it.
#[derive(Debug)]
pub(crate) struct WorkLock {
    path: PathBuf,
    _file: File,
}

impl WorkLock {
    /// Takes the lock unless somebody has it.
    pub(crate) fn try_take(path: &Path) -> Result<Option<Self>> {
        let file = open(path)?;
        if !try_flock(&file, path)? {
            return Ok(None);
        }
        // The previous holder may have removed the file after it was opened here.
        let own = file.metadata().map_err(|e| Error::io("look at", path, e))?;
        match std::fs::metadata(path) {
            Ok(found) if (found.dev(), found.ino()) == (own.dev(), own.ino()) => {
                Ok(Some(Self { path: path.to_path_buf(), _file: file }))
            }
            Ok(_) => Ok(None),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("look at", path, error)),
        }
    }
}

impl Drop for WorkLock {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "cannot remove a lock file");
        }
    }
}

/// Locks an open file or folder; false if somebody else has.
pub(crate) fn try_flock(file: &File, path: &Path) -> Result<bool> {
    loop {
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(true),
            Err(Errno::WOULDBLOCK) => return Ok(false),
            Err(Errno::INTR) => {}
            Err(error) => return Err(Error::io("lock", path, error)),
        }
    }
}

fn open(path: &Path) -> Result<File> {
    OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(|e| Error::io("open", path, e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_work_lock_is_held_by_one_and_leaves_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("layer");
        let held = WorkLock::try_take(&path).unwrap().unwrap();
        assert!(WorkLock::try_take(&path).unwrap().is_none());
        drop(held);
        assert!(!path.exists());
        assert!(WorkLock::try_take(&path).unwrap().is_some());
    }
}
