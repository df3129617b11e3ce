//! One request for a resource, with everything that its path, query and headers say.

use jiff::Timestamp;

use crate::access::{Request, ResourceRequest, User};
use crate::encoding::Accepted;
use crate::request::Query;
use crate::resources::{Resource, Subresource};
use crate::status::ApiError;
use crate::store::Key;

/// One request for a resource.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Who asks.
    pub user: User,
    /// For what.
    pub resource: &'static Resource,
    /// Of which namespace; empty for all of them, and for what has none.
    pub namespace: String,
    /// For which object; empty for all of them.
    pub name: String,
    /// For which part of it.
    pub subresource: Option<&'static Subresource>,
    /// The query.
    pub query: Query,
    /// The form that the client wants.
    pub accepted: Accepted,
    /// What the client calls itself.
    pub user_agent: String,
    /// The `Content-Type` of the body.
    pub content_type: Option<String>,
    /// When the request came.
    pub now: Timestamp,
}

impl Asked {
    /// The object in the store.
    pub fn key(&self) -> Key {
        self.key_of(&self.name)
    }

    /// Another object of the same resource and namespace.
    pub fn key_of(&self, name: &str) -> Key {
        Key { resource: self.resource.stored_as, namespace: self.namespace.clone(), name: name.to_owned() }
    }

    /// The namespace, if only its objects are meant.
    pub fn in_namespace(&self) -> Option<&str> {
        (self.resource.namespaced && !self.namespace.is_empty()).then_some(self.namespace.as_str())
    }

    /// Another verb for the same, in the words of authorization.
    pub fn in_words(&self, verb: &str) -> Request {
        Request::Resource(ResourceRequest {
            verb: verb.to_owned(),
            group: self.resource.group.to_owned(),
            version: self.resource.version.to_owned(),
            resource: self.resource.plural.to_owned(),
            subresource: self.part().to_owned(),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            ..ResourceRequest::default()
        })
    }

    /// The subresource's name; empty if none.
    pub fn part(&self) -> &'static str {
        self.subresource.map_or("", |subresource| subresource.name)
    }

    /// 404 for the object.
    pub fn not_found(&self) -> ApiError {
        ApiError::not_found(self.resource.group, self.resource.plural, &self.name)
    }
}
