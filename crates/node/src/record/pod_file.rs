//! `pod.json`: the Pod as admitted, with what has been asked for since (deletion, annotations).

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use k8s_openapi::api::core::v1::Pod;

use super::replace::{Durability, replace};
use crate::error::NodeError;
use crate::paths::{NodePaths, PodPaths};

/// Makes the Pod's folder. Without the Pod's file in it, it counts for nothing.
pub(crate) fn make_folder(paths: &PodPaths) -> Result<(), NodeError> {
    fs::create_dir_all(paths.folder()).map_err(NodeError::file("create", paths.folder()))
}

/// Writes the Pod durably.
pub(crate) fn write(paths: &PodPaths, pod: &Pod) -> Result<(), NodeError> {
    let path = paths.pod_file();
    let content = serde_json::to_vec(pod).map_err(|source| NodeError::BadRecord { path: path.clone(), source })?;
    make_folder(paths)?;
    replace(&path, &content, Durability::Disk).map_err(NodeError::file("write", path))
}

/// Reads all Pods that the node has, and the folders that hold none (a creation or removal that was cut short).
pub(crate) fn read_all(paths: &NodePaths) -> Result<(Vec<Pod>, Vec<PathBuf>), NodeError> {
    let folder = paths.pods();
    fs::create_dir_all(&folder).map_err(NodeError::file("create", &folder))?;
    // Volumes in it are open to every user of a container; users of the host do not get that far.
    fs::set_permissions(&folder, Permissions::from_mode(0o750)).map_err(NodeError::file("set the mode of", &folder))?;
    let (mut pods, mut orphans) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(&folder).map_err(NodeError::file("read", &folder))? {
        let entry = entry.map_err(NodeError::file("read", &folder))?.path();
        match read(&entry.join("pod.json"))? {
            Some(pod) => pods.push(pod),
            None => orphans.push(entry),
        }
    }
    Ok((pods, orphans))
}

fn read(path: &Path) -> Result<Option<Pod>, NodeError> {
    match fs::read(path) {
        Ok(content) => serde_json::from_slice(&content)
            .map(Some)
            .map_err(|source| NodeError::BadRecord { path: path.to_owned(), source }),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(NodeError::File { operation: "read", path: path.to_owned(), source }),
    }
}
