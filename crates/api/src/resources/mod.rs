//! What kinds there are: one table, [`TABLE`]. Adding a kind is adding a row and its types.
//!
//! Everything else of the server is the same code for each row: paths, verbs, discovery, schemas, storage. What differs is in
//! the row: how objects are decoded ([`Types`]), which fields can be selected, and what the kind itself decides ([`Behaviour`]).

mod behaviour;
mod jobs;
mod jobsets;
mod namespaces;
mod objects_of_pods;
mod others;
mod pods;
mod priorities;
mod rows;
mod rules;
mod stored;
mod types;

use std::fmt;

pub use behaviour::{Admitted, Behaviour, Context, Deletion, Lookup, Part};
pub use rows::TABLE;
pub use types::Types;

use crate::printing::Columns;

/// What can be done with objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Read one.
    Get,
    /// Read many.
    List,
    /// Follow changes.
    Watch,
    /// Make one.
    Create,
    /// Replace one.
    Update,
    /// Change one in part.
    Patch,
    /// Remove one.
    Delete,
    /// Remove many.
    DeleteCollection,
}

impl Verb {
    /// The verb in the words of discovery and RBAC.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A part of an object that has a path of its own, such as `status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subresource {
    /// Its name, such as `status`.
    pub name: &'static str,
    /// What is read and written there.
    pub kind: &'static str,
    /// The group and version of that kind, if they are not the resource's own.
    pub group_version: Option<(&'static str, &'static str)>,
    /// What can be done with it.
    pub verbs: &'static [Verb],
}

/// A field that a field selector may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SelectableField {
    /// The path, such as `spec.nodeName`.
    pub path: &'static str,
    /// What the field counts as where it is not set.
    pub unset: &'static str,
}

/// One kind.
pub struct Resource {
    /// The API group; empty for the core's.
    pub group: &'static str,
    /// The version.
    pub version: &'static str,
    /// The name in paths, such as `pods`.
    pub plural: &'static str,
    /// The name of one, such as `pod`.
    pub singular: &'static str,
    /// The kind, such as `Pod`.
    pub kind: &'static str,
    /// What people may write instead of the name.
    pub short_names: &'static [&'static str],
    /// The groups of kinds that it belongs to, such as `all`.
    pub categories: &'static [&'static str],
    /// Whether its objects are in namespaces.
    pub namespaced: bool,
    /// What can be done with its objects.
    pub verbs: &'static [Verb],
    /// The parts with paths of their own.
    pub subresources: &'static [Subresource],
    /// The fields that can be selected, besides name and namespace.
    pub selectable: &'static [SelectableField],
    /// Its name in the store, such as `pods` or `jobs.batch`.
    pub stored_as: &'static str,
    /// How its objects are read, written and described.
    pub types: Types,
    /// What `kubectl get` shows of its objects.
    pub columns: &'static Columns,
    /// What the kind itself decides.
    pub behaviour: &'static dyn Behaviour,
}

impl fmt::Debug for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Resource({})", self.stored_as)
    }
}

impl Resource {
    /// The `apiVersion` of its objects.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }

    /// The subresource of this name.
    #[must_use]
    pub fn subresource(&self, name: &str) -> Option<&'static Subresource> {
        self.subresources.iter().find(|subresource| subresource.name == name)
    }

    /// Whether its lists can be merged by their keys, as those of all kinds that are Kubernetes' own.
    #[must_use]
    pub fn has_strategic_patch(&self) -> bool {
        !self.group.ends_with(".x-k8s.io")
    }

    /// Whether its objects are stored: reviews are only answered.
    #[must_use]
    pub fn is_stored(&self) -> bool {
        self.verbs.contains(&Verb::Get)
    }
}

/// The row of a resource.
#[must_use]
pub fn find(group: &str, version: &str, plural: &str) -> Option<&'static Resource> {
    TABLE.iter().find(|row| row.group == group && row.version == version && row.plural == plural)
}

/// The row of a kind.
#[must_use]
pub fn find_kind(group: &str, version: &str, kind: &str) -> Option<&'static Resource> {
    TABLE.iter().find(|row| row.group == group && row.version == version && row.kind == kind)
}

/// The row of what is stored under this name.
#[must_use]
pub fn find_stored(stored_as: &str) -> Option<&'static Resource> {
    TABLE.iter().find(|row| row.stored_as == stored_as)
}
