//! What is decided of a write beyond the kind's own rules: where it may be, and who may do it.

mod namespaces;
mod service_account;

use serde_json::Value;

use crate::patch::{Element, FieldSet, fields_added, shape_of};
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

/// Fields of a Pod's spec that admission sets where its author does not.
const FROM_ADMISSION: [&str; 5] = ["priority", "preemptionPolicy", "overhead", "tolerations", "nodeSelector"];

/// What admission, and no author, has added to a new Pod: `given` was sent, `prepared` has its service account, and fields of
/// `admitted` come from its priority class and runtime class.
pub(crate) fn added_to_new(asked: &Asked, given: &Value, prepared: &Value, admitted: &Value) -> FieldSet {
    let mut added = fields_added(shape_of(asked.resource.group, asked.resource.kind), given, prepared);
    let given = given.get("spec");
    let is_new = |field: &str| given.is_none_or(|spec| spec.get(field).is_none()) && !admitted["spec"][field].is_null();
    for field in FROM_ADMISSION.into_iter().filter(|field| is_new(field)) {
        added.insert(&[Element::field("spec"), Element::field(field)]);
    }
    // The old name of the same field follows it.
    if is_new("serviceAccount") && is_new("serviceAccountName") {
        added.insert(&[Element::field("spec"), Element::field("serviceAccount")]);
    }
    added
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
