//! The answer to an object that is not let in, as the API server gives it.

use std::collections::HashSet;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Status, StatusCause, StatusDetails};
use thiserror::Error;

use crate::field::FieldError;
use crate::manifest::DecodeError;
use crate::unset::text;

/// Why an object was refused.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("{message}", message = self.status.message.as_deref().unwrap_or_default())]
pub struct Rejection {
    /// The HTTP code: 400, 403 or 422.
    pub code: u16,
    /// The whole answer.
    pub status: Box<Status>,
    /// The errors one by one, if the object was invalid (422).
    pub errors: Vec<FieldError>,
}

impl Rejection {
    /// For a text that is no such object.
    #[must_use]
    pub fn bad_request(error: &DecodeError) -> Self {
        Self::new(400, "BadRequest", error.message(), None)
    }

    /// For a Pod that a policy does not allow.
    #[must_use]
    pub fn forbidden(pod: &Pod, problem: &str) -> Self {
        let name = text(&pod.metadata.name);
        let message = format!("pods {name:?} is forbidden: {problem}");
        Self::new(403, "Forbidden", message, Some(details(name, "pods", Vec::new())))
    }

    /// For a Pod that is wrong in itself.
    #[must_use]
    pub fn invalid(pod: &Pod, errors: Vec<FieldError>) -> Self {
        Self::invalid_object("Pod", text(&pod.metadata.name), errors)
    }

    /// For any object that is wrong in itself.
    #[must_use]
    pub fn invalid_object(kind: &str, name: &str, errors: Vec<FieldError>) -> Self {
        let causes = errors.iter().map(cause).collect();
        let message = format!("{kind} {name:?} is invalid: {}", joined(&errors));
        let mut rejection = Self::new(422, "Invalid", message, Some(details(name, kind, causes)));
        rejection.errors = errors;
        rejection
    }

    /// One message per error, each with the field's path, for people.
    #[must_use]
    pub fn messages(&self) -> Vec<String> {
        match self.errors.as_slice() {
            [] => vec![self.to_string()],
            errors => errors.iter().map(ToString::to_string).collect(),
        }
    }

    fn new(code: u16, reason: &str, message: String, details: Option<StatusDetails>) -> Self {
        let status = Status {
            status: Some("Failure".to_owned()),
            message: Some(message),
            reason: Some(reason.to_owned()),
            details,
            code: Some(i32::from(code)),
            ..Status::default()
        };
        Self { code, status: Box::new(status), errors: Vec::new() }
    }
}

fn details(name: &str, kind: &str, causes: Vec<StatusCause>) -> StatusDetails {
    StatusDetails {
        name: Some(name.to_owned()).filter(|name| !name.is_empty()),
        kind: Some(kind.to_owned()),
        causes: Some(causes).filter(|causes| !causes.is_empty()),
        ..StatusDetails::default()
    }
}

fn cause(error: &FieldError) -> StatusCause {
    StatusCause {
        reason: Some(error.kind.reason().to_owned()),
        message: Some(error.body()),
        field: Some(error.field.to_string()),
    }
}

/// All messages, each once; several in brackets.
fn joined(errors: &[FieldError]) -> String {
    let mut seen = HashSet::new();
    let messages = errors.iter().map(ToString::to_string);
    let messages: Vec<String> = messages.filter(|message| seen.insert(message.clone())).collect();
    match messages.as_slice() {
        [one] => one.clone(),
        many => format!("[{}]", many.join(", ")),
    }
}
