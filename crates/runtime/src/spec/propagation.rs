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

/// Requires that the mount which `source` is on is what `mount` needs.
pub fn check(mount: &Mount, source: &Path, needed: Needed) -> Result<(), SpecError> {
    let text = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    match on(&text, source) {
        Some((point, optional)) if !fits(&optional, needed) => Err(SpecError::NotShared {
            target: mount.container_path.clone(),
            source_path: source.display().to_string(),
            point: point.display().to_string(),
            needed: if needed == Needed::Shared { "a shared mount" } else { "a shared or slave mount" },
        }),
        _ => Ok(()),
    }
}

fn fits(optional: &str, needed: Needed) -> bool {
    let has = |kind: &str| optional.split(' ').any(|field| field.starts_with(kind));
    has("shared:") || (needed == Needed::SharedOrSlave && has("master:"))
}

/// The mount that `path` is on, and its optional fields, from the text of a `mountinfo`. A later mount hides an earlier
/// one at the same point.
fn on(mountinfo: &str, path: &Path) -> Option<(PathBuf, String)> {
    let mounts = mountinfo.lines().filter_map(|line| {
        let (before, _) = line.split_once(" - ")?;
        let mut fields = before.splitn(7, ' ').skip(4);
        let point = PathBuf::from(fields.next()?.replace("\\040", " "));
        let optional = fields.nth(1).unwrap_or_default().to_owned();
        path.starts_with(&point).then_some((point, optional))
    });
    mounts.max_by_key(|(point, _)| point.components().count())
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
}
