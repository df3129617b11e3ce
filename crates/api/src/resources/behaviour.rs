//! What a kind decides for itself: how its objects are made right, checked, changed and removed.

use jiff::Timestamp;
use reprise_core::gates::FeatureGates;
use serde_json::Value;

use super::Resource;
use crate::status::ApiError;

/// Which part of an object is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// All but the status.
    Main,
    /// The status, and of the metadata what people set.
    Status,
    /// The ephemeral containers of a Pod.
    EphemeralContainers,
    /// The node of a Pod, and that it has one.
    Binding,
    /// What keeps a namespace that is being deleted.
    Finalizers,
}

/// What a kind may want to know beyond the object itself.
pub struct Context<'a> {
    /// The row.
    pub resource: &'static Resource,
    /// The feature gates.
    pub gates: FeatureGates,
    /// Whether containers may be privileged.
    pub allow_privileged: bool,
    /// Other objects.
    pub lookup: &'a dyn Lookup,
    /// When this happens.
    pub now: Timestamp,
}

/// Reads other objects.
pub trait Lookup: Sync {
    /// The object as it is stored now. `resource` is the name in the store, such as `priorityclasses.scheduling.k8s.io`.
    fn get(&self, resource: &str, namespace: &str, name: &str) -> Option<Value>;
    /// All objects of a resource, of one namespace or of all.
    fn list(&self, resource: &str, namespace: Option<&str>) -> Vec<Value>;
}

/// An object that may be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Admitted {
    /// The object with all its defaults.
    pub object: Value,
    /// Texts for `Warning` headers.
    pub warnings: Vec<String>,
}

/// How an object that shall be deleted goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletion {
    /// At once, unless finalizers hold it.
    Now,
    /// In so many seconds; whoever runs it removes it then.
    Graceful(i64),
}

/// What a kind decides. An object given here has apiVersion, kind, name, namespace, uid and creation time already.
pub trait Behaviour: Send + Sync {
    /// Makes a new object right (defaults, no status) and checks it.
    ///
    /// # Errors
    /// The answer to what may not be created.
    fn create(&self, context: &Context<'_>, object: Value) -> Result<Admitted, ApiError>;

    /// Makes what takes the place of `old` right, so that only `part` differs, and checks it.
    ///
    /// # Errors
    /// The answer to what may not be changed so.
    fn update(&self, context: &Context<'_>, new: Value, old: &Value, part: Part) -> Result<Admitted, ApiError>;

    /// How `object` goes when it is deleted. `grace` is what the client wants, in seconds.
    ///
    /// # Errors
    /// The answer if it may not be deleted.
    fn deletion(&self, object: &Value, grace: Option<i64>) -> Result<Deletion, ApiError> {
        let _: (&Value, Option<i64>) = (object, grace);
        Ok(Deletion::Now)
    }

    /// What an object says of itself once it is to be deleted.
    fn deletion_begins(&self, object: &mut Value) {
        let _: &mut Value = object;
    }

    /// Whether something keeps an object that is to be deleted.
    fn is_held(&self, object: &Value) -> bool {
        let finalizers = object.pointer("/metadata/finalizers").and_then(Value::as_array);
        finalizers.is_some_and(|finalizers| !finalizers.is_empty())
    }

    /// Whether `metadata.generation` counts changes of the spec.
    fn has_generation(&self) -> bool {
        false
    }

    /// Whether a new object may come with a status.
    fn keeps_status_of_new(&self) -> bool {
        false
    }

    /// Whether an update may leave out which version it is about.
    fn takes_unconditional_updates(&self) -> bool {
        true
    }

    /// Whether the answer to a deletion is the object that is gone.
    fn returns_deleted(&self) -> bool {
        false
    }

    /// When the store removes the object by itself.
    fn expires_at(&self, object: &Value) -> Option<Timestamp> {
        let _: &Value = object;
        None
    }
}
