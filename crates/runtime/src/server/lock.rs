//! One runtime per folder: two would each take up the other's shims.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
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
        let opened = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
        let mut file = opened.map_err(DiskError::io("open", &path))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let pid = fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok());
                return Err(RuntimeError::InUse { root: root.to_owned(), pid });
            }
            Err(errno) => return Err(DiskError::io("lock", &path)(errno.into()).into()),
        }
        let written = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
        written.map_err(DiskError::io("write", &path))?;
        Ok(Self { _file: file })
    }
}
