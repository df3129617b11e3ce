//! Volumes that are files made from objects and from the Pod itself. Containers only read them.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use k8s_openapi::api::core::v1::Volume;

use super::ownership::Group;
use super::{VolumeError, atomic_writer, ownership, payload, tmpfs};
use crate::paths::PodPaths;

/// As the kubelet's: it is mounted read-only, and nobody but root gets to it on the node.
const FOLDER_MODE: u32 = 0o777;

/// The folders of each kind of volume.
const CONFIG_MAP: &str = "kubernetes.io~configmap";
const SECRET: &str = "kubernetes.io~secret";
const DOWNWARD_API: &str = "kubernetes.io~downward-api";
const PROJECTED: &str = "kubernetes.io~projected";

/// Those that are tmpfs.
pub(crate) fn in_memory_plugins() -> impl Iterator<Item = &'static str> {
    [SECRET, DOWNWARD_API, PROJECTED].into_iter()
}

/// The folder of the volume's kind; none if it is no such volume.
pub(crate) fn plugin(volume: &Volume) -> Option<&'static str> {
    if volume.config_map.is_some() {
        Some(CONFIG_MAP)
    } else if volume.secret.is_some() {
        Some(SECRET)
    } else if volume.downward_api.is_some() {
        Some(DOWNWARD_API)
    } else if volume.projected.is_some() {
        Some(PROJECTED)
    } else {
        None
    }
}

/// Only what a ConfigMap holds may touch the disk.
fn is_in_memory(volume: &Volume) -> bool {
    volume.config_map.is_none()
}

/// Makes the volume's folder and files. Safe to repeat.
pub(crate) fn set_up(
    volume: &Volume,
    from: payload::Sources<'_>,
    paths: &PodPaths,
    group: Option<u32>,
) -> Result<(), VolumeError> {
    let Some(plugin) = plugin(volume) else { return Ok(()) };
    // First, so that nothing is made for a Pod that waits.
    let Some(payload) = payload::of(volume, from)? else { return Ok(()) };
    let path = paths.volume(plugin, &volume.name);
    fs::create_dir_all(&path).map_err(VolumeError::file("create", &path))?;
    if is_in_memory(volume) {
        tmpfs::ensure(&path, "mode=0777")?;
    }
    fs::set_permissions(&path, Permissions::from_mode(FOLDER_MODE))
        .map_err(VolumeError::file("set the mode of", &path))?;
    write(&path, &payload, group).map(drop)
}

/// Brings the files of a volume that was set up to what they are to be now. Gives whether they changed.
pub(crate) fn refresh(
    volume: &Volume,
    from: payload::Sources<'_>,
    paths: &PodPaths,
    group: Option<u32>,
) -> Result<bool, VolumeError> {
    let Some(plugin) = plugin(volume) else { return Ok(false) };
    let path = paths.volume(plugin, &volume.name);
    let is_set_up = path.is_dir() && (!is_in_memory(volume) || tmpfs::is_in_memory(&path)?);
    if !is_set_up {
        return Ok(false);
    }
    payload::of(volume, from)?.map_or(Ok(false), |payload| write(&path, &payload, group))
}

fn write(path: &Path, payload: &atomic_writer::Payload, group: Option<u32>) -> Result<bool, VolumeError> {
    let group = group.map(|id| Group { id, read_only: true });
    let give = |new: &Path| group.map_or(Ok(()), |group| ownership::give(new, group));
    let changed = atomic_writer::write(path, payload, give)?;
    match group {
        Some(group) if !ownership::top_is_given(path, group)? => ownership::give(path, group)?,
        _ => {}
    }
    Ok(changed)
}
