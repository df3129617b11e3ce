//! What a node may write: its own Node object, lease and CSINode, mirrors of its own static Pods, the status of Pods bound to
//! it, and tokens of accounts for these. The rules and words are those of Kubernetes' NodeRestriction admission.

mod named;
mod node;
mod pod;
mod token;

use serde_json::Value;

use crate::access::User;
use crate::security::authorization::node_name;
use crate::security::certificates::NODES;
use crate::status::ApiError;
use crate::store::Store;

/// What is done to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// It is made, or something is posted to it.
    Create,
    /// It becomes another, in whole or in part.
    Update,
    /// It is removed.
    Delete,
}

/// A write, with the object as it would be and as it is.
#[derive(Debug, Clone, Copy)]
pub struct Write<'a> {
    /// Who writes.
    pub user: &'a User,
    /// What is done.
    pub operation: Operation,
    /// The API group; empty for the core's.
    pub group: &'a str,
    /// The plural name.
    pub resource: &'a str,
    /// The subresource; empty if none.
    pub subresource: &'a str,
    /// The namespace; empty if none.
    pub namespace: &'a str,
    /// The object's name; empty if it will get one.
    pub name: &'a str,
    /// The object as it is; none for a new one, and for what is posted to a subresource.
    pub old: Option<&'a Value>,
    /// The object as it would be, or what is posted; none when it is removed.
    pub new: Option<&'a Value>,
}

impl Write<'_> {
    fn refuse(&self, why: &str) -> ApiError {
        ApiError::forbidden(self.group, self.resource, self.name, why)
    }
}

/// Whether a node may write this; anybody else may, as far as this is concerned.
///
/// # Errors
/// 403 with what the node may do.
pub fn node_restriction(store: &Store, write: &Write<'_>) -> Result<(), ApiError> {
    if !write.user.groups.iter().any(|group| group == NODES) {
        return Ok(());
    }
    let Some(node) = node_name(write.user) else {
        return Err(write.refuse(&format!("could not determine node from user {:?}", write.user.name)));
    };
    match (write.group, write.resource, write.subresource) {
        ("", "pods", "") => pod::itself(store, node, write),
        ("", "pods", "status") => pod::status(node, write),
        ("", "pods", "eviction") => pod::eviction(store, node, write),
        ("", "pods", other) => {
            Err(write
                .refuse(&format!("unexpected pod subresource {other:?}, only 'status' and 'eviction' are allowed")))
        }
        ("", "nodes", _) => node::check(node, write),
        ("", "serviceaccounts", "token") => token::check(store, node, write),
        ("coordination.k8s.io", "leases", _) => named::lease(node, write),
        ("storage.k8s.io", "csinodes", _) => named::csi_node(node, write),
        _ => Ok(()),
    }
}

fn text<'a>(object: &'a Value, path: &str) -> &'a str {
    object.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests;
