//! Whether a host's mount can share what is mounted below it with a container.
//!
//! The kernel would not complain: a mount that is to be shared, on a host mount that is private, just shows nothing.

use std::path::{Path, PathBuf};

use reprise_cri::v1::Mount;

use super::SpecError;

/// What the host's mount must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needed {
    /// For `Bidirectional`.
    Shared,
    /// For `HostToContainer`.
    SharedOrSlave,
}

/// The host's mounts, as the kernel tells them.
pub fn mountinfo() -> String {
    std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default()
}

/// Requires that the mount which `source` is on is what `mount` needs.
pub fn check(mountinfo: &str, mount: &Mount, source: &Path, needed: Needed) -> Result<(), SpecError> {
    match on(mountinfo, source) {
        Some((point, optional)) if !fits(&optional, needed) => Err(SpecError::NotShared {
            target: mount.container_path.clone(),
            source_path: source.display().to_string(),
            point: point.display().to_string(),
            needed: if needed == Needed::Shared { "a shared mount" } else { "a shared or slave mount" },
        }),
        _ => Ok(()),
    }
}

/// Whether what the host mounts at or below `source` later appears there too, from the text of a `mountinfo`.
pub fn is_open(mountinfo: &str, source: &Path) -> bool {
    let shares = |optional: &str| fits(optional, Needed::SharedOrSlave);
    on(mountinfo, source).is_some_and(|(_, optional)| shares(&optional))
        || mounts(mountinfo).any(|(point, optional)| point.starts_with(source) && shares(&optional))
}

fn fits(optional: &str, needed: Needed) -> bool {
    let has = |kind: &str| optional.split(' ').any(|field| field.starts_with(kind));
    has("shared:") || (needed == Needed::SharedOrSlave && has("master:"))
}

/// The mount that `path` is on, and its optional fields, from the text of a `mountinfo`. A later mount hides an earlier
/// one at the same point.
fn on(mountinfo: &str, path: &Path) -> Option<(PathBuf, String)> {
    mounts(mountinfo).filter(|(point, _)| path.starts_with(point)).max_by_key(|(point, _)| point.components().count())
}

/// Mount points with their optional fields.
fn mounts(mountinfo: &str) -> impl Iterator<Item = (PathBuf, String)> {
    mountinfo.lines().filter_map(|line| {
        let (before, _) = line.split_once(" - ")?;
        let mut fields = before.splitn(7, ' ').skip(4);
        let point = PathBuf::from(fields.next()?.replace("\\040", " "));
        let optional = fields.nth(1).unwrap_or_default().to_owned();
        Some((point, optional))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const INFO: &str = "\
22 1 8:1 / / rw,relatime - ext4 /dev/vda rw
23 22 0:5 / /mnt rw shared:7 - tmpfs tmpfs rw
24 22 0:6 / /srv rw master:3 - tmpfs tmpfs rw";

    #[test]
    fn the_innermost_mount_decides() {
        let fits = |path: &str, needed| super::fits(&on(INFO, Path::new(path)).unwrap().1, needed);
        assert!(fits("/mnt/a/b", Needed::Shared) && fits("/mnt", Needed::SharedOrSlave));
        assert!(fits("/srv/x", Needed::SharedOrSlave) && !fits("/srv/x", Needed::Shared));
        assert!(!fits("/mntx", Needed::SharedOrSlave));
        assert_eq!(on(INFO, Path::new("/mnt/a")).unwrap().0, Path::new("/mnt"));
    }

    #[test]
    fn a_source_is_open_to_the_host_by_its_mount_or_one_below() {
        let open = |path: &str| is_open(INFO, Path::new(path));
        assert!(open("/mnt/a") && open("/srv") && open("/"));
        assert!(!open("/home") && !open("/mntx"));
    }
}
