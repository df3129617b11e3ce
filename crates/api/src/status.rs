//! Refusals: every error that a client sees is a Kubernetes `Status` made here, with the API server's words.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ListMeta, Status, StatusCause, StatusDetails};
use reprise_core::admission::Rejection;

/// A refusal, as the API tells it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{} ({})", .0.message.as_deref().unwrap_or_default(), .0.reason.as_deref().unwrap_or_default())]
pub struct ApiError(Box<Status>);

impl ApiError {
    /// One with a code, reason and message.
    #[must_use]
    pub fn new(code: u16, reason: &str, message: impl Into<String>) -> Self {
        Self(Box::new(Status {
            code: Some(code.into()),
            details: None,
            message: Some(message.into()),
            metadata: ListMeta::default(),
            reason: Some(reason.to_owned()).filter(|reason| !reason.is_empty()),
            status: Some("Failure".to_owned()),
        }))
    }

    /// The object that it is about.
    #[must_use]
    pub fn about(mut self, group: &str, kind: &str, name: &str) -> Self {
        let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let details = self.0.details.get_or_insert_default();
        (details.group, details.kind, details.name) = (text(group), text(kind), text(name));
        self
    }

    /// The group and kind that its details name, where it names an object already.
    #[must_use]
    pub(crate) fn with_kind(mut self, group: &str, kind: &str) -> Self {
        let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let details = self.0.details.get_or_insert_default();
        (details.group, details.kind) = (text(group), text(kind));
        self
    }

    /// A cause.
    #[must_use]
    pub fn because(mut self, reason: &str, message: &str, field: &str) -> Self {
        let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let cause = StatusCause { field: text(field), message: text(message), reason: text(reason) };
        self.0.details.get_or_insert_default().causes.get_or_insert_default().push(cause);
        self
    }

    /// When to try again, in seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: i32) -> Self {
        self.0.details.get_or_insert_default().retry_after_seconds = Some(seconds);
        self
    }

    /// 404 for an object. `resource` is the plural name.
    #[must_use]
    pub fn not_found(group: &str, resource: &str, name: &str) -> Self {
        let message = format!("{} {name:?} not found", qualified(group, resource));
        Self::new(404, "NotFound", message).about(group, resource, name)
    }

    /// 404 for a path or resource that is not there.
    #[must_use]
    pub fn no_such_resource() -> Self {
        let error = Self::new(404, "NotFound", "the server could not find the requested resource");
        Self(Box::new(Status { details: Some(StatusDetails::default()), ..*error.0 }))
    }

    /// 409 for a create.
    #[must_use]
    pub fn already_exists(group: &str, resource: &str, name: &str) -> Self {
        let message = format!("{} {name:?} already exists", qualified(group, resource));
        Self::new(409, "AlreadyExists", message).about(group, resource, name)
    }

    /// 409 for an update of an object that has changed.
    #[must_use]
    pub fn modified(group: &str, resource: &str, name: &str) -> Self {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(group, resource, name, why)
    }

    /// 409 for another reason.
    #[must_use]
    pub fn conflict(group: &str, resource: &str, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {} {name:?}: {why}", qualified(group, resource));
        Self::new(409, "Conflict", message).about(group, resource, name)
    }

    /// 400.
    #[must_use]
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// 403 for what is not allowed by a check that is no authorizer's.
    #[must_use]
    pub fn forbidden(group: &str, resource: &str, name: &str, why: &str) -> Self {
        let message = format!("{} {name:?} is forbidden: {why}", qualified(group, resource));
        Self::new(403, "Forbidden", message).about(group, resource, name)
    }

    /// 410 for a version or a continue token that is too old.
    #[must_use]
    pub fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    /// 500. `message` is what the client may know.
    #[must_use]
    pub fn internal(message: impl std::fmt::Display) -> Self {
        let text = message.to_string();
        Self::new(500, "InternalError", format!("Internal error occurred: {text}")).because("", &text, "")
    }

    /// The HTTP code.
    #[must_use]
    pub fn code(&self) -> u16 {
        self.0.code.and_then(|code| u16::try_from(code).ok()).unwrap_or(500)
    }

    /// As the API writes it.
    #[must_use]
    pub fn status(&self) -> &Status {
        &self.0
    }
}

impl From<Rejection> for ApiError {
    fn from(rejection: Rejection) -> Self {
        Self(rejection.status)
    }
}

/// A resource with its group, as messages name it.
fn qualified(group: &str, resource: &str) -> String {
    if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") }
}
