//! Objects reduced to their metadata.

use serde_json::{Value, json};

/// An object's type and metadata.
#[must_use]
pub fn partial_object(object: &Value) -> Value {
    let metadata = object.get("metadata").cloned().unwrap_or_else(|| json!({}));
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata})
}

/// A list of them. `metadata` is the list's.
#[must_use]
pub fn partial_list<'a>(objects: impl IntoIterator<Item = &'a Value>, metadata: Value) -> Value {
    let items: Vec<Value> = objects.into_iter().map(partial_object).collect();
    json!({"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": metadata, "items": items})
}
