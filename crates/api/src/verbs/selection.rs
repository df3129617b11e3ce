//! Which objects a list or watch is about.

use crate::request::{FieldSelector, LabelSelector};
use crate::store::Object;

/// Labels and fields that objects must have.
#[derive(Debug, Clone)]
pub(crate) struct Selection {
    /// Which labels.
    pub labels: LabelSelector,
    /// Which fields.
    pub fields: FieldSelector,
}

impl Selection {
    /// Whether all objects are meant.
    pub fn is_everything(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// Whether this one is.
    pub fn has(&self, object: &Object) -> bool {
        let key = &object.key;
        self.fields.matches(&key.namespace, &key.name, |field| object.fields.get(field))
            && self.labels.matches(|label| object.labels.get(label))
    }
}
