//! Objects as files below the data folder, so that the next agent has them too.
//!
//! ```text
//! objects/configmaps/<namespace>/<name>/object.json
//! objects/secrets/<namespace>/<name>/object.json        a tmpfs: never on disk, gone after a reboot
//! objects/persistentvolumes/<name>/object.json
//! objects/persistentvolumeclaims/<namespace>/<name>/object.json
//! ```

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use reprise_core::objects::{ApiObject, ObjectKey, ObjectKind};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::NodeError;
use crate::paths::NodePaths;
use crate::record::replace::{Durability, replace_with_mode};
use crate::volumes::{VolumeError, teardown, tmpfs};

const FILE: &str = "object.json";
/// Only root reads what is in here.
const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// Where objects are kept.
#[derive(Debug)]
pub(super) struct Shelf {
    folder: PathBuf,
}

impl Shelf {
    pub(super) fn new(paths: &NodePaths) -> Self {
        Self { folder: paths.objects() }
    }

    /// All that are kept.
    pub(super) fn read(&self) -> Result<Vec<ApiObject>, NodeError> {
        let mut all = Vec::new();
        for kind in ObjectKind::ALL {
            let folder = self.of_kind(kind);
            let folders = if kind.is_namespaced() { subfolders(&folder)? } else { vec![folder] };
            for folder in folders {
                for object in subfolders(&folder)? {
                    all.extend(read_one(kind, &object.join(FILE))?);
                }
            }
        }
        Ok(all)
    }

    /// Keeps an object, in the place of the one that has its name.
    pub(super) fn write(&self, object: &ApiObject) -> Result<(), NodeError> {
        if object.kind() == ObjectKind::Secret {
            self.prepare_secrets()?;
        }
        let folder = self.of(&object.key());
        make(&folder)?;
        let path = folder.join(FILE);
        let content = match object {
            ApiObject::ConfigMap(object) => to_json(object, &path),
            ApiObject::Secret(object) => to_json(object, &path),
            ApiObject::PersistentVolume(object) => to_json(object, &path),
            ApiObject::PersistentVolumeClaim(object) => to_json(object, &path),
        }?;
        replace_with_mode(&path, &content, Durability::Disk, FILE_MODE).map_err(NodeError::file("write", path))
    }

    /// Removes one.
    pub(super) fn remove(&self, key: &ObjectKey) -> Result<(), NodeError> {
        let folder = self.of(key);
        teardown::remove(&folder).map_err(|source| failed(&folder, source))
    }

    /// Removes all. Secrets are removed before they are unmounted, for copies of the mount in other namespaces.
    pub(super) fn clear(&self) -> Result<(), NodeError> {
        let secrets = self.of_kind(ObjectKind::Secret);
        let removed = teardown::empty(&secrets).and_then(|()| teardown::remove(&self.folder));
        removed.map_err(|source| failed(&self.folder, source))
    }

    fn prepare_secrets(&self) -> Result<(), NodeError> {
        let folder = self.of_kind(ObjectKind::Secret);
        make(&folder)?;
        let mounted = tmpfs::ensure(&folder, &format!("mode={FOLDER_MODE:o}"));
        mounted.map_err(|source| failed(&folder, source))
    }

    fn of_kind(&self, kind: ObjectKind) -> PathBuf {
        self.folder.join(format!("{}s", kind.lower_name()))
    }

    fn of(&self, key: &ObjectKey) -> PathBuf {
        // Names went through validation: none holds a slash or is a dot.
        self.of_kind(key.kind).join(&key.namespace).join(&key.name)
    }
}

fn make(folder: &Path) -> Result<(), NodeError> {
    let made = DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder);
    made.map_err(NodeError::file("create", folder))
}

fn subfolders(folder: &Path) -> Result<Vec<PathBuf>, NodeError> {
    teardown::entries(folder).map_err(|source| failed(folder, source))
}

fn failed(path: &Path, source: VolumeError) -> NodeError {
    NodeError::Volumes { path: path.to_owned(), source: Box::new(source) }
}

fn read_one(kind: ObjectKind, path: &Path) -> Result<Option<ApiObject>, NodeError> {
    let content = match fs::read(path) {
        Ok(content) => content,
        // Its folder was made and the agent ended.
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(NodeError::file("read", path)(e)),
    };
    let object = match kind {
        ObjectKind::ConfigMap => ApiObject::ConfigMap(from_json(&content, path)?),
        ObjectKind::Secret => ApiObject::Secret(from_json(&content, path)?),
        ObjectKind::PersistentVolume => ApiObject::PersistentVolume(from_json(&content, path)?),
        ObjectKind::PersistentVolumeClaim => ApiObject::PersistentVolumeClaim(from_json(&content, path)?),
    };
    Ok(Some(object))
}

fn to_json(object: &impl Serialize, path: &Path) -> Result<Vec<u8>, NodeError> {
    serde_json::to_vec(object).map_err(|source| NodeError::BadRecord { path: path.to_owned(), source })
}

fn from_json<T: DeserializeOwned>(content: &[u8], path: &Path) -> Result<T, NodeError> {
    serde_json::from_slice(content).map_err(|source| NodeError::BadRecord { path: path.to_owned(), source })
}
