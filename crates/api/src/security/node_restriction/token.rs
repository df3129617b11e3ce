//! Tokens: only of its own Pods' accounts, bound to the Pod, and for audiences that the Pod asks for.

use serde_json::Value;

use super::{Write, text};
use crate::security::follow::{PODS, get};
use crate::status::ApiError;
use crate::store::Store;

/// Whether the node may have this token.
pub(super) fn check(store: &Store, node: &str, write: &Write<'_>) -> Result<(), ApiError> {
    let empty = Value::Null;
    let request = write.new.unwrap_or(&empty);
    let bound = &request["spec"]["boundObjectRef"];
    if text(bound, "/apiVersion") != "v1" || text(bound, "/kind") != "Pod" || text(bound, "/name").is_empty() {
        return Err(write.refuse("node requested token not bound to a pod"));
    }
    let (name, uid) = (text(bound, "/name"), text(bound, "/uid"));
    if uid.is_empty() {
        return Err(write.refuse("node requested token with a pod binding without a uid"));
    }
    let pod = get(store, PODS, write.namespace, name).ok_or_else(|| ApiError::not_found("", PODS, name))?;
    let kept = text(&pod, "/metadata/uid");
    if kept != uid {
        let why = format!("the UID in the bound object reference ({uid}) does not match the UID in record ({kept})");
        return Err(ApiError::conflict("", PODS, name, &why));
    }
    if text(&pod, "/spec/nodeName") != node {
        return Err(write.refuse("node requested token bound to a pod scheduled on a different node"));
    }
    if text(&pod, "/spec/serviceAccountName") != write.name {
        return Err(write.refuse("node requested token of a service account that the pod does not have"));
    }
    audiences(&pod, request, write)
}

/// A node gives its Pods what their volumes name, and has no use for another audience.
fn audiences(pod: &Value, request: &Value, write: &Write<'_>) -> Result<(), ApiError> {
    let wanted = request.pointer("/spec/audiences").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let wanted = match wanted {
        [] => "",
        [one] => one.as_str().unwrap_or_default(),
        _ => return Err(write.refuse("node may only request 0 or 1 audiences")),
    };
    let volumes = pod.pointer("/spec/volumes").and_then(Value::as_array).into_iter().flatten();
    let sources = volumes.filter_map(|volume| volume.pointer("/projected/sources").and_then(Value::as_array)).flatten();
    let mut named = sources.map(|source| &source["serviceAccountToken"]).filter(|source| source.is_object());
    if named.any(|source| text(source, "/audience") == wanted) {
        return Ok(());
    }
    Err(write.refuse(&format!("audience {wanted:?} not found in pod spec volume")))
}
