//! `emptyDir`: a folder below the Pod's, or a tmpfs for `medium: Memory`.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use k8s_openapi::api::core::v1::{EmptyDirVolumeSource, Pod};
use reprise_core::resources;

use super::{VolumeError, tmpfs};
use crate::quantity;

/// Any container of the Pod may write, whatever user it runs as.
const MODE: u32 = 0o777;
/// Files made in a folder with this bit belong to the folder's group.
const SET_GID: u32 = 0o2000;

/// Makes the volume at `path` unless it is there; in memory it has so many bytes.
pub(crate) fn set_up(
    path: &Path,
    source: &EmptyDirVolumeSource,
    size_in_memory: i64,
    fs_group: Option<u32>,
) -> Result<(), VolumeError> {
    fs::create_dir_all(path).map_err(VolumeError::file("create", path))?;
    if is_memory(source) {
        tmpfs::ensure_swappable(path, &format!("size={size_in_memory}"))?;
    }
    let mode = if fs_group.is_some() { MODE | SET_GID } else { MODE };
    if fs_group.is_some() {
        chown(path, None, fs_group).map_err(VolumeError::file("change the group of", path))?;
    }
    fs::set_permissions(path, Permissions::from_mode(mode)).map_err(VolumeError::file("set the mode of", path))
}

/// Whether it lives in memory.
pub(crate) fn is_memory(source: &EmptyDirVolumeSource) -> bool {
    source.medium.as_deref() == Some("Memory")
}

/// What a volume in memory can hold: its own limit, but no more than the Pod may have and all Pods together.
pub(crate) fn size_in_memory(pod: &Pod, source: &EmptyDirVolumeSource, offered: i64) -> i64 {
    let own = source.size_limit.as_ref().and_then(quantity::value);
    let of_pod = resources::limits(pod).get("memory").map(|limit| limit.value());
    let of_pod = of_pod.filter(|_| resources::is_limited(pod, "memory"));
    [own, of_pod].into_iter().flatten().filter(|bytes| *bytes > 0).fold(offered, i64::min)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn content_stays_when_the_volume_is_set_up_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a").join("v");
        set_up(&path, &EmptyDirVolumeSource::default(), 0, None).unwrap();
        fs::write(path.join("checkpoint"), "5").unwrap();
        set_up(&path, &EmptyDirVolumeSource::default(), 0, None).unwrap();
        assert_eq!(fs::read_to_string(path.join("checkpoint")).unwrap(), "5");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o777);
    }

    #[test]
    fn what_a_volume_in_memory_holds_is_the_least_of_what_limits_it() {
        let size = |source: serde_json::Value, memory: &[&str]| {
            let limited = |limit: &&str| json!({"name": "c", "resources": {"limits": {"memory": limit}}});
            let containers: Vec<_> = memory.iter().map(limited).collect();
            let pod = serde_json::from_value(json!({"spec": {"containers": containers}})).unwrap();
            size_in_memory(&pod, &serde_json::from_value(source).unwrap(), 1000)
        };
        assert_eq!(size(json!({"sizeLimit": "100"}), &["200", "300"]), 100);
        assert_eq!(size(json!({}), &["200", "300"]), 500);
        assert_eq!(size(json!({}), &["200", "0"]), 1000);
        assert_eq!(size(json!({"sizeLimit": "2000"}), &[]), 1000);
    }

    #[test]
    fn a_memory_volume_has_the_size_of_its_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("v");
        let source: EmptyDirVolumeSource =
            serde_json::from_value(json!({"medium": "Memory", "sizeLimit": "1Mi"})).unwrap();
        if !rustix::process::geteuid().is_root() {
            return;
        }
        set_up(&path, &source, 1 << 20, Some(7)).unwrap();
        set_up(&path, &source, 1 << 20, Some(7)).unwrap();
        let size = rustix::fs::statvfs(&path).unwrap();
        rustix::mount::unmount(&path, rustix::mount::UnmountFlags::empty()).unwrap();
        assert_eq!(size.f_blocks * size.f_frsize, 1 << 20);
        assert_eq!(fs::metadata(&path).unwrap().dev(), fs::metadata(folder.path()).unwrap().dev(), "mounted twice");
    }
}
