//! Who asks, and for what: what authentication finds out and authorization decides on.

/// Somebody who was authenticated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The name, such as `system:node:edge-1`.
    pub name: String,
    /// A UID, if the credential has one.
    pub uid: String,
    /// All groups, `system:authenticated` or `system:unauthenticated` among them.
    pub groups: Vec<String>,
    /// What else the credential says, such as `authentication.kubernetes.io/pod-name`.
    pub extra: Vec<(String, Vec<String>)>,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Something that is no resource, such as `/version`.
    Path {
        /// The verb: the HTTP method in small letters.
        verb: String,
        /// The path.
        path: String,
    },
    /// A resource.
    Resource(ResourceRequest),
}

/// A request for a resource, in the words of RBAC.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResourceRequest {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete` or `deletecollection`.
    pub verb: String,
    /// The API group; empty for the core's.
    pub group: String,
    /// The version.
    pub version: String,
    /// The resource's plural name.
    pub resource: String,
    /// The subresource; empty if none.
    pub subresource: String,
    /// The namespace; empty for all of them, and for what has none.
    pub namespace: String,
    /// The object; empty for all of them.
    pub name: String,
    /// The field selector that was given, as it was given.
    pub field_selector: String,
    /// The label selector that was given, as it was given.
    pub label_selector: String,
}
