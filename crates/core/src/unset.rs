//! Fields that are unset and fields that are empty mean the same in Kubernetes.
//!
//! Its own types make no difference there; the generated ones have an `Option`. These take it away.

use std::collections::BTreeMap;

/// The text, or the empty one.
#[must_use]
pub fn text(field: &Option<String>) -> &str {
    field.as_deref().unwrap_or_default()
}

/// The items, or none.
#[must_use]
pub fn list<T>(field: &Option<Vec<T>>) -> &[T] {
    field.as_deref().unwrap_or_default()
}

/// The entries, or none.
pub fn entries<K, V>(field: &Option<BTreeMap<K, V>>) -> impl Iterator<Item = (&K, &V)> {
    field.iter().flatten()
}

/// Whether it is set to true.
#[must_use]
pub fn is_true(field: Option<bool>) -> bool {
    field == Some(true)
}
