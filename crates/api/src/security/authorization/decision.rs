//! What an authorizer answers, and how a refusal reads.

use crate::access::{Request, ResourceRequest, User};
use crate::status::ApiError;

/// Whether something is allowed, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Whether it is.
    pub allowed: bool,
    /// Why; may be empty.
    pub reason: String,
}

impl Decision {
    /// It is allowed.
    pub(super) fn allowed(reason: impl Into<String>) -> Self {
        Self { allowed: true, reason: reason.into() }
    }

    /// Nobody allows it.
    pub(super) fn no_opinion(reason: impl Into<String>) -> Self {
        Self { allowed: false, reason: reason.into() }
    }
}

/// 403 for what nobody allows.
#[must_use]
pub fn forbidden(user: &User, request: &Request, reason: &str) -> ApiError {
    let because = if reason.is_empty() { String::new() } else { format!(": {reason}") };
    match request {
        Request::Path { verb, path } => {
            let message = format!("forbidden: User {:?} cannot {verb} path {path:?}{because}", user.name);
            ApiError::new(403, "Forbidden", harmless(&message)).about("", "", "")
        }
        Request::Resource(of) => {
            let message = format!("{}{because}", cannot(user, of));
            let message = match (of.group.is_empty(), of.name.is_empty()) {
                (true, true) => format!("{} is forbidden: {message}", of.resource),
                (false, true) => format!("{}.{} is forbidden: {message}", of.resource, of.group),
                (_, false) => return ApiError::forbidden(&of.group, &of.resource, &of.name, &harmless(&message)),
            };
            ApiError::new(403, "Forbidden", harmless(&message)).about(&of.group, &of.resource, "")
        }
    }
}

fn cannot(user: &User, of: &ResourceRequest) -> String {
    let resource = of.full_resource();
    let place = match of.namespace.as_str() {
        "" => "at the cluster scope".to_owned(),
        namespace => format!("in the namespace {namespace:?}"),
    };
    format!("User {:?} cannot {} resource {resource:?} in API group {:?} {place}", user.name, of.verb, of.group)
}

/// Nothing that a browser could take for markup.
fn harmless(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

impl ResourceRequest {
    /// The resource with its subresource, as rules have it (`pods/log`).
    #[must_use]
    pub fn full_resource(&self) -> String {
        if self.subresource.is_empty() {
            self.resource.clone()
        } else {
            format!("{}/{}", self.resource, self.subresource)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::security::authentication::anonymous;

    fn message(request: ResourceRequest) -> String {
        let error = forbidden(&anonymous(), &Request::Resource(request), "");
        error.status().message.clone().unwrap()
    }

    #[test]
    fn refusals_read_as_the_api_server_s() {
        let list = ResourceRequest {
            verb: "list".to_owned(),
            resource: "pods".to_owned(),
            namespace: "default".to_owned(),
            ..ResourceRequest::default()
        };
        assert_eq!(
            message(list.clone()),
            "pods is forbidden: User \"system:anonymous\" cannot list resource \"pods\" in API group \"\" in the namespace \
             \"default\""
        );
        let log =
            ResourceRequest { verb: "get".to_owned(), subresource: "log".to_owned(), name: "p".to_owned(), ..list };
        assert_eq!(
            message(log),
            "pods \"p\" is forbidden: User \"system:anonymous\" cannot get resource \"pods/log\" in API group \"\" in the \
             namespace \"default\""
        );
        let jobs = ResourceRequest {
            verb: "list".to_owned(),
            group: "batch".to_owned(),
            resource: "jobs".to_owned(),
            ..ResourceRequest::default()
        };
        assert_eq!(
            message(jobs),
            "jobs.batch is forbidden: User \"system:anonymous\" cannot list resource \"jobs\" in API group \"batch\" at the \
             cluster scope"
        );
        let path = Request::Path { verb: "get".to_owned(), path: "/<x>".to_owned() };
        assert_eq!(
            forbidden(&anonymous(), &path, "").status().message.as_deref(),
            Some("forbidden: User \"system:anonymous\" cannot get path \"/&lt;x&gt;\"")
        );
    }
}
