//! Pods: mirrors of its own static ones, and those that are bound to it.

use k8s_openapi::api::core::v1::Pod;
use reprise_core::objects::{ObjectKind, references};
use serde::Deserialize;
use serde_json::Value;

use super::{Operation, Write, text};
use crate::security::authorization::MIRROR;
use crate::security::follow::{NODES, PODS, get};
use crate::status::ApiError;
use crate::store::Store;

/// The Pod itself: made as a mirror, or removed.
pub(super) fn itself(store: &Store, node: &str, write: &Write<'_>) -> Result<(), ApiError> {
    match (write.operation, write.old, write.new) {
        (Operation::Create, _, Some(new)) => create(store, node, write, new),
        (Operation::Delete, Some(old), _) if !is_of(node, old) => {
            Err(write.refuse(&format!("node {node:?} can only delete pods with spec.nodeName set to itself")))
        }
        (Operation::Delete, Some(_), _) => Ok(()),
        (operation, ..) => {
            let operation = format!("{operation:?}").to_ascii_uppercase();
            let why =
                format!("unexpected operation {operation:?}, node {node:?} can only create and delete mirror pods");
            Err(write.refuse(&why))
        }
    }
}

/// Its status.
pub(super) fn status(node: &str, write: &Write<'_>) -> Result<(), ApiError> {
    let (Operation::Update, Some(old), Some(new)) = (write.operation, write.old, write.new) else {
        return Err(write.refuse("unexpected operation, only updates of a pod's status are allowed"));
    };
    if !is_of(node, old) {
        let why = format!("node {node:?} can only update pod status for pods with spec.nodeName set to itself");
        return Err(write.refuse(&why));
    }
    if old.pointer("/metadata/labels") != new.pointer("/metadata/labels") {
        return Err(write.refuse(&format!("node {node:?} cannot update labels through pod status")));
    }
    Ok(())
}

/// Its eviction.
pub(super) fn eviction(store: &Store, node: &str, write: &Write<'_>) -> Result<(), ApiError> {
    let name = match write.name {
        "" => write.new.map(|eviction| text(eviction, "/metadata/name")).unwrap_or_default(),
        name => name,
    };
    match get(store, PODS, write.namespace, name) {
        // That it is not there is told by the verb.
        None => Ok(()),
        Some(pod) if is_of(node, &pod) => Ok(()),
        Some(_) => Err(write.refuse(&format!("node {node:?} can only evict pods with spec.nodeName set to itself"))),
    }
}

fn is_of(node: &str, pod: &Value) -> bool {
    text(pod, "/spec/nodeName") == node
}

fn create(store: &Store, node: &str, write: &Write<'_>, new: &Value) -> Result<(), ApiError> {
    let refuse = |why: String| Err(write.refuse(&why));
    let pod = Pod::deserialize(new).map_err(|error| ApiError::bad_request(format!("pod can't be read: {error}")))?;
    if !pod.metadata.annotations.as_ref().is_some_and(|all| all.contains_key(MIRROR)) {
        let why = format!("pod does not have {MIRROR:?} annotation, node {node:?} can only create mirror pods");
        return refuse(why);
    }
    if !is_of(node, new) {
        return refuse(format!("node {node:?} can only create pods with spec.nodeName set to itself"));
    }
    owner(store, node, write, new)?;
    let spec = pod.spec.as_ref();
    if spec.is_some_and(|spec| spec.service_account_name.as_ref().is_some_and(|name| !name.is_empty())) {
        return refuse(format!("node {node:?} can not create pods that reference a service account"));
    }
    if spec.is_some_and(|spec| spec.resource_claims.as_ref().is_some_and(|claims| !claims.is_empty())) {
        return refuse(format!("node {node:?} can not create pods that reference resourceclaims"));
    }
    // What draws a token draws an account.
    let draws_token = |volume: &Value| {
        let sources = volume.pointer("/projected/sources").and_then(Value::as_array);
        sources.into_iter().flatten().any(|source| !source["serviceAccountToken"].is_null())
    };
    if new.pointer("/spec/volumes").and_then(Value::as_array).into_iter().flatten().any(draws_token) {
        return refuse(format!("node {node:?} can not create pods that reference a service account"));
    }
    let has_pull_secrets = spec.is_some_and(|spec| spec.image_pull_secrets.as_ref().is_some_and(|all| !all.is_empty()));
    let kind = references(&pod).first().map(|key| key.kind).or(has_pull_secrets.then_some(ObjectKind::Secret));
    match kind {
        None => Ok(()),
        Some(kind) => refuse(format!("node {node:?} can not create pods that reference {}s", kind.lower_name())),
    }
}

/// A mirror belongs to its Node object, or to nobody.
fn owner(store: &Store, node: &str, write: &Write<'_>, new: &Value) -> Result<(), ApiError> {
    let refuse = |why: String| Err(write.refuse(&why));
    let owners =
        new.pointer("/metadata/ownerReferences").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let [owner] = owners else {
        if owners.is_empty() {
            return Ok(());
        }
        return refuse(format!("node {node:?} can only create pods with a single owner reference set to itself"));
    };
    let is_node = owner["apiVersion"] == "v1" && owner["kind"] == "Node" && owner["name"] == node;
    if !is_node {
        return refuse(format!("node {node:?} can only create pods with an owner reference set to itself"));
    }
    if owner["controller"] != true {
        return refuse(format!("node {node:?} can only create pods with a controller owner reference set to itself"));
    }
    if owner["blockOwnerDeletion"] == true {
        return refuse(format!("node {node:?} must not set blockOwnerDeletion on an owner reference"));
    }
    let kept = get(store, NODES, "", node);
    match kept.as_ref().map(|kept| text(kept, "/metadata/uid")) {
        None => refuse(format!("node {node:?} can only create pods with an owner reference to a Node that is there")),
        Some(uid) if owner["uid"] != uid => {
            refuse(format!("node {node:?} UID mismatch: expected {uid} got {}", text(owner, "/uid")))
        }
        Some(_) => Ok(()),
    }
}
