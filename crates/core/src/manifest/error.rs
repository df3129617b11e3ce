//! What can be wrong with a manifest before its objects are looked at as such.

use std::fmt;

use thiserror::Error;

use super::node::{Node, Position};
use crate::field::FieldPath;

/// The class of a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    /// The text is not YAML or JSON.
    Syntax,
    /// The document is no object, or one of a kind that is not understood.
    Kind,
    /// A value has the wrong type.
    Type,
    /// The type of the object has no such field.
    UnknownField,
    /// A field is there twice.
    DuplicateField,
    /// A restart rule has its condition in the published and in the released spelling.
    BothSpellings,
}

/// One thing that is wrong with a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Its class.
    pub kind: ProblemKind,
    /// The field, with list indexes; empty for the document itself.
    pub field: FieldPath,
    /// A short form of the field's value.
    pub value: Option<String>,
    /// Where in the text it stands, if that is known.
    pub at: Option<Position>,
    /// What the API server says of it.
    pub text: String,
}

impl Problem {
    pub(super) fn at_node(kind: ProblemKind, field: FieldPath, node: &Node, text: String) -> Self {
        Self { kind, field, value: Some(node.summary()), at: node.at, text }
    }

    /// Whether a boolean or number stands where text is meant.
    fn wants_quotes(&self) -> bool {
        let scalar = ["unmarshal bool", "unmarshal number"].iter().any(|read| self.text.contains(read));
        self.kind == ProblemKind::Type && scalar && self.text.ends_with(" of type string")
    }

    /// Whether only strict decoding refuses it: an unknown or a duplicate field.
    #[must_use]
    pub fn is_strict(&self) -> bool {
        matches!(self.kind, ProblemKind::UnknownField | ProblemKind::DuplicateField)
    }
}

impl fmt::Display for Problem {
    /// The field and its value are left out where the text names them already.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(at) = &self.at {
            write!(f, "{at}: ")?;
        }
        if self.is_strict() {
            f.write_str("strict decoding error: ")?;
        } else if !self.field.as_str().is_empty() && !self.text.starts_with(self.field.as_str()) {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.text)?;
        match &self.value {
            // YAML reads more words as booleans and numbers than many know: n, no, on, 0644.
            Some(value) if self.wants_quotes() => write!(f, " (value: {value}; text needs quotes here)"),
            Some(value) if !self.text.contains(value.as_str()) => write!(f, " (value: {value})"),
            _ => Ok(()),
        }
    }
}

/// Why a text is no object of the kind that it must be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}", message = self.message())]
pub struct DecodeError {
    /// The kind that it must be.
    pub wanted: &'static str,
    /// The `kind` that the object gives; the wanted one if it gives none.
    pub kind: String,
    /// The version that the object's `apiVersion` gives; `v1` if it gives none.
    pub version: String,
    /// Everything that is wrong, in the order of the text; never empty.
    pub problems: Vec<Problem>,
}

impl DecodeError {
    /// What the API server answers: the first error that made decoding fail, else all that strictness found.
    #[must_use]
    pub fn message(&self) -> String {
        let reason = match self.problems.iter().find(|problem| !problem.is_strict()) {
            Some(problem) => problem.text.clone(),
            None => {
                let texts: Vec<&str> = self.problems.iter().map(|problem| problem.text.as_str()).collect();
                format!("strict decoding error: {}", texts.join(", "))
            }
        };
        format!("{} in version {:?} cannot be handled as a {}: {reason}", self.kind, self.version, self.wanted)
    }
}
