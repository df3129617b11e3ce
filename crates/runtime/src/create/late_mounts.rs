//! Mounts that the host has made since the sandbox began.
//!
//! The sandbox's mount namespace is a copy of the host's, from when the sandbox was made. Where the host's mounts are
//! shared, later ones appear in it by themselves. Where they are private (no systemd, many containers), a volume that
//! was mounted later, such as a subPath, would look like the empty folder below it: here it is fetched. So are mounts
//! with Bidirectional propagation: the sandbox's copies take what the host mounts, and give nothing back.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::CWD;
use rustix::mount::{MoveMountFlags, OpenTreeFlags, move_mount, open_tree};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use serde::{Deserialize, Serialize};

/// The source of a container's mount, and what the host sees there.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Source {
    path: PathBuf,
    device: u64,
    inode: u64,
    /// What is mounted below it in the container must appear on the host: it must be the host's own mount, not the
    /// sandbox's copy, which only takes.
    #[serde(default)]
    shared: bool,
}

/// Why a source could not be fetched.
#[derive(Debug, thiserror::Error)]
#[error("fetch the mount {} from the host", path.display())]
pub struct LateMountError {
    path: PathBuf,
    source: io::Error,
}

impl Source {
    /// Looks at `path` from the host; none if there is nothing, which whoever mounts it will say better.
    pub fn seen(path: &Path, shared: bool) -> Option<Self> {
        let stat = fs::metadata(path).ok()?;
        Some(Self { path: path.to_owned(), device: stat.dev(), inode: stat.ino(), shared })
    }

    /// What tells this source from another at the same path.
    pub fn identity(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.device.to_le_bytes());
        bytes[8..].copy_from_slice(&self.inode.to_le_bytes());
        bytes
    }

    fn is_here(&self) -> bool {
        fs::metadata(&self.path).is_ok_and(|stat| (stat.dev(), stat.ino()) == (self.device, self.inode))
    }
}

/// Makes the sources that look different here than from the host look the same, and shared ones the host's own. The
/// host is where the process `agent` is: the namespace of its init is closed to an agent with fewer capabilities.
pub fn fetch(sources: &[Source], agent: u32) -> Result<(), LateMountError> {
    for source in sources.iter().filter(|source| source.shared || !source.is_here()) {
        let failed = |e: io::Error| LateMountError { path: source.path.clone(), source: e };
        let tree = take(&source.path, agent).map_err(failed)?;
        move_mount(&tree, "", CWD, &source.path, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
            .map_err(|e| failed(e.into()))?;
    }
    Ok(())
}

/// A copy of what is mounted at `path` on the host.
fn take(path: &Path, agent: u32) -> io::Result<OwnedFd> {
    let (here, host) = (File::open("/proc/self/ns/mnt")?, File::open(format!("/proc/{agent}/ns/mnt"))?);
    let back_to = std::env::current_dir()?;
    enter(&host)?;
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    let taken = open_tree(CWD, path, flags | OpenTreeFlags::AT_RECURSIVE);
    enter(&here)?;
    std::env::set_current_dir(back_to)?;
    Ok(taken?)
}

fn enter(namespace: &File) -> io::Result<()> {
    Ok(move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Mount))?)
}
