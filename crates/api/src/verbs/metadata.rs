//! The metadata of objects: what clients may say of it, and what the server says.

use jiff::Timestamp;
use reprise_core::admission::{SUFFIX_LENGTH, SUFFIX_LETTERS};
use serde_json::{Map, Value};

use super::asked::Asked;
use crate::status::ApiError;

/// The longest prefix that a name is generated from; what is longer is cut.
const MAX_PREFIX: usize = 63 - SUFFIX_LENGTH;

/// A text of the metadata; empty if it is not there.
pub(crate) fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object.get("metadata").and_then(|meta| meta.get(field)).and_then(Value::as_str).unwrap_or_default()
}

/// A number of the metadata.
pub(crate) fn number(object: &Value, field: &str) -> Option<i64> {
    object.get("metadata")?.get(field)?.as_i64()
}

/// The metadata of an object, to be changed; an object always has one. Nothing happens to what is no object.
fn edit(object: &mut Value, change: impl FnOnce(&mut Map<String, Value>)) {
    let Some(object) = object.as_object_mut() else { return };
    let meta = object.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
    if let Some(meta) = meta.as_object_mut() {
        change(meta);
    }
}

/// Sets a field of the metadata.
pub(crate) fn set(object: &mut Value, field: &str, value: impl Into<Value>) {
    let value = value.into();
    edit(object, |meta| {
        meta.insert(field.to_owned(), value);
    });
}

/// Takes a field of the metadata away.
pub(crate) fn unset(object: &mut Value, field: &str) {
    edit(object, |meta| {
        meta.remove(field);
    });
}

/// The finalizers.
pub(crate) fn finalizers(object: &Value) -> Vec<&str> {
    let list = object.pointer("/metadata/finalizers").and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Whether the object is being deleted.
pub(crate) fn is_deleting(object: &Value) -> bool {
    !text(object, "deletionTimestamp").is_empty()
}

/// Takes away lists and maps without anything in them: nothing is written as nothing.
fn drop_empty(object: &mut Value) {
    const MAY_BE_EMPTY: [&str; 4] = ["annotations", "finalizers", "labels", "ownerReferences"];
    let is_empty =
        |value: &Value| value.as_object().is_some_and(Map::is_empty) || value.as_array().is_some_and(Vec::is_empty);
    edit(object, |meta| meta.retain(|field, value| !(MAY_BE_EMPTY.contains(&field.as_str()) && is_empty(value))));
}

/// A time as objects have it: whole seconds.
pub(crate) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Checks that an object is in the namespace, and has the name, that the path names; what it leaves out is set.
///
/// # Errors
/// 400 if it says something else.
pub(super) fn match_path(object: &mut Value, asked: &Asked) -> Result<(), ApiError> {
    drop_empty(object);
    let (namespace, name) = (text(object, "namespace").to_owned(), text(object, "name").to_owned());
    if !asked.resource.namespaced {
        unset(object, "namespace");
    } else if namespace.is_empty() {
        set(object, "namespace", asked.namespace.as_str());
    } else if namespace != asked.namespace {
        return Err(ApiError::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    if asked.name.is_empty() {
        return Ok(());
    }
    if name.is_empty() {
        set(object, "name", asked.name.as_str());
    } else if name != asked.name {
        let expected = &asked.name;
        return Err(ApiError::bad_request(format!(
            "the name of the object ({name}) does not match the name on the URL ({expected})"
        )));
    }
    Ok(())
}

/// What is new about a new object, and nothing that its author may not choose. Returns whether its name was made.
pub(super) fn settle_new(object: &mut Value, now: Timestamp) -> bool {
    let prefix = text(object, "generateName").to_owned();
    let generated = text(object, "name").is_empty() && !prefix.is_empty();
    if generated {
        let end = prefix.char_indices().nth(MAX_PREFIX).map_or(prefix.len(), |(end, _)| end);
        set(object, "name", format!("{}{}", &prefix[..end], suffix()));
    }
    for field in ["resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "selfLink"] {
        unset(object, field);
    }
    set(object, "uid", uuid::Uuid::new_v4().to_string());
    set(object, "creationTimestamp", time(now));
    generated
}

/// What the server said of an object stays as it was.
pub(super) fn keep_settled(object: &mut Value, old: &Value) {
    let settled = ["uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation"];
    for field in settled.into_iter().chain(["generateName", "resourceVersion", "namespace", "name"]) {
        let was = old.get("metadata").and_then(|meta| meta.get(field)).cloned();
        match was {
            Some(value) => set(object, field, value),
            None => unset(object, field),
        }
    }
    unset(object, "selfLink");
    drop_empty(object);
}

/// Letters for a generated name.
pub(crate) fn suffix() -> String {
    (0..SUFFIX_LENGTH).map(|_| char::from(SUFFIX_LETTERS[fastrand::usize(..SUFFIX_LETTERS.len())])).collect()
}
