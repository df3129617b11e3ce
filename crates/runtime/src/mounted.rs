//! Mounts of containers that the host sees: those of sandboxes that share theirs, after their shim was killed.

use std::path::{Path, PathBuf};

use rustix::mount::{UnmountFlags, unmount};

use crate::disk::DiskError;

/// Unmounts what is mounted below `folder`, the innermost first. A folder with something still mounted in it must not be
/// removed: that could be a volume's content.
pub fn unmount_below(folder: &Path) -> Result<(), DiskError> {
    let path = Path::new("/proc/self/mountinfo");
    let text = std::fs::read_to_string(path).map_err(DiskError::io("read", path))?;
    for point in points_below(&text, folder) {
        unmount(&point, UnmountFlags::DETACH).map_err(|e| DiskError::io("unmount", &point)(e.into()))?;
    }
    Ok(())
}

/// The mount points at and below `folder`, the latest first: what is mounted in or over another comes after it.
fn points_below(mountinfo: &str, folder: &Path) -> Vec<PathBuf> {
    let points = mountinfo.lines().filter_map(|line| line.split(' ').nth(4)).map(unescape);
    let mut below: Vec<PathBuf> = points.filter(|point| point.starts_with(folder)).collect();
    below.reverse();
    below
}

/// The kernel writes blanks, tabs, line ends and backslashes in octal.
fn unescape(text: &str) -> PathBuf {
    let pairs = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    PathBuf::from(pairs.iter().fold(text.to_owned(), |text, (octal, plain)| text.replace(octal, plain)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_mounts_come_first_and_others_are_left_alone() {
        let info = "1 0 8:1 / /d/c/rootfs rw - overlay o rw\n2 1 8:1 / /d/c/rootfs/a\\040b rw - tmpfs t rw\n3 0 8:1 / /d/cc rw - tmpfs t rw";
        let below = points_below(info, Path::new("/d/c"));
        assert_eq!(below, [Path::new("/d/c/rootfs/a b"), Path::new("/d/c/rootfs")]);
    }
}
