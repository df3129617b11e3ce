//! What clients send to the API: bodies in all encodings, and patches.

use reprise_api::encoding::{Wanted, decode_body};
use reprise_api::patch::{FieldOwner, apply_json_patch, apply_strategic, server_side_apply, shape_of, track_update};
use reprise_api::request::FieldValidation;
use reprise_api::resources::{Resource, TABLE};
use serde_json::Value;

/// The kind that the first byte chooses, and the rest.
fn chosen(bytes: &[u8]) -> Option<(&'static Resource, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    Some((&TABLE[usize::from(*first) % TABLE.len()], rest))
}

/// A body as `content_type`. What is read must be read again from what was made of it, and be the same then.
fn body(bytes: &[u8], content_type: &str) {
    let Some((resource, body)) = chosen(bytes) else { return };
    let wanted = Wanted::from(resource);
    // Refused is as good as read.
    let Ok(decoded) = decode_body(&wanted, Some(content_type), body, FieldValidation::Ignore) else { return };
    let text = decoded.object.to_string();
    let again = decode_body(&wanted, None, text.as_bytes(), FieldValidation::Strict);
    assert_eq!(again.map(|again| again.object), Ok(decoded.object), "{text}");
}

pub fn protobuf(bytes: &[u8]) {
    body(bytes, "application/vnd.kubernetes.protobuf");
}

pub fn yaml(bytes: &[u8]) {
    body(bytes, "application/yaml");
}

/// An object and a patch of it, as a list in JSON: patched in each way.
pub fn patch(bytes: &[u8]) {
    let Some((resource, json)) = chosen(bytes) else { return };
    let Ok((object, patch)) = serde_json::from_slice::<(Value, Value)>(json) else { return };
    let shape = shape_of(resource.group, resource.kind);
    let owner = FieldOwner { manager: "m", subresource: "", resets: &[], now: Default::default() };
    // Refused is as good as patched.
    if let Ok(patched) = apply_strategic(shape, &object, &patch) {
        drop(track_update(shape, Some(&object), patched, &owner));
    }
    drop(apply_json_patch(&object, &patch));
    drop(server_side_apply(shape, Some(&object), &patch, &owner, true));
    let (Some(object), Some(mut patch)) = (typed(resource, &object), typed(resource, &patch)) else { return };
    if let Some(metadata) = patch["metadata"].as_object_mut() {
        metadata.remove("managedFields");
    }
    if let Ok(applied) = server_side_apply(shape, Some(&object), &patch, &owner, true) {
        let again = server_side_apply(shape, Some(&applied), &patch, &owner, false);
        assert_eq!(again.as_ref(), Ok(&applied), "applied twice");
    }
}

/// As an object of the kind.
fn typed(resource: &Resource, value: &Value) -> Option<Value> {
    let decoded = decode_body(&Wanted::from(resource), None, value.to_string().as_bytes(), FieldValidation::Ignore);
    decoded.ok().map(|decoded| decoded.object)
}
