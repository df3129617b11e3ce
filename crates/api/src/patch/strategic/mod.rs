//! Strategic merge patch: like a merge patch, but lists are merged by the keys of the kind, and directives say more.
//!
//! | directive | where | what |
//! |---|---|---|
//! | `$patch: replace` / `delete` | object, item of a list | takes its place / goes |
//! | `$retainKeys: [..]` | object | all other fields go |
//! | `$deleteFromPrimitiveList/x: [..]` | beside list `x` | these values go |
//! | `$setElementOrder/x: [..]` | beside list `x` | the order of its items |

mod clean;
mod go_text;
mod lists;
mod order;

use serde_json::{Map, Value};

use super::PatchError;
use super::shape::{Meaning, Shape};
use clean::cleaned;
pub use go_text::go_text;
use lists::{merge_lists, remove_values};
use order::in_order;

/// The field of an object or item that says what becomes of it.
const DIRECTIVE: &str = "$patch";
/// The field with the names of all fields that stay.
const RETAIN_KEYS: &str = "$retainKeys";
/// Before the name of a list: values that go.
const DELETE_FROM: &str = "$deleteFromPrimitiveList/";
/// Before the name of a list: its order.
const SET_ORDER: &str = "$setElementOrder/";

/// Whether a field of a patch says what to do, and is no field of the object.
fn is_directive(key: &str) -> bool {
    key == DIRECTIVE || key == RETAIN_KEYS || key.starts_with(DELETE_FROM) || key.starts_with(SET_ORDER)
}

/// Applies a strategic merge patch.
///
/// # Errors
/// If it is no object, a directive is none, or an item of a merged list lacks its key.
pub fn apply_strategic(shape: &'static Shape, current: &Value, patch: &Value) -> Result<Value, PatchError> {
    let (Value::Object(current), Value::Object(patch)) = (current, patch) else {
        return Err(PatchError::Malformed("invalid JSON document".to_owned()));
    };
    merge_objects(Meaning::whole(shape), current, patch).map(Value::Object)
}

fn merge_objects(
    meaning: Meaning,
    current: &Map<String, Value>,
    patch: &Map<String, Value>,
) -> Result<Map<String, Value>, PatchError> {
    match patch.get(DIRECTIVE).map(|directive| directive.as_str().unwrap_or_default()) {
        None => {}
        Some("replace") => {
            let mut patch = patch.clone();
            patch.remove(DIRECTIVE);
            return Ok(patch);
        }
        Some("delete") => return Ok(Map::new()),
        Some(_) => return Err(unknown_directive(patch)),
    }
    let mut merged = retained(current, patch)?;
    for (key, value) in patch {
        if !is_directive(key) {
            merge_field(meaning.field(key), &mut merged, current.get(key), key, value)?;
        }
    }
    for (key, value) in patch {
        if let Some(name) = key.strip_prefix(DELETE_FROM) {
            let gone = value.as_array().ok_or_else(|| malformed("invalid patch format of primitive list"))?;
            if let Some(Value::Array(values)) = merged.get_mut(name) {
                remove_values(values, gone);
            }
        } else if let Some(name) = key.strip_prefix(SET_ORDER) {
            let order = value.as_array().ok_or_else(|| malformed("invalid patch format of setElementOrder list"))?;
            set_order(meaning.field(name), &mut merged, (current, patch), name, order)?;
        }
    }
    Ok(merged)
}

/// The fields that the patch says nothing of and `$retainKeys` leaves.
fn retained(current: &Map<String, Value>, patch: &Map<String, Value>) -> Result<Map<String, Value>, PatchError> {
    let others = current.iter().filter(|(key, _)| !patch.contains_key(*key));
    let Some(keys) = patch.get(RETAIN_KEYS) else {
        return Ok(others.map(|(key, value)| (key.clone(), value.clone())).collect());
    };
    let wrong = || malformed("invalid patch format of retainKeys");
    let keys: Vec<&str> = keys.as_array().ok_or_else(wrong)?.iter().filter_map(Value::as_str).collect();
    let listed = |key: &String| keys.contains(&key.as_str());
    if patch.iter().any(|(key, value)| !is_directive(key) && !value.is_null() && !listed(key)) {
        return Err(wrong());
    }
    Ok(others.filter(|(key, _)| listed(key)).map(|(key, value)| (key.clone(), value.clone())).collect())
}

fn merge_field(
    meaning: Meaning,
    merged: &mut Map<String, Value>,
    current: Option<&Value>,
    key: &str,
    patch: &Value,
) -> Result<(), PatchError> {
    let value = match (current, patch) {
        (_, Value::Null) => None,
        (Some(Value::Object(current)), Value::Object(patch)) => {
            Some(Value::Object(merge_objects(meaning, current, patch)?))
        }
        (Some(Value::Array(current)), Value::Array(patch)) => {
            Some(Value::Array(merge_lists(meaning.list, current, patch)?))
        }
        _ => cleaned(patch),
    };
    match value {
        Some(value) => merged.insert(key.to_owned(), value),
        None => merged.remove(key),
    };
    Ok(())
}

fn set_order(
    meaning: Meaning,
    merged: &mut Map<String, Value>,
    (current, patch): (&Map<String, Value>, &Map<String, Value>),
    name: &str,
    order: &[Value],
) -> Result<(), PatchError> {
    let list_of = |fields: &Map<String, Value>| match fields.get(name) {
        Some(Value::Array(values)) => values.clone(),
        _ => Vec::new(),
    };
    lists::check_order(meaning.list, &list_of(patch), order)?;
    if let Some(Value::Array(values)) = merged.get_mut(name) {
        *values = in_order(meaning.list, std::mem::take(values), order, &list_of(current))?;
    }
    Ok(())
}

fn malformed(text: &str) -> PatchError {
    PatchError::Malformed(text.to_owned())
}

fn unknown_directive(object: &Map<String, Value>) -> PatchError {
    let directive = object.get(DIRECTIVE).map(go_text).unwrap_or_default();
    let object = go_text(&Value::Object(object.clone()));
    PatchError::Unmergeable(format!("unknown patch type: {directive} in map: {object}"))
}

fn no_key(item: &Value, key: &str) -> PatchError {
    PatchError::Unmergeable(format!("map: {} does not contain declared merge key: {key}", go_text(item)))
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
