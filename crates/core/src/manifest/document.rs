//! A file with several documents to objects, each with the place that it came from.

use std::fmt;

use super::error::{DecodeError, Problem, ProblemKind};
use super::node::{Node, Value};
use super::pod::{Decoded, parse, pod_of, typed_of, undecodable};
use crate::field::FieldPath;
use crate::objects::{ApiObject, ObjectKind};

/// Which object of which file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The file's name as the user gave it.
    pub file: String,
    /// Which document of the file, from 1; empty documents count.
    pub document: usize,
    /// Which item, from 0, if the document is a `List`.
    pub item: Option<usize>,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: document {}", self.file, self.document)?;
        match self.item {
            Some(item) => write!(f, ": items[{item}]"),
            None => Ok(()),
        }
    }
}

/// One object of a manifest.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// Where it stands.
    pub origin: Origin,
    /// The object, or everything that is wrong with it.
    pub outcome: Result<Object, DecodeError>,
}

/// An object of a kind that is understood.
#[derive(Debug, Clone, PartialEq)]
pub enum Object {
    /// A Pod.
    Pod(Box<Decoded>),
    /// What Pods refer to.
    Other(Box<ApiObject>),
}

impl Document {
    /// One message per error, each with file, document, field path and value.
    #[must_use]
    pub fn errors(&self) -> Vec<String> {
        match &self.outcome {
            Ok(_) => Vec::new(),
            Err(error) => error.problems.iter().map(|problem| format!("{}: {problem}", self.origin)).collect(),
        }
    }
}

/// Reads all documents of a file (YAML with any number of documents, or JSON values one after the other).
/// Pods, what they refer to, and Lists of these are understood; empty documents are left out.
#[must_use]
pub fn decode(file: &str, text: &str) -> Vec<Document> {
    let (nodes, syntax) = parse(text);
    let origin = |index: usize, item| Origin { file: file.to_owned(), document: index + 1, item };
    let count = nodes.len();
    let mut documents = Vec::new();
    for (index, node) in nodes.into_iter().enumerate() {
        if node.is_null() {
            continue;
        }
        if is_list(&node) {
            documents.extend(list_items(node, |item| origin(index, item)));
        } else {
            documents.push(Document { origin: origin(index, None), outcome: object(node) });
        }
    }
    if let Some(problem) = syntax {
        documents.push(Document { origin: origin(count, None), outcome: Err(undecodable("Pod", problem)) });
    }
    documents
}

fn is_list(node: &Node) -> bool {
    let is_v1 = node.get("apiVersion").and_then(Node::text) == Some("v1");
    is_v1 && (given_kind(node) == "List" || kind_of_items(node).is_some())
}

fn given_kind(node: &Node) -> &str {
    node.get("kind").and_then(Node::text).unwrap_or_default()
}

/// The kind of the items of a list whose kind says it, such as `PodList`.
fn kind_of_items(list: &Node) -> Option<&'static str> {
    let kind = given_kind(list).strip_suffix("List")?;
    if kind == "Pod" { Some("Pod") } else { ObjectKind::of(kind).map(ObjectKind::name) }
}

fn list_items(mut list: Node, origin: impl Fn(Option<usize>) -> Origin) -> Vec<Document> {
    let whole = list.clone();
    let kind_of_items = kind_of_items(&list);
    let items = match list.get_mut("items").map(|items| &mut items.value) {
        Some(Value::List(items)) => std::mem::take(items),
        None | Some(Value::Null) => Vec::new(),
        Some(_) => {
            let node = whole.get("items").unwrap_or(&whole);
            let text = "items: must be a list".to_owned();
            let problem = Problem::at_node(ProblemKind::Kind, FieldPath::new("items"), node, text);
            return vec![Document { origin: origin(None), outcome: Err(undecodable("Pod", problem)) }];
        }
    };
    let document = |(index, item): (usize, Node)| {
        // In a PodList and the like items need not say what they are.
        let outcome = match kind_of_items.filter(|_| item.get("kind").is_none()) {
            Some(kind) => object_of(kind, item),
            None => object(item),
        };
        Document { origin: origin(Some(index)), outcome }
    };
    items.into_iter().enumerate().map(document).collect()
}

/// Reads an object that must say what it is.
fn object(node: Node) -> Result<Object, DecodeError> {
    let wrong = |text: String| {
        Err(undecodable(
            "Pod",
            Problem { value: None, ..Problem::at_node(ProblemKind::Kind, FieldPath::default(), &node, text) },
        ))
    };
    if !matches!(node.value, Value::Map(_)) {
        return wrong(format!("a Kubernetes object is expected, not {}", node.summary()));
    }
    let given = |field| node.get(field).and_then(Node::text).filter(|text| !text.is_empty());
    let (Some(kind), Some(version)) = (given("kind"), given("apiVersion")) else {
        let missing = if given("kind").is_none() { "kind" } else { "apiVersion" };
        return wrong(format!("{missing} is missing: a Pod has \"apiVersion: v1\" and \"kind: Pod\""));
    };
    if version != "v1" || (kind != "Pod" && ObjectKind::of(kind).is_none()) {
        return wrong(format!(
            "kind {kind} (apiVersion {version}) is not supported yet: Pods, ConfigMaps, Secrets, PersistentVolumes, \
             PersistentVolumeClaims and Lists of them (apiVersion v1) are"
        ));
    }
    let kind = kind.to_owned();
    object_of(&kind, node)
}

fn object_of(kind: &str, node: Node) -> Result<Object, DecodeError> {
    let other = |object| Object::Other(Box::new(object));
    let none = Vec::new();
    match ObjectKind::of(kind) {
        None => pod_of(node).map(|pod| Object::Pod(Box::new(pod))),
        Some(ObjectKind::ConfigMap) => typed_of(&node, "ConfigMap", none).map(|o| other(ApiObject::ConfigMap(o))),
        Some(ObjectKind::Secret) => typed_of(&node, "Secret", none).map(|o| other(ApiObject::Secret(o))),
        Some(ObjectKind::PersistentVolume) => {
            typed_of(&node, "PersistentVolume", none).map(|o| other(ApiObject::PersistentVolume(Box::new(o))))
        }
        Some(ObjectKind::PersistentVolumeClaim) => {
            typed_of(&node, "PersistentVolumeClaim", none).map(|o| other(ApiObject::PersistentVolumeClaim(Box::new(o))))
        }
    }
}

#[cfg(test)]
#[path = "document_tests.rs"]
mod tests;
