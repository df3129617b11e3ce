//! The Pod's volumes: made before its sandbox, the same in every epoch, gone with the Pod.
//!
//! A node without an API server can provide `emptyDir` and `hostPath`. Everything that the node makes lies below the
//! Pod's folder; what lies elsewhere (hostPath) is only ever mounted, never changed or removed.

pub(crate) mod empty_dir;
pub(crate) mod error;
pub(crate) mod host_path;
pub(crate) mod mount;
pub(crate) mod sub_path;
pub(crate) mod teardown;
pub(crate) mod usage;

use std::path::PathBuf;

use k8s_openapi::api::core::v1::{Pod, Volume};

pub(crate) use error::VolumeError;

use crate::paths::PodPaths;

/// Makes all volumes of the Pod. Safe to repeat: what exists stays, and what a reboot unmounted is mounted again.
pub(crate) fn set_up(pod: &Pod, paths: &PodPaths) -> Result<(), VolumeError> {
    let spec = pod.spec.as_ref();
    let fs_group = spec.and_then(|s| s.security_context.as_ref()).and_then(|c| c.fs_group);
    for volume in spec.iter().flat_map(|s| s.volumes.iter().flatten()) {
        if let Some(source) = &volume.empty_dir {
            empty_dir::set_up(&paths.empty_dir(&volume.name), source, fs_group)?;
        } else if let Some(source) = &volume.host_path {
            host_path::check(&volume.name, source)?;
        } else {
            return Err(VolumeError::Unsupported { volume: volume.name.clone(), kind: kind(volume) });
        }
    }
    Ok(())
}

/// Where the volume called `name` lies on the node.
pub(crate) fn location(pod: &Pod, paths: &PodPaths, name: &str) -> Result<PathBuf, VolumeError> {
    let mut volumes = pod.spec.iter().flat_map(|s| s.volumes.iter().flatten());
    let Some(volume) = volumes.find(|v| v.name == name) else {
        return Err(VolumeError::NotFound { volume: name.to_owned() });
    };
    match (&volume.empty_dir, &volume.host_path) {
        (Some(_), _) => Ok(paths.empty_dir(name)),
        (None, Some(source)) => Ok(PathBuf::from(&source.path)),
        (None, None) => Err(VolumeError::Unsupported { volume: name.to_owned(), kind: kind(volume) }),
    }
}

/// The field of the volume's source, as the manifest spells it.
fn kind(volume: &Volume) -> String {
    let fields = serde_json::to_value(volume).ok();
    let mut names = fields.iter().flat_map(|v| v.as_object()).flat_map(|o| o.keys());
    names.find(|k| *k != "name").cloned().unwrap_or_else(|| "no source".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths::NodePaths;
    use serde_json::json;

    #[test]
    fn a_volume_that_needs_an_api_server_is_refused_by_its_name_and_kind() {
        let folder = tempfile::tempdir().unwrap();
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"uid": "u"},
            "spec": {"containers": [], "volumes": [{"name": "v", "configMap": {"name": "m"}}]}
        }))
        .unwrap();
        let error = set_up(&pod, &NodePaths::new(folder.path()).pod(&pod)).unwrap_err();
        assert!(matches!(error, VolumeError::Unsupported { volume, kind } if volume == "v" && kind == "configMap"));
    }
}
