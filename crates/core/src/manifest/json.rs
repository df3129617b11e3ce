//! JSON text to nodes, with keys that come twice kept.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::node::{Node, Position, Value};
use super::yaml::SyntaxError;

/// The values of a text in order, up to the first syntax error.
pub(super) fn documents(text: &str) -> (Vec<Node>, Option<SyntaxError>) {
    let mut documents = Vec::new();
    for node in serde_json::Deserializer::from_str(text).into_iter::<Node>() {
        match node {
            Ok(node) => documents.push(node),
            Err(error) => {
                let at = Position { line: error.line(), column: error.column() };
                let whole = error.to_string();
                let text = whole.split(" at line ").next().unwrap_or(&whole).to_owned();
                return (documents, Some(SyntaxError { at, text }));
            }
        }
    }
    (documents, None)
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Node { value: deserializer.deserialize_any(AnyJson)?, at: None })
    }
}

struct AnyJson;

impl<'de> Visitor<'de> for AnyJson {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Number(value.to_string()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Value::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_values_and_keys_that_come_twice_are_kept() {
        let (documents, error) = documents("{\"a\": 1, \"a\": \"yes\"}\n{\"b\": [null, 1.5]}");
        assert_eq!((documents.len(), error), (2, None));
        assert_eq!(documents[0].entries().len(), 2);
        assert_eq!(documents[0].get("a").unwrap().text(), Some("yes"));
    }

    #[test]
    fn syntax_errors_have_line_and_column() {
        let (_, error) = documents("{\n  \"a\": }");
        let error = error.unwrap();
        assert_eq!((error.at.line, error.text.as_str()), (2, "expected value"));
    }
}
