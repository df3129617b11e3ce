//! Objects that have the node's name.

use super::{Operation, Write, text};
use crate::status::ApiError;

const LEASES: &str = "kube-node-lease";

/// Only the node's own lease.
pub(super) fn lease(node: &str, write: &Write<'_>) -> Result<(), ApiError> {
    if write.namespace != LEASES {
        return Err(write.refuse(&format!("can only access leases in the {LEASES:?} system namespace")));
    }
    own(node, write, "can only access node lease with the same name as the requesting node")
}

/// Only the node's own CSINode.
pub(super) fn csi_node(node: &str, write: &Write<'_>) -> Result<(), ApiError> {
    own(node, write, "can only access CSINode with the same name as the requesting node")
}

fn own(node: &str, write: &Write<'_>, why_not: &str) -> Result<(), ApiError> {
    // A new object's name is in the body.
    let name = match (write.operation, write.new) {
        (Operation::Create, Some(new)) => text(new, "/metadata/name"),
        _ => write.name,
    };
    if name == node { Ok(()) } else { Err(write.refuse(why_not)) }
}
