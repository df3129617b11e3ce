//! `pods/binding`: a Pod gets its node, once.

use k8s_openapi::api::core::v1::Binding;
use reprise_core::unset::text;
use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::asked::Asked;
use super::super::change::change;
use super::super::create::Proposed;
use super::super::metadata;
use super::created;
use crate::encoding::{Wanted, decode_body};
use crate::request::WriteOptions;
use crate::server::Server;
use crate::status::ApiError;

const BINDING: Wanted = Wanted::of::<Binding>("", "v1", "Binding");

pub(super) async fn bind(server: &Server, asked: &Asked, body: &[u8]) -> Result<Answer, ApiError> {
    let options = WriteOptions::parse(&asked.query, "CreateOptions")?;
    let decoded = decode_body(&BINDING, asked.content_type.as_deref(), body, options.field_validation)?;
    let binding: Binding = serde_json::from_value(decoded.object).map_err(ApiError::internal)?;
    let name = text(&binding.metadata.name);
    if !name.is_empty() && name != asked.name {
        let message = format!("name in URL does not match name in Binding object: {} != {name}", asked.name);
        return Err(ApiError::bad_request(message));
    }
    let node = check_target(&binding)?;
    let propose = |current: &Value| bound(current, &binding, node, asked);
    change(server, asked, &options, &propose).await?;
    Ok(created(decoded.warnings))
}

fn check_target(binding: &Binding) -> Result<&str, ApiError> {
    let refused = |field: &str, reason: &str, why: &str| {
        let message = format!("Binding {:?} is invalid: {field}: {why}", text(&binding.metadata.name));
        Err(ApiError::new(422, "Invalid", message).because(reason, why, field))
    };
    let kind = text(&binding.target.kind);
    if !matches!(kind, "" | "Node") {
        let why = format!("Unsupported value: {kind:?}: supported values: \"Node\", \"<empty>\"");
        return refused("target.kind", "FieldValueNotSupported", &why);
    }
    match text(&binding.target.name) {
        "" => refused("target.name", "FieldValueRequired", "Required value"),
        name => Ok(name),
    }
}

fn bound(current: &Value, binding: &Binding, node: &str, asked: &Asked) -> Result<Proposed, ApiError> {
    let name = &asked.name;
    let conflict = |why: String| Err(ApiError::conflict("", "pods/binding", name, &why));
    if metadata::is_deleting(current) {
        return conflict(format!("pod {name} is being deleted, cannot be assigned to a host"));
    }
    if let Some(taken) = current.pointer("/spec/nodeName").and_then(Value::as_str).filter(|taken| !taken.is_empty()) {
        return conflict(format!("pod {name} is already assigned to node {taken:?}"));
    }
    let gates = current.pointer("/spec/schedulingGates").and_then(Value::as_array);
    if gates.is_some_and(|gates| !gates.is_empty()) {
        return conflict(format!("pod {name} has non-empty .spec.schedulingGates"));
    }
    let mut object = current.clone();
    // The Pod may have changed since the scheduler has seen it; only its UID and version, if it names them, must fit.
    metadata::unset(&mut object, "resourceVersion");
    for (field, value) in [("uid", &binding.metadata.uid), ("resourceVersion", &binding.metadata.resource_version)] {
        if let Some(value) = value.as_deref().filter(|value| !value.is_empty()) {
            metadata::set(&mut object, field, value);
        }
    }
    object["spec"]["nodeName"] = node.into();
    for (key, value) in binding.metadata.annotations.iter().flatten() {
        let mut annotations = object["metadata"]["annotations"].take();
        annotations[key] = value.as_str().into();
        metadata::set(&mut object, "annotations", annotations);
    }
    schedule(&mut object, asked);
    Ok(Proposed { object, warnings: Vec::new(), tracked: false })
}

fn schedule(pod: &mut Value, asked: &Asked) {
    let scheduled = json!({
        "type": "PodScheduled",
        "status": "True",
        "lastProbeTime": null,
        "lastTransitionTime": metadata::time(asked.now),
    });
    let old = pod["status"]["conditions"].take();
    let others = old.as_array().into_iter().flatten().filter(|condition| condition["type"] != "PodScheduled");
    let conditions: Vec<Value> = others.cloned().chain([scheduled]).collect();
    pod["status"]["conditions"] = conditions.into();
}
