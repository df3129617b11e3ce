//! A request's body to an object.

use std::fmt::Write;

use reprise_core::manifest::{Problem, Tree};
use serde_json::Value;

use super::media_type::{BodyEncoding, body_encoding};
use super::problems::judge;
use super::protobuf;
use super::wanted::Wanted;
use crate::request::FieldValidation;
use crate::status::ApiError;

/// The place in the API server's sources that its messages about unknown kinds name.
const SCHEME: &str = "pkg/api/legacyscheme/scheme.go:30";
/// How much of a body that can't be read an error shows, in bytes.
const SHOWN: usize = 30;

/// What a body said.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// The object with the fields of its type alone, in canonical form; nothing is defaulted or checked yet.
    pub object: Value,
    /// Texts for `Warning` headers.
    pub warnings: Vec<String>,
}

/// Reads the body of a create, update or delete. What it does not say of its kind and version is as wanted.
///
/// # Errors
/// 415 for other encodings; 400 for what can't be read, is another kind, has values of a wrong type, or has what
/// `validation` forbids.
pub fn decode_body(
    wanted: &Wanted,
    content_type: Option<&str>,
    body: &[u8],
    validation: FieldValidation,
) -> Result<Decoded, ApiError> {
    let unrecognized = |why: &str| unrecognized(wanted, why, body);
    let tree = match body_encoding(content_type)? {
        BodyEncoding::Protobuf => {
            let object = protobuf::read(wanted, body).map_err(|error| unrecognized(&error.to_string()))?;
            return decode_tree(wanted, Tree::from_value(&object), validation);
        }
        BodyEncoding::Json => Tree::from_json(text_of(body).map_err(unrecognized)?),
        BodyEncoding::Yaml => Tree::from_yaml(text_of(body).map_err(unrecognized)?),
    };
    let tree = tree
        .map_err(|problem| unrecognized(&format!("couldn't get version/kind; json parse error: {}", problem.text)))?;
    if !tree.is_object() {
        return Err(unrecognized("couldn't get version/kind; json parse error: an object is expected"));
    }
    decode_tree(wanted, tree, validation)
}

fn decode_tree(wanted: &Wanted, mut tree: Tree, validation: FieldValidation) -> Result<Decoded, ApiError> {
    let version = wanted.api_version();
    let given = (tree.text("kind").unwrap_or(wanted.kind).to_owned(), tree.text("apiVersion").unwrap_or(&version));
    let (kind, given_version) = (given.0, given.1.to_owned());
    let refuse = |why: String| {
        let version = given_version.rsplit('/').next().unwrap_or_default();
        ApiError::bad_request(format!("{kind} in version {version:?} cannot be handled as a {}: {why}", wanted.kind))
    };
    if kind != wanted.kind || (given_version != version && !wanted.any_version) {
        return Err(refuse(format!(
            "no kind {kind:?} is registered for version {given_version:?} in scheme {SCHEME:?}"
        )));
    }
    let (mut warnings, spelling) =
        if wanted.kind == "Pod" { tree.use_released_spelling() } else { (Vec::new(), Vec::new()) };
    let reading = (wanted.read)(&tree);
    let problems: Vec<Problem> = spelling.into_iter().chain(reading.problems).collect();
    warnings.extend(judge(&problems, validation).map_err(&refuse)?);
    let object = reading.object.ok_or_else(|| refuse("it can't be read".to_owned()))?;
    Ok(Decoded { object, warnings })
}

fn text_of(body: &[u8]) -> Result<&str, &'static str> {
    std::str::from_utf8(body).map_err(|_| "couldn't get version/kind; json parse error: invalid UTF-8")
}

/// 400 for what is no object at all.
pub(super) fn unrecognized(wanted: &Wanted, why: &str, body: &[u8]) -> ApiError {
    let kind = wanted.kind;
    ApiError::bad_request(format!(
        "the object provided is unrecognized (must be of type {kind}): {why} ({})",
        shown(body)
    ))
}

/// The beginning of a body: as it is if it seems to be JSON, else in hexadecimal.
fn shown(body: &[u8]) -> String {
    let Some(first) = body.first() else { return "<empty>".to_owned() };
    let start = &body[..body.len().min(SHOWN)];
    let mut shown = String::new();
    if *first == b'{' {
        shown.push_str(&String::from_utf8_lossy(start));
    } else {
        for byte in start {
            // Writing to a String can't fail.
            let _: std::fmt::Result = write!(shown, "{byte:02x}");
        }
    }
    if body.len() > SHOWN {
        shown.push_str(" ...");
    }
    shown
}

#[cfg(test)]
#[path = "body_tests.rs"]
mod tests;
