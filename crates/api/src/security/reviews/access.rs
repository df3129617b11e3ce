//! What somebody may do.

use k8s_openapi::api::authorization::v1::{
    FieldSelectorAttributes, LocalSubjectAccessReview, NonResourceAttributes, ResourceAttributes,
    SelfSubjectAccessReview, SubjectAccessReview, SubjectAccessReviewSpec, SubjectAccessReviewStatus,
};
use reprise_core::unset::{list, text};
use serde::Serialize;
use serde_json::Value;

use crate::access::{Request, ResourceRequest, User};
use crate::security::authorization::Authorizer;
use crate::status::ApiError;

/// What who asks may do.
pub(super) fn own(
    authorizer: &Authorizer,
    user: &User,
    review: &SelfSubjectAccessReview,
) -> Result<SubjectAccessReviewStatus, ApiError> {
    let spec = &review.spec;
    let kind = "SelfSubjectAccessReview";
    let request = request(kind, spec.resource_attributes.as_ref(), spec.non_resource_attributes.as_ref())?;
    Ok(status(authorizer, user, &request))
}

/// What anybody may do.
pub(super) fn of_subject(
    authorizer: &Authorizer,
    review: &SubjectAccessReview,
) -> Result<SubjectAccessReviewStatus, ApiError> {
    let kind = "SubjectAccessReview";
    let spec = &review.spec;
    let request = request(kind, spec.resource_attributes.as_ref(), spec.non_resource_attributes.as_ref())?;
    Ok(status(authorizer, &subject(kind, spec)?, &request))
}

/// What anybody may do in a namespace.
pub(super) fn in_namespace(
    authorizer: &Authorizer,
    namespace: &str,
    review: &LocalSubjectAccessReview,
) -> Result<SubjectAccessReviewStatus, ApiError> {
    let kind = "LocalSubjectAccessReview";
    let spec = &review.spec;
    if spec.non_resource_attributes.is_some() {
        let field = "spec.nonResourceAttributes";
        return Err(invalid(kind, field, &shown(&spec.non_resource_attributes), "disallowed on this kind of request"));
    }
    let asked = spec.resource_attributes.as_ref().map(|of| text(&of.namespace)).unwrap_or_default();
    if asked != namespace {
        let field = "spec.resourceAttributes.namespace";
        return Err(invalid(
            kind,
            field,
            &format!("{asked:?}"),
            &format!("must match metadata.namespace: {namespace}"),
        ));
    }
    let request = request(kind, spec.resource_attributes.as_ref(), None)?;
    Ok(status(authorizer, &subject(kind, spec)?, &request))
}

fn status(authorizer: &Authorizer, user: &User, request: &Request) -> SubjectAccessReviewStatus {
    let decision = authorizer.decide(user, request);
    let reason = Some(decision.reason).filter(|reason| !reason.is_empty());
    SubjectAccessReviewStatus { allowed: decision.allowed, reason, ..SubjectAccessReviewStatus::default() }
}

/// Whom a review is about.
fn subject(kind: &str, spec: &SubjectAccessReviewSpec) -> Result<User, ApiError> {
    let groups = list(&spec.groups);
    if text(&spec.user).is_empty() && groups.is_empty() {
        return Err(invalid(kind, "spec.user", "\"\"", "at least one of user or group must be specified"));
    }
    Ok(User {
        name: text(&spec.user).to_owned(),
        uid: text(&spec.uid).to_owned(),
        groups: groups.to_vec(),
        extra: spec.extra.clone().unwrap_or_default().into_iter().collect(),
    })
}

fn request(
    kind: &str,
    resource: Option<&ResourceAttributes>,
    path: Option<&NonResourceAttributes>,
) -> Result<Request, ApiError> {
    match (resource, path) {
        (Some(of), None) => Ok(Request::Resource(ResourceRequest {
            verb: text(&of.verb).to_owned(),
            group: text(&of.group).to_owned(),
            version: text(&of.version).to_owned(),
            resource: text(&of.resource).to_owned(),
            subresource: text(&of.subresource).to_owned(),
            namespace: text(&of.namespace).to_owned(),
            name: text(&of.name).to_owned(),
            field_selector: of.field_selector.as_ref().map(selector).unwrap_or_default(),
            label_selector: String::new(),
        })),
        (None, Some(of)) => Ok(Request::Path { verb: text(&of.verb).to_owned(), path: text(&of.path).to_owned() }),
        (Some(_), Some(of)) => {
            let why = "cannot be specified in combination with resourceAttributes";
            Err(invalid(kind, "spec.nonResourceAttributes", &shown(of), why))
        }
        (None, None) => {
            let why = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
            Err(invalid(kind, "spec.resourceAttributes", "null", why))
        }
    }
}

/// The selector as text. What can't be said so selects more, which only makes the answer stricter.
fn selector(selector: &FieldSelectorAttributes) -> String {
    let requirement = |key: &str, operator: &str, values: &[String]| match (operator, values) {
        ("In", [value]) => Some(format!("{key}={}", escaped(value))),
        ("NotIn", [value]) => Some(format!("{key}!={}", escaped(value))),
        _ => None,
    };
    let all = list(&selector.requirements).iter();
    let all: Vec<String> = all.filter_map(|each| requirement(&each.key, &each.operator, list(&each.values))).collect();
    if all.is_empty() { text(&selector.raw_selector).to_owned() } else { all.join(",") }
}

/// A value that stays one whatever is in it.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace(',', "\\,").replace('=', "\\=")
}

fn shown(value: &impl Serialize) -> String {
    serde_json::to_value(value).unwrap_or(Value::Null).to_string()
}

fn invalid(kind: &str, field: &str, value: &str, why: &str) -> ApiError {
    let text = format!("Invalid value: {value}: {why}");
    let message = format!("{kind}.authorization.k8s.io \"\" is invalid: {field}: {text}");
    let error = ApiError::new(422, "Invalid", message).about("authorization.k8s.io", kind, "");
    error.because("FieldValueInvalid", &text, field)
}
