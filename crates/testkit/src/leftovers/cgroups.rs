//! The cgroups of a node, in all hierarchies (one of version 2, several of version 1).
//!
//! A node keeps all its cgroups below one folder per hierarchy, `/reprise-...`; which one is learnt by looking at its
//! processes while they run.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// Where hierarchies are mounted.
const ROOT: &str = "/sys/fs/cgroup";

/// The node's folders that `pid` is below, relative to their hierarchy.
pub(super) fn node_groups_of(pid: i32) -> BTreeSet<PathBuf> {
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    text.lines().filter_map(|line| node_group(line.splitn(3, ':').nth(2)?)).collect()
}

/// The part of a cgroup's path up to the folder that carries our name.
fn node_group(path: &str) -> Option<PathBuf> {
    let mut group = PathBuf::new();
    for part in Path::new(path).components() {
        let Component::Normal(name) = part else { continue };
        group.push(name);
        if name.to_string_lossy().starts_with("reprise-") {
            return Some(group);
        }
    }
    None
}

/// The folders that still exist for these groups, deepest last.
pub(super) fn existing(groups: &BTreeSet<PathBuf>) -> Vec<PathBuf> {
    let hierarchies = hierarchies();
    let folders = groups.iter().flat_map(|group| hierarchies.iter().map(move |root| root.join(group)));
    folders.filter(|folder| folder.is_dir()).collect()
}

/// The root itself (version 2 alone) and each folder in it (version 1 and hybrid).
fn hierarchies() -> Vec<PathBuf> {
    let mut found = vec![PathBuf::from(ROOT)];
    let entries = fs::read_dir(ROOT).into_iter().flatten().flatten();
    found.extend(
        entries.map(|entry| entry.path()).filter(|path| path.join("cgroup.procs").exists() && !path.is_symlink()),
    );
    found
}

/// Removes a group with all below it; fails where a process is still in one.
pub(super) fn remove(group: &Path) {
    for entry in fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove(&entry.path());
        }
    }
    if let Err(error) = fs::remove_dir(group) {
        eprintln!("testkit: remove cgroup {}: {error}", group.display());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nodes_own_folder_is_found_however_deep_its_groups_are() {
        let cases = [
            ("/reprise-1a2b/pod-x/c1", Some("reprise-1a2b")),
            ("/docker/abc/reprise-1a2b", Some("docker/abc/reprise-1a2b")),
            ("/user.slice/reprise", None),
            ("/", None),
        ];
        for (path, group) in cases {
            assert_eq!(node_group(path), group.map(PathBuf::from), "{path}");
        }
    }
}
