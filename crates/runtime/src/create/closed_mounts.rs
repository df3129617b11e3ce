//! Volumes with private propagation on a host whose mounts are shared.
//!
//! The sandbox's mounts take what the host mounts later, and libcontainer leaves it so for all that it binds. So a source
//! that must not is copied first, the copy is cut off from the host, and the container gets that.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::CWD;
use rustix::mount::{
    MountPropagationFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags, mount_change, move_mount, open_tree, unmount,
};
use serde::{Deserialize, Serialize};

use crate::layout::ContainerDir;

/// A source, and where its copy is while the container is created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    pub source: PathBuf,
    pub copy: PathBuf,
}

/// Why a copy could not be made or removed.
#[derive(Debug, thiserror::Error)]
#[error("copy the mount {}", path.display())]
pub struct ClosedMountError {
    path: PathBuf,
    source: io::Error,
}

/// The copies. They are removed with this value too: what removes the container's folder must not find volumes in it.
pub struct Copies {
    folder: PathBuf,
    made: Vec<PathBuf>,
}

/// Makes the copies.
pub fn make(container: &ContainerDir, wanted: &[Closed]) -> Result<Copies, ClosedMountError> {
    let mut copies = Copies { folder: container.closed_mounts(), made: Vec::new() };
    for Closed { source, copy } in wanted {
        copies.make_one(source, copy).map_err(|e| ClosedMountError { path: source.clone(), source: e })?;
    }
    Ok(copies)
}

impl Copies {
    fn make_one(&mut self, source: &Path, copy: &Path) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        if source.is_dir() {
            fs::create_dir(copy)?;
        } else {
            File::create(copy)?;
        }
        let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE;
        let tree = open_tree(CWD, source, flags)?;
        move_mount(&tree, "", CWD, copy, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?;
        self.made.push(copy.to_owned());
        mount_change(copy, MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
        Ok(())
    }

    /// Removes the copies.
    pub fn remove(mut self) -> Result<(), ClosedMountError> {
        self.unmount()
    }

    fn unmount(&mut self) -> Result<(), ClosedMountError> {
        while let Some(copy) = self.made.last() {
            unmount(copy, UnmountFlags::DETACH)
                .map_err(|e| ClosedMountError { path: copy.clone(), source: e.into() })?;
            self.made.pop();
        }
        if !self.folder.exists() {
            return Ok(());
        }
        fs::remove_dir_all(&self.folder).map_err(|e| ClosedMountError { path: self.folder.clone(), source: e })
    }
}

impl Drop for Copies {
    fn drop(&mut self) {
        // The creation has failed, and what is left is unmounted before the container's folder is removed.
        let _ = self.unmount();
    }
}
