//! Reading single fields off an object by JSON pointer. What is missing reads as empty: a cell is always there.

use jiff::Timestamp;
use serde_json::Value;

/// Text; empty if there is none.
pub fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// A whole number; 0 if there is none.
pub fn number(object: &Value, pointer: &str) -> i64 {
    object.pointer(pointer).and_then(Value::as_i64).unwrap_or_default()
}

/// The items of a list; none if there is no list.
pub fn items<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    object.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Whether there is something, `null` being nothing.
pub fn is_there(object: &Value, pointer: &str) -> bool {
    object.pointer(pointer).is_some_and(|value| !value.is_null())
}

/// A time, of seconds or finer.
pub fn time(object: &Value, pointer: &str) -> Option<Timestamp> {
    text(object, pointer).parse().ok()
}

/// How many entries a map has.
pub fn entries(object: &Value, pointer: &str) -> usize {
    object.pointer(pointer).and_then(Value::as_object).map_or(0, serde_json::Map::len)
}

/// Whether a condition has a status.
pub fn has_condition(object: &Value, name: &str, status: &str) -> bool {
    let mut conditions = items(object, "/status/conditions").iter();
    conditions.any(|condition| text(condition, "/type") == name && text(condition, "/status") == status)
}

/// The text, or another where it is empty.
pub fn or<'a>(text: &'a str, otherwise: &'a str) -> &'a str {
    if text.is_empty() { otherwise } else { text }
}

/// Text of a field, or `<none>`.
pub fn or_none(object: &Value, pointer: &str) -> Value {
    or(text(object, pointer), "<none>").into()
}

/// One text field of each item, with a separator between them.
pub fn joined<'a>(items: impl IntoIterator<Item = &'a Value>, pointer: &str, separator: &str) -> String {
    let texts: Vec<&str> = items.into_iter().map(|item| text(item, pointer)).collect();
    texts.join(separator)
}
