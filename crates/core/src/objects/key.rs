//! Which object.

use std::fmt;

/// The kinds of objects that Pods refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    /// `ConfigMap`
    ConfigMap,
    /// `Secret`
    Secret,
    /// `PersistentVolume`
    PersistentVolume,
    /// `PersistentVolumeClaim`
    PersistentVolumeClaim,
}

impl ObjectKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::ConfigMap, Self::Secret, Self::PersistentVolume, Self::PersistentVolumeClaim];

    /// The kind as manifests write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ConfigMap => "ConfigMap",
            Self::Secret => "Secret",
            Self::PersistentVolume => "PersistentVolume",
            Self::PersistentVolumeClaim => "PersistentVolumeClaim",
        }
    }

    /// The kind as messages about a missing object write it.
    #[must_use]
    pub fn lower_name(self) -> &'static str {
        match self {
            Self::ConfigMap => "configmap",
            Self::Secret => "secret",
            Self::PersistentVolume => "persistentvolume",
            Self::PersistentVolumeClaim => "persistentvolumeclaim",
        }
    }

    /// Whether objects of the kind live in namespaces.
    #[must_use]
    pub fn is_namespaced(self) -> bool {
        self != Self::PersistentVolume
    }

    /// The kind that `name` names.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// What tells an object from all others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// Its kind.
    pub kind: ObjectKind,
    /// Its namespace; empty for a kind that has none.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl ObjectKey {
    /// A key; the namespace of a kind that has none is dropped.
    #[must_use]
    pub fn new(kind: ObjectKind, namespace: &str, name: &str) -> Self {
        let namespace = if kind.is_namespaced() { namespace } else { "" };
        Self { kind, namespace: namespace.to_owned(), name: name.to_owned() }
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.kind.name())?;
        if !self.namespace.is_empty() {
            write!(f, "{}/", self.namespace)?;
        }
        f.write_str(&self.name)
    }
}
