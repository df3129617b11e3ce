//! Labels and selectors as one text.

use serde_json::Value;

use super::field::{items, or, text};

/// `a=b,c=d`, or `<none>`.
pub fn labels(object: &Value, pointer: &str) -> Value {
    let pairs = equalities(object, pointer);
    or(&pairs.join(","), "<none>").into()
}

/// A selector with labels and expressions, or `<none>`.
pub fn selector(object: &Value, pointer: &str) -> Value {
    let mut parts = equalities(object, &format!("{pointer}/matchLabels"));
    parts.extend(items(object, &format!("{pointer}/matchExpressions")).iter().map(expression));
    parts.sort();
    or(&parts.join(","), "<none>").into()
}

fn equalities(object: &Value, pointer: &str) -> Vec<String> {
    let pairs = object.pointer(pointer).and_then(Value::as_object).into_iter().flatten();
    pairs.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect()
}

fn expression(expression: &Value) -> String {
    let key = text(expression, "/key");
    let mut values: Vec<&str> = items(expression, "/values").iter().filter_map(Value::as_str).collect();
    values.sort_unstable();
    let values = values.join(",");
    match text(expression, "/operator") {
        "In" => format!("{key} in ({values})"),
        "NotIn" => format!("{key} notin ({values})"),
        "DoesNotExist" => format!("!{key}"),
        _ => key.to_owned(),
    }
}
