//! Mounts, as `/proc/<pid>/mountinfo` shows them.
//!
//! Only this process' own list is searched for mounts that are left: other mount namespaces (a shim of another test)
//! may hold copies for a moment that go by themselves.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::mount::{UnmountFlags, unmount};

/// Mount points below `folder`, in the order they were mounted.
pub(super) fn below(folder: &Path) -> Vec<PathBuf> {
    let text = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let points = text.lines().filter_map(|line| line.split(' ').nth(4)).map(unescape);
    points.filter(|point| point.starts_with(folder)).collect()
}

/// Whether the root file system of a process lies in `folder`: an overlay whose folders are there, or a bind mount.
pub(super) fn root_is_in(pid: i32, folder: &Path) -> bool {
    let Ok(text) = fs::read_to_string(format!("/proc/{pid}/mountinfo")) else { return false };
    let name = folder.to_string_lossy();
    text.lines().any(|line| line.split(' ').nth(4) == Some("/") && line.contains(&*name))
}

/// Takes a mount away, also when it is busy.
pub(super) fn detach(point: &Path) {
    if let Err(error) = unmount(point, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW) {
        eprintln!("testkit: unmount {}: {error}", point.display());
    }
}

/// Spaces and the like are octal in mountinfo.
fn unescape(text: &str) -> PathBuf {
    PathBuf::from(text.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\"))
}
