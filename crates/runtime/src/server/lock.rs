//! One runtime per folder: two would each take up the other's shims.

use std::fs::File;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use super::RuntimeError;
use crate::disk::{self, DiskError};
use crate::layout::Layout;

/// The lock on a runtime's folder, held as long as this value lives.
#[derive(Debug)]
pub struct RuntimeLock {
    _file: File,
}

impl RuntimeLock {
    /// Takes the lock on `root`, making the folder if it is not there.
    pub fn take(root: &Path) -> Result<Self, RuntimeError> {
        disk::make_dir(root)?;
        let path = Layout::new(root).lock();
        let file = File::create(&path).map_err(DiskError::io("open", &path))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { _file: file }),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(RuntimeError::InUse(root.to_owned())),
            Err(errno) => Err(DiskError::io("lock", &path)(errno.into()).into()),
        }
    }
}
