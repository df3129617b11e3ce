//! A request's body as a tree of values, before it is an object of a kind.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::{Problem, ProblemKind};
use super::node::{Node, Value};
use super::{json, old_spelling, plain, typed, yaml};
use crate::field::FieldPath;

/// A value that still knows its duplicate keys and, if it was YAML, where each value stood.
#[derive(Debug, Clone, PartialEq)]
pub struct Tree(Node);

/// What a [`Tree`] is as an object of a kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The object with the fields of its type alone, in canonical form; none if it can't be read at all.
    pub object: Option<serde_json::Value>,
    /// Everything that does not fit, in the order of the text.
    pub problems: Vec<Problem>,
}

impl Tree {
    /// Reads JSON, which must be one value.
    ///
    /// # Errors
    /// If it is none.
    pub fn from_json(text: &str) -> Result<Self, Problem> {
        one(json::documents(text))
    }

    /// Reads YAML, which must be one document. JSON is YAML too.
    ///
    /// # Errors
    /// If it is none.
    pub fn from_yaml(text: &str) -> Result<Self, Problem> {
        one(yaml::documents(text))
    }

    /// Takes a value that was read already.
    #[must_use]
    pub fn from_value(value: &serde_json::Value) -> Self {
        Self(node(value))
    }

    /// The text of a field at the top, such as `kind`; none if there is no such text or it is empty.
    #[must_use]
    pub fn text(&self, field: &str) -> Option<&str> {
        self.0.get(field).and_then(Node::text).filter(|text| !text.is_empty())
    }

    /// Whether it is an object.
    #[must_use]
    pub fn is_object(&self) -> bool {
        matches!(self.0.value, Value::Map(_))
    }

    /// Makes the published spelling of a Pod's restart rules the released one; gives texts for `Warning`s, and the
    /// rules that have both.
    pub fn use_released_spelling(&mut self) -> (Vec<String>, Vec<Problem>) {
        old_spelling::rewrite(&mut self.0)
    }

    /// Reads it as a `T`. `problems` can be of any class but syntax; only those of unknown and duplicate fields leave
    /// the object usable.
    #[must_use]
    pub fn read<T: DeserializeOwned + Serialize>(&self) -> Reading {
        let (object, problems) = typed::read::<T>(&self.0);
        Reading { object: object.and_then(|object| serde_json::to_value(object).ok()), problems }
    }

    /// The value itself, each key with its last value.
    #[must_use]
    pub fn value(&self) -> serde_json::Value {
        plain::last_wins(&self.0)
    }

    /// The paths of all keys that come twice, such as `spec.replicas`.
    #[must_use]
    pub fn duplicates(&self) -> Vec<String> {
        let mut found = Vec::new();
        find_duplicates(&self.0, &FieldPath::default(), &mut found);
        found
    }
}

fn one((mut documents, error): (Vec<Node>, Option<yaml::SyntaxError>)) -> Result<Tree, Problem> {
    let problem = |kind, at, text| Problem { kind, field: FieldPath::default(), value: None, at, text };
    if let Some(error) = error {
        return Err(problem(ProblemKind::Syntax, Some(error.at), error.text));
    }
    if documents.len() > 1 {
        let text = format!("one object is expected, not {}", documents.len());
        return Err(problem(ProblemKind::Kind, None, text));
    }
    Ok(Tree(documents.pop().unwrap_or(Node { value: Value::Null, at: None })))
}

fn node(value: &serde_json::Value) -> Node {
    let value = match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::Number(number) => Value::Number(number.to_string()),
        serde_json::Value::String(text) => Value::Text(text.clone()),
        serde_json::Value::Array(items) => Value::List(items.iter().map(node).collect()),
        serde_json::Value::Object(entries) => {
            Value::Map(entries.iter().map(|(key, value)| (key.clone(), node(value))).collect())
        }
    };
    Node { value, at: None }
}

fn find_duplicates(node: &Node, path: &FieldPath, found: &mut Vec<String>) {
    let mut seen = std::collections::HashSet::new();
    for (key, below) in node.entries() {
        let path = path.child(key);
        if !seen.insert(key) {
            found.push(path.as_str().to_owned());
        }
        find_duplicates(below, &path, found);
    }
    if let Value::List(items) = &node.value {
        for (index, item) in items.iter().enumerate() {
            find_duplicates(item, &path.index(index), found);
        }
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_strictness_alone_refuses_leaves_the_object_usable() {
        let text = r#"{"kind": "ConfigMap", "apiVersion": "v1", "foo": 1, "data": {"a": "1", "a": "2"}}"#;
        let tree = Tree::from_json(text).unwrap();
        let Reading { object, problems } = tree.read::<ConfigMap>();
        assert_eq!(object.unwrap()["data"], json!({"a": "2"}));
        assert!(problems.iter().all(Problem::is_strict));
        let texts: Vec<&str> = problems.iter().map(|problem| problem.text.as_str()).collect();
        assert_eq!(texts, ["unknown field \"foo\"", "duplicate field \"data.a\""]);
        assert_eq!((tree.text("kind"), tree.duplicates()), (Some("ConfigMap"), vec!["data.a".to_owned()]));
    }

    #[test]
    fn a_body_is_one_value() {
        assert!(Tree::from_json("{} {}").is_err() && Tree::from_yaml("a: 1\n---\nb: 2").is_err());
        assert!(Tree::from_json("{").is_err() && Tree::from_yaml("a: [").is_err());
        assert_eq!(Tree::from_yaml("a: {b: [1, 1.5, yes]}").unwrap().value(), json!({"a": {"b": [1, 1.5, true]}}));
        assert_eq!(Tree::from_value(&json!({"a": [null]})).value(), json!({"a": [null]}));
    }
}
