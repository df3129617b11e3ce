//! Objects reduced to their metadata.

use serde::Deserialize;
use serde_json::{Value, json};

/// As much of an object as is left of it.
#[derive(Default, Deserialize)]
struct Head {
    metadata: Option<Value>,
}

/// The type and metadata of an object in JSON, of which nothing else is read.
#[must_use]
pub fn partial_of(json: &[u8]) -> Value {
    // What is stored is JSON.
    let head: Head = serde_json::from_slice(json).unwrap_or_default();
    partial(head.metadata.unwrap_or_else(|| json!({})))
}

fn partial(metadata: Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata})
}

/// An object's type and metadata.
#[must_use]
pub fn partial_object(object: &Value) -> Value {
    partial(object.get("metadata").cloned().unwrap_or_else(|| json!({})))
}

/// A list of them. `metadata` is the list's.
#[must_use]
pub fn partial_list<'a>(objects: impl IntoIterator<Item = &'a Value>, metadata: Value) -> Value {
    let items: Vec<Value> = objects.into_iter().map(partial_object).collect();
    json!({"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": metadata, "items": items})
}
