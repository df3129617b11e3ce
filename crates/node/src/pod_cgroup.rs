//! The cgroups of Pods, where the runtime only puts containers into them: how they are named, and taking them away.
//!
//! containerd and CRI-O make what they are told to use and leave it; a kubelet removes it after the Pod, and so does
//! this. With systemd as the runtime's cgroup driver they are slices, which systemd makes and collects.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Who makes cgroups for the runtime.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CgroupDriver {
    /// The runtime itself: names are paths.
    #[default]
    Cgroupfs,
    /// systemd: names are slices.
    Systemd,
}

/// The name of a Pod's cgroup below the node's `root`, such as `/reprise-1a2b`.
pub(crate) fn name(root: &str, uid: &str, driver: CgroupDriver) -> String {
    match driver {
        CgroupDriver::Cgroupfs => format!("{}/pod{uid}", root.trim_end_matches('/')),
        // A dash means a level of its own in the name of a slice.
        CgroupDriver::Systemd => {
            format!("{}-pod{}.slice", root.trim_matches('/').replace('/', "-"), uid.replace('-', "_"))
        }
    }
}

/// Removes a Pod's cgroup from all hierarchies, and the node's own if it was the last one in it.
///
/// # Errors
/// A process is still in it.
pub(crate) fn clear(root: &str, uid: &str) -> io::Result<()> {
    let mounts = fs::read_to_string("/proc/self/mountinfo")?;
    for hierarchy in hierarchies(&mounts) {
        let root = hierarchy.join(root.trim_matches('/'));
        remove(&root.join(format!("pod{uid}")))?;
        match fs::remove_dir(&root) {
            // Other Pods are in it.
            Err(e) if matches!(e.kind(), ErrorKind::ResourceBusy | ErrorKind::DirectoryNotEmpty) => {}
            Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
            _ => {}
        }
    }
    Ok(())
}

fn hierarchies(mountinfo: &str) -> impl Iterator<Item = PathBuf> {
    mountinfo.lines().filter_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        let is_cgroup = after.split(' ').next().is_some_and(|kind| kind == "cgroup" || kind == "cgroup2");
        before.split(' ').nth(4).filter(|_| is_cgroup).map(PathBuf::from)
    })
}

/// From the innermost outwards; files in it are the kernel's and go by themselves.
fn remove(group: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(group) {
        Ok(entries) => entries,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(e),
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove(&entry.path())?;
        }
    }
    match fs::remove_dir(group) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cgroup_is_a_path_or_a_slice() {
        assert_eq!(name("/reprise-1a", "u-1", CgroupDriver::Cgroupfs), "/reprise-1a/podu-1");
        assert_eq!(name("/reprise-1a", "u-1", CgroupDriver::Systemd), "reprise-1a-podu_1.slice");
    }

    #[test]
    fn hierarchies_of_both_versions_are_found() {
        let text = "30 25 0:26 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n\
                    31 25 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n\
                    32 25 0:28 / /proc rw - proc proc rw\n";
        let found: Vec<PathBuf> = hierarchies(text).collect();
        assert_eq!(found, [Path::new("/sys/fs/cgroup/cpu"), Path::new("/sys/fs/cgroup/unified")]);
    }

    #[test]
    fn a_group_that_is_not_there_is_cleared() {
        clear("/reprise-no-such-node", "no-such-pod").unwrap();
    }
}
