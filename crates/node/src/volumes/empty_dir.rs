//! `emptyDir`: a folder below the Pod's, or a tmpfs for `medium: Memory`.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use k8s_openapi::api::core::v1::EmptyDirVolumeSource;

use super::{VolumeError, tmpfs};
use crate::quantity;

/// Any container of the Pod may write, whatever user it runs as.
const MODE: u32 = 0o777;
/// Files made in a folder with this bit belong to the folder's group.
const SET_GID: u32 = 0o2000;

/// Makes the volume at `path` unless it is there.
pub(crate) fn set_up(path: &Path, source: &EmptyDirVolumeSource, fs_group: Option<u32>) -> Result<(), VolumeError> {
    fs::create_dir_all(path).map_err(VolumeError::file("create", path))?;
    if is_memory(source) {
        tmpfs::ensure_swappable(path, &options(source))?;
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

/// `size=<bytes>` if there is a limit.
fn options(source: &EmptyDirVolumeSource) -> String {
    let limit = source.size_limit.as_ref().and_then(quantity::value).filter(|bytes| *bytes > 0);
    limit.map(|bytes| format!("size={bytes}")).unwrap_or_default()
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
        set_up(&path, &EmptyDirVolumeSource::default(), None).unwrap();
        fs::write(path.join("checkpoint"), "5").unwrap();
        set_up(&path, &EmptyDirVolumeSource::default(), None).unwrap();
        assert_eq!(fs::read_to_string(path.join("checkpoint")).unwrap(), "5");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o777);
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
        set_up(&path, &source, Some(7)).unwrap();
        set_up(&path, &source, Some(7)).unwrap();
        let size = rustix::fs::statvfs(&path).unwrap();
        rustix::mount::unmount(&path, rustix::mount::UnmountFlags::empty()).unwrap();
        assert_eq!(size.f_blocks * size.f_frsize, 1 << 20);
        assert_eq!(fs::metadata(&path).unwrap().dev(), fs::metadata(folder.path()).unwrap().dev(), "mounted twice");
    }
}
