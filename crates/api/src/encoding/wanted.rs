//! The kind that a body must be.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::DeleteOptions;
use reprise_core::manifest::{Reading, Tree};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::resources::Resource;

/// What a request's body must be.
#[derive(Clone, Copy)]
pub struct Wanted {
    /// The API group; empty for the core's.
    pub group: &'static str,
    /// The version.
    pub version: &'static str,
    /// The kind.
    pub kind: &'static str,
    /// Whether a body may name any other `apiVersion`, as options may.
    pub any_version: bool,
    /// Reads it.
    pub read: fn(&Tree) -> Reading,
}

impl Wanted {
    /// A kind whose type is `T`.
    #[must_use]
    pub const fn of<T: DeserializeOwned + Serialize>(
        group: &'static str,
        version: &'static str,
        kind: &'static str,
    ) -> Self {
        Self { group, version, kind, any_version: false, read: Tree::read::<T> }
    }

    /// The options of a delete.
    #[must_use]
    pub const fn delete_options() -> Self {
        Self { any_version: true, ..Self::of::<DeleteOptions>("meta.k8s.io", "v1", "DeleteOptions") }
    }

    /// The `apiVersion` of such an object.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }
}

impl From<&Resource> for Wanted {
    fn from(resource: &Resource) -> Self {
        Self {
            group: resource.group,
            version: resource.version,
            kind: resource.kind,
            any_version: false,
            read: resource.types.read,
        }
    }
}
