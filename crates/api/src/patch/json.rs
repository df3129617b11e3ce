//! JSON patch: a list of operations (RFC 6902).

use json_patch::{Patch, PatchOperation};
use serde_json::Value;

use super::PatchError;

/// Operations that one patch may have.
const MAX_OPERATIONS: usize = 10_000;
/// What all copies of one patch may add, in bytes of JSON: without a limit a short patch could double an object again and
/// again.
const MAX_COPIED: usize = 3 * 1024 * 1024;

/// Applies a JSON patch.
///
/// # Errors
/// If it is no such patch, has too many operations, or does not fit the object.
pub fn apply_json_patch(current: &Value, patch: &Value) -> Result<Value, PatchError> {
    let patch: Patch =
        serde_json::from_value(patch.clone()).map_err(|error| PatchError::Malformed(error.to_string()))?;
    if patch.len() > MAX_OPERATIONS {
        let text = "The allowed maximum operations in a JSON patch is";
        return Err(PatchError::TooLarge(format!("{text} {MAX_OPERATIONS}, got {}", patch.len())));
    }
    let mut patched = current.clone();
    let mut copied = 0;
    for operation in patch.iter() {
        if let PatchOperation::Copy(copy) = operation {
            copied += patched.pointer(copy.from.as_str()).map_or(0, |value| value.to_string().len());
        }
        if copied > MAX_COPIED {
            let text = "Unable to copy, the accumulated size increase of copy is";
            return Err(PatchError::DoesNotFit(format!("{text} {copied}, exceeding the limit {MAX_COPIED}")));
        }
        json_patch::patch_unsafe(&mut patched, std::slice::from_ref(operation))
            .map_err(|error| PatchError::DoesNotFit(error.to_string()))?;
    }
    Ok(patched)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_operations_apply_in_their_order() {
        let patch = json!([
            {"op": "test", "path": "/a", "value": 1},
            {"op": "add", "path": "/l/-", "value": 2},
            {"op": "remove", "path": "/l/0"},
            {"op": "copy", "from": "/a", "path": "/b"},
            {"op": "move", "from": "/a", "path": "/c~1d"},
            {"op": "replace", "path": "/l/0", "value": 3},
        ]);
        assert_eq!(apply_json_patch(&json!({"a": 1, "l": [1]}), &patch), Ok(json!({"b": 1, "c/d": 1, "l": [3]})));
    }

    #[test]
    fn what_does_not_fit_is_422_and_what_is_no_patch_400() {
        let code = |patch: Value| ApiError::from(apply_json_patch(&json!({"a": 1}), &patch).unwrap_err()).code();
        assert_eq!(code(json!([{"op": "test", "path": "/a", "value": 2}])), 422);
        assert_eq!(code(json!([{"op": "remove", "path": "/b"}])), 422);
        assert_eq!(code(json!([{"op": "replace", "path": "/b", "value": 1}])), 422);
        assert_eq!(code(json!([{"op": "jump", "path": "/b"}])), 400);
        assert_eq!(code(json!({"a": 2})), 400);
        let many: Vec<Value> = (0..=MAX_OPERATIONS).map(|_| json!({"op": "add", "path": "/a", "value": 1})).collect();
        assert_eq!(code(many.into()), 413);
    }

    #[test]
    fn copies_can_not_grow_an_object_without_end() {
        let doubling: Vec<Value> = (0..40).flat_map(|_| [json!({"op": "copy", "from": "", "path": "/a/0"})]).collect();
        let error = apply_json_patch(&json!({"a": ["x"]}), &doubling.into()).unwrap_err();
        assert!(matches!(error, PatchError::DoesNotFit(text) if text.contains("exceeding the limit")));
    }

    use crate::status::ApiError;
}
