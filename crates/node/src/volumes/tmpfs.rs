//! Folders that are file systems in memory.

use std::ffi::CString;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::io::Errno;
use rustix::mount::{MountFlags, mount};

use super::VolumeError;

/// What statfs calls a tmpfs (`TMPFS_MAGIC` of `linux/magic.h`).
const MAGIC: u32 = 0x0102_1994;

/// Makes `path` a tmpfs unless it lies on one, where the kernel can, one that is never swapped out.
pub(crate) fn ensure(path: &Path, options: &str) -> Result<(), VolumeError> {
    if is_in_memory(path)? {
        return Ok(());
    }
    let unswapped = if options.is_empty() { "noswap".to_owned() } else { format!("{options},noswap") };
    match mount_with(path, &unswapped) {
        Err(Errno::INVAL) => mount_with(path, options),
        other => other,
    }
    .map_err(VolumeError::file("mount a tmpfs on", path))
}

/// The same, of which the kernel may swap parts out: for what containers write.
pub(crate) fn ensure_swappable(path: &Path, options: &str) -> Result<(), VolumeError> {
    if is_mount_point(path)? {
        return Ok(());
    }
    mount_with(path, options).map_err(VolumeError::file("mount a tmpfs on", path))
}

fn mount_with(path: &Path, options: &str) -> Result<(), Errno> {
    let options = CString::new(options).map_err(|_| Errno::INVAL)?;
    mount("tmpfs", path, "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, options.as_c_str())
}

/// Whether `path` lies on a tmpfs: its own, or, where the whole data folder is in memory, that.
pub(crate) fn is_in_memory(path: &Path) -> Result<bool, VolumeError> {
    let found = rustix::fs::statfs(path).map_err(VolumeError::file("look at the file system of", path))?;
    Ok(u32::try_from(found.f_type) == Ok(MAGIC))
}

/// Whether something is mounted right at `path`: it then lies on another device than its parent.
pub(crate) fn is_mount_point(path: &Path) -> Result<bool, VolumeError> {
    let device = |p: &Path| fs::symlink_metadata(p).map(|m| m.dev()).map_err(VolumeError::file("look at", p));
    match path.parent() {
        Some(parent) => Ok(device(path)? != device(parent)?),
        None => Ok(true),
    }
}
