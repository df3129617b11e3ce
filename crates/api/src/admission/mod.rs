//! What is decided of a write beyond the kind's own rules: where it may be, and who may do it.

mod namespaces;
mod service_account;

use serde_json::Value;

use crate::resources::Part;
use crate::security::node_restriction::{Operation, Write};
use crate::server::Server;
use crate::status::ApiError;
use crate::verbs::{Asked, metadata};

pub(crate) use namespaces::check_namespace_takes;
pub(crate) use service_account::wait_for_default;

/// Adds to a new object what its author may leave out because the server knows it.
pub(crate) fn prepare_new(server: &Server, asked: &Asked, object: &mut Value) -> Result<(), ApiError> {
    if asked.resource.stored_as == "pods" {
        service_account::inject(&server.store, object)?;
    }
    Ok(())
}

/// Checks a write: `new` is none if the object goes, `old` is none if it is new.
pub(crate) fn check_write(
    server: &Server,
    asked: &Asked,
    _part: Part,
    new: Option<&Value>,
    old: Option<&Value>,
) -> Result<(), ApiError> {
    if new.is_none() && asked.subresource.is_none() {
        namespaces::check_may_go(asked)?;
    }
    let operation = match (new, old) {
        (Some(_), None) => Operation::Create,
        (_, Some(_)) if new.is_some() => Operation::Update,
        _ => Operation::Delete,
    };
    let name = match (asked.name.as_str(), new) {
        ("", Some(new)) => metadata::text(new, "name"),
        (name, _) => name,
    };
    server.security.admit(&Write {
        user: &asked.user,
        operation,
        group: asked.resource.group,
        resource: asked.resource.plural,
        subresource: asked.part(),
        namespace: &asked.namespace,
        name,
        old,
        new,
    })
}
