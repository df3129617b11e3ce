//! One error about one field.

use std::fmt;

use thiserror::Error;

use super::{BadValue, FieldPath};

/// What is wrong with a field. Each kind has a text for people and a reason for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// A value that must be there is not.
    Required,
    /// A value is not of the right form or in the right range.
    Invalid,
    /// A value is none of a fixed set.
    NotSupported,
    /// A value that must be unique is there twice.
    Duplicate,
    /// A value may not be set here.
    Forbidden,
    /// A value names something that does not exist.
    NotFound,
    /// A text is too long.
    TooLong,
    /// A list has too many items.
    TooMany,
}

impl ErrorKind {
    /// The text that a message starts with.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Required => "Required value",
            Self::Invalid => "Invalid value",
            Self::NotSupported => "Unsupported value",
            Self::Duplicate => "Duplicate value",
            Self::Forbidden => "Forbidden",
            Self::NotFound => "Not found",
            Self::TooLong => "Too long",
            Self::TooMany => "Too many",
        }
    }

    /// The `reason` of a cause in a Kubernetes `Status`.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::Required => "FieldValueRequired",
            Self::Invalid => "FieldValueInvalid",
            Self::NotSupported => "FieldValueNotSupported",
            Self::Duplicate => "FieldValueDuplicate",
            Self::Forbidden => "FieldValueForbidden",
            Self::NotFound => "FieldValueNotFound",
            Self::TooLong => "FieldValueTooLong",
            Self::TooMany => "FieldValueTooMany",
        }
    }

    /// Whether messages of this kind show the value.
    fn shows_value(self) -> bool {
        !matches!(self, Self::Required | Self::Forbidden | Self::TooLong)
    }
}

/// An error about one field.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct FieldError {
    /// What is wrong.
    pub kind: ErrorKind,
    /// Which field.
    pub field: FieldPath,
    /// The value it has.
    pub value: BadValue,
    /// What is right; may be empty.
    pub detail: String,
}

impl FieldError {
    /// The message without the field: `Invalid value: "x": must be y`.
    #[must_use]
    pub fn body(&self) -> String {
        let mut body = self.kind.text().to_owned();
        if self.kind.shows_value() {
            body.push_str(&format!(": {}", self.value));
        }
        if !self.detail.is_empty() {
            body.push_str(&format!(": {}", self.detail));
        }
        body
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.body())
    }
}
