//! Namespaces: nothing new comes into one that is not there or is going, and some stay for good.

use serde_json::Value;

use crate::resources::Resource;
use crate::server::Server;
use crate::status::ApiError;
use crate::store::Key;
use crate::verbs::{Asked, metadata};

/// Without these a cluster does not work.
const FOR_GOOD: [&str; 3] = ["default", "kube-system", "kube-public"];

/// # Errors
/// 404 if the object's namespace is not there, 403 if it is going.
pub(crate) fn check_namespace_takes(server: &Server, resource: &Resource, object: &Value) -> Result<(), ApiError> {
    if !resource.namespaced || !resource.is_stored() {
        return Ok(());
    }
    let name = metadata::text(object, "namespace");
    let key = Key { resource: "namespaces", namespace: String::new(), name: name.to_owned() };
    let stored = server.store.get(&key).ok_or_else(|| ApiError::not_found("", "namespaces", name))?;
    let namespace: Value = serde_json::from_slice(&stored.json).map_err(ApiError::internal)?;
    if !metadata::is_deleting(&namespace) {
        return Ok(());
    }
    let why = format!("unable to create new content in namespace {name} because it is being terminated");
    let error = ApiError::forbidden(resource.group, resource.plural, metadata::text(object, "name"), &why);
    let message = format!("namespace {name} is being terminated");
    Err(error.because("NamespaceTerminating", &message, "metadata.namespace"))
}

/// # Errors
/// 403 for a namespace that stays for good.
pub(super) fn check_may_go(asked: &Asked) -> Result<(), ApiError> {
    if asked.resource.stored_as == "namespaces" && FOR_GOOD.contains(&asked.name.as_str()) {
        return Err(ApiError::forbidden("", "namespaces", &asked.name, "this namespace may not be deleted"));
    }
    Ok(())
}
