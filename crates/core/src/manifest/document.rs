//! A file with several documents to Pods, each with the place that it came from.

use std::fmt;

use super::error::{DecodeError, Problem, ProblemKind};
use super::node::{Node, Value};
use super::pod::{Decoded, parse, pod_of};
use crate::field::FieldPath;

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
    /// The Pod, or everything that is wrong with it.
    pub outcome: Result<Decoded, DecodeError>,
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
/// Pods and Lists of Pods are understood; empty documents are left out.
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
        documents.push(Document { origin: origin(count, None), outcome: Err(undecodable(problem)) });
    }
    documents
}

fn is_list(node: &Node) -> bool {
    let is = |field, values: &[&str]| node.get(field).and_then(Node::text).is_some_and(|text| values.contains(&text));
    is("apiVersion", &["v1"]) && is("kind", &["List", "PodList"])
}

fn list_items(mut list: Node, origin: impl Fn(Option<usize>) -> Origin) -> Vec<Document> {
    let whole = list.clone();
    let pod_list = list.get("kind").and_then(Node::text) == Some("PodList");
    let items = match list.get_mut("items").map(|items| &mut items.value) {
        Some(Value::List(items)) => std::mem::take(items),
        None | Some(Value::Null) => Vec::new(),
        Some(_) => {
            let node = whole.get("items").unwrap_or(&whole);
            let text = "items: must be a list".to_owned();
            let problem = Problem::at_node(ProblemKind::Kind, FieldPath::new("items"), node, text);
            return vec![Document { origin: origin(None), outcome: Err(undecodable(problem)) }];
        }
    };
    let document = |(index, item): (usize, Node)| {
        // In a PodList items need not say what they are.
        let outcome = if pod_list && item.get("kind").is_none() { pod_of(item) } else { object(item) };
        Document { origin: origin(Some(index)), outcome }
    };
    items.into_iter().enumerate().map(document).collect()
}

/// Reads an object that must say what it is, and must be a Pod.
fn object(node: Node) -> Result<Decoded, DecodeError> {
    let wrong = |text: String| {
        Err(undecodable(Problem {
            value: None,
            ..Problem::at_node(ProblemKind::Kind, FieldPath::default(), &node, text)
        }))
    };
    if !matches!(node.value, Value::Map(_)) {
        return wrong(format!("a Kubernetes object is expected, not {}", node.summary()));
    }
    let given = |field| node.get(field).and_then(Node::text).filter(|text| !text.is_empty());
    let (Some(kind), Some(version)) = (given("kind"), given("apiVersion")) else {
        let missing = if given("kind").is_none() { "kind" } else { "apiVersion" };
        return wrong(format!("{missing} is missing: a Pod has \"apiVersion: v1\" and \"kind: Pod\""));
    };
    if kind != "Pod" || version != "v1" {
        return wrong(format!(
            "kind {kind} (apiVersion {version}) is not supported yet: Pods and Lists of Pods (apiVersion v1) are"
        ));
    }
    pod_of(node)
}

fn undecodable(problem: Problem) -> DecodeError {
    DecodeError { kind: "Pod".to_owned(), version: "v1".to_owned(), problems: vec![problem] }
}

#[cfg(test)]
#[path = "document_tests.rs"]
mod tests;
