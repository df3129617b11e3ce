//! The value of a text that is written as a manifest is but is none: settings, in YAML or JSON.

use serde_json::{Map, Number};
use thiserror::Error;

use super::node::{Node, Position, Value};
use super::yaml;

/// A text that can't be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{at}: {text}")]
pub struct PlainError {
    /// Where.
    pub at: Position,
    /// What is wrong.
    pub text: String,
}

/// The one document of a text; `Null` for an empty text.
///
/// # Errors
/// If the text is no YAML, has several documents, or a key comes twice.
pub fn read_plain(text: &str) -> Result<serde_json::Value, PlainError> {
    let mut all = documents(text)?;
    let first = all.next();
    if let Some(second) = all.next() {
        return Err(error(&second, "there is a second document".to_owned()));
    }
    first.map_or(Ok(serde_json::Value::Null), plain)
}

/// All documents of a text but the empty ones.
///
/// # Errors
/// If the text is no YAML, or a key comes twice.
pub fn read_plain_documents(text: &str) -> Result<Vec<serde_json::Value>, PlainError> {
    documents(text)?.map(plain).collect()
}

fn documents(text: &str) -> Result<impl Iterator<Item = Node>, PlainError> {
    let (documents, broken) = yaml::documents(text);
    match broken {
        Some(error) => Err(PlainError { at: error.at, text: error.text }),
        None => Ok(documents.into_iter().filter(|document| !document.is_null())),
    }
}

fn plain(node: Node) -> Result<serde_json::Value, PlainError> {
    Ok(match node.value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(value) => value.into(),
        Value::Number(digits) => number(&digits),
        Value::Text(text) => text.into(),
        Value::List(items) => serde_json::Value::Array(items.into_iter().map(plain).collect::<Result<_, _>>()?),
        Value::Map(entries) => {
            let mut map = Map::new();
            for (key, node) in entries {
                if map.contains_key(&key) {
                    return Err(error(&node, format!("{key} comes a second time")));
                }
                map.insert(key, plain(node)?);
            }
            serde_json::Value::Object(map)
        }
    })
}

/// The value of a node in which a key that comes twice has its last value, as in JSON.
pub(super) fn last_wins(node: &Node) -> serde_json::Value {
    match &node.value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(value) => (*value).into(),
        Value::Number(digits) => number(digits),
        Value::Text(text) => text.as_str().into(),
        Value::List(items) => items.iter().map(last_wins).collect(),
        Value::Map(entries) => entries.iter().map(|(key, node)| (key.clone(), last_wins(node))).collect(),
    }
}

/// What no number can hold stays a text, which is then of the wrong type.
fn number(digits: &str) -> serde_json::Value {
    let number = digits.parse::<i64>().map(Number::from).ok();
    let number = number.or_else(|| digits.parse().ok().and_then(Number::from_f64));
    number.map_or_else(|| digits.into(), serde_json::Value::Number)
}

fn error(node: &Node, text: String) -> PlainError {
    PlainError { at: node.at.unwrap_or(Position { line: 1, column: 1 }), text }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn yaml_and_json_give_the_same_values() {
        let value = json!({ "a": { "b": [1, true, "x"] } });
        assert_eq!(read_plain("# settings\na:\n  b: [1, yes, x]\n"), Ok(value.clone()));
        assert_eq!(read_plain("{\"a\": {\"b\": [1, true, \"x\"]}}"), Ok(value));
        assert_eq!(read_plain(""), Ok(serde_json::Value::Null));
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused_with_its_place() {
        assert!(read_plain("a: 1\na: 2\n").unwrap_err().to_string().starts_with("line 2"));
        assert!(read_plain("a: 1\n---\nb: 2\n").is_err() && read_plain("a: [").is_err());
    }
}
