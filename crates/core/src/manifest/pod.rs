//! One node of a manifest to one object.

use k8s_openapi::api::core::v1::Pod;
use serde::Deserialize;

use super::error::{DecodeError, Problem, ProblemKind};
use super::node::Node;
use super::{json, old_spelling, typed, yaml};
use crate::field::FieldPath;

/// The place in the API server's sources that its messages about unknown kinds name.
const SCHEME: &str = "pkg/api/legacyscheme/scheme.go:30";

/// A Pod and what its author should know.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// The Pod as written: nothing is defaulted or checked yet.
    pub pod: Pod,
    /// Texts for Kubernetes `Warning`s.
    pub warnings: Vec<String>,
}

/// Reads a text that must be one Pod, such as the body of a request.
///
/// # Errors
/// If it is no YAML or JSON, no Pod, or not exactly of a Pod's form.
pub fn decode_pod(text: &str) -> Result<Decoded, DecodeError> {
    let (mut nodes, syntax) = parse(text);
    let fail = |problem| Err(undecodable("Pod", problem));
    if let Some(problem) = syntax {
        return fail(problem);
    }
    if nodes.len() != 1 {
        let text = format!("one object is expected, not {}", nodes.len());
        let field = FieldPath::default();
        return fail(Problem { kind: ProblemKind::Kind, field, value: None, at: None, text });
    }
    pod_of(nodes.remove(0))
}

/// The nodes of a text, which is JSON if it starts with a brace and YAML else.
pub(super) fn parse(text: &str) -> (Vec<Node>, Option<Problem>) {
    let looks_like_json = text.trim_start_matches('\u{feff}').trim_start().starts_with('{');
    let (mut nodes, mut error) =
        if looks_like_json { json::documents(text.trim_start_matches('\u{feff}')) } else { yaml::documents(text) };
    if looks_like_json && error.is_some() {
        // YAML may start with a brace as well; if it is no YAML either, the JSON error says more.
        let (yaml_nodes, yaml_error) = yaml::documents(text);
        if yaml_error.is_none() {
            (nodes, error) = (yaml_nodes, None);
        }
    }
    let problem = error.map(|error| {
        let kind = ProblemKind::Syntax;
        Problem { kind, field: FieldPath::default(), value: None, at: Some(error.at), text: error.text }
    });
    (nodes, problem)
}

/// An error before anything of the object could be read.
pub(super) fn undecodable(wanted: &'static str, problem: Problem) -> DecodeError {
    DecodeError { wanted, kind: wanted.to_owned(), version: "v1".to_owned(), problems: vec![problem] }
}

/// Reads a Pod out of a node.
pub(super) fn pod_of(mut node: Node) -> Result<Decoded, DecodeError> {
    let (warnings, problems) = old_spelling::rewrite(&mut node);
    typed_of(&node, "Pod", problems).map(|pod| Decoded { pod, warnings })
}

/// Reads an object of the kind `wanted` (apiVersion v1) out of a node in which `problems` were found already.
pub(super) fn typed_of<T: for<'de> Deserialize<'de>>(
    node: &Node,
    wanted: &'static str,
    mut problems: Vec<Problem>,
) -> Result<T, DecodeError> {
    let given = |field| node.get(field).and_then(Node::text).filter(|text| !text.is_empty()).map(str::to_owned);
    let kind = given("kind").unwrap_or_else(|| wanted.to_owned());
    let version = given("apiVersion").unwrap_or_else(|| "v1".to_owned());
    let fail = |problems| Err(DecodeError { wanted, kind: kind.clone(), version: version.clone(), problems });
    if kind != wanted || version != "v1" {
        let text = format!("no kind {kind:?} is registered for version {version:?} in scheme {SCHEME:?}");
        return fail(vec![Problem::at_node(ProblemKind::Kind, FieldPath::default(), node, text)]);
    }
    let (object, found) = typed::read::<T>(node);
    problems.extend(found);
    match object {
        Some(object) if problems.is_empty() => Ok(object),
        _ => fail(problems),
    }
}
