//! What a patch puts where nothing was: its values without nulls and directives.

use serde_json::{Map, Value};

use super::{DIRECTIVE, is_directive};

/// The value to put; none if a directive says that there shall be nothing.
pub(super) fn cleaned(value: &Value) -> Option<Value> {
    Some(match value {
        Value::Object(fields) if fields.contains_key(DIRECTIVE) => return None,
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(key, value)| !is_directive(key) && !value.is_null());
            let fields: Map<String, Value> =
                fields.filter_map(|(key, value)| Some((key.clone(), cleaned(value)?))).collect();
            Value::Object(fields)
        }
        Value::Array(values) => Value::Array(values.iter().filter_map(cleaned).collect()),
        plain => plain.clone(),
    })
}
