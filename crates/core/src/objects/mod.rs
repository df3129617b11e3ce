//! The objects that Pods refer to: ConfigMaps, Secrets, PersistentVolumes and PersistentVolumeClaims.

mod admit;
pub mod binding;
mod key;
pub mod node_selector;
mod references;

use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolume, PersistentVolumeClaim, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

pub use admit::{admit_object, replace_object};
pub use key::{ObjectKey, ObjectKind};
pub use references::{TokenKey, claims, references, tokens};

/// One of them.
#[derive(Debug, Clone, PartialEq)]
pub enum ApiObject {
    /// Configuration.
    ConfigMap(ConfigMap),
    /// Configuration that others must not see.
    Secret(Secret),
    /// Storage that is there.
    PersistentVolume(Box<PersistentVolume>),
    /// Storage that is asked for.
    PersistentVolumeClaim(Box<PersistentVolumeClaim>),
}

impl ApiObject {
    /// What the object is.
    #[must_use]
    pub fn kind(&self) -> ObjectKind {
        match self {
            Self::ConfigMap(_) => ObjectKind::ConfigMap,
            Self::Secret(_) => ObjectKind::Secret,
            Self::PersistentVolume(_) => ObjectKind::PersistentVolume,
            Self::PersistentVolumeClaim(_) => ObjectKind::PersistentVolumeClaim,
        }
    }

    /// Its metadata.
    #[must_use]
    pub fn metadata(&self) -> &ObjectMeta {
        match self {
            Self::ConfigMap(object) => &object.metadata,
            Self::Secret(object) => &object.metadata,
            Self::PersistentVolume(object) => &object.metadata,
            Self::PersistentVolumeClaim(object) => &object.metadata,
        }
    }

    /// Its metadata, to be changed.
    pub fn metadata_mut(&mut self) -> &mut ObjectMeta {
        match self {
            Self::ConfigMap(object) => &mut object.metadata,
            Self::Secret(object) => &mut object.metadata,
            Self::PersistentVolume(object) => &mut object.metadata,
            Self::PersistentVolumeClaim(object) => &mut object.metadata,
        }
    }

    /// What tells it from all others.
    #[must_use]
    pub fn key(&self) -> ObjectKey {
        let metadata = self.metadata();
        let namespace = metadata.namespace.clone().unwrap_or_default();
        ObjectKey { kind: self.kind(), namespace, name: metadata.name.clone().unwrap_or_default() }
    }
}
