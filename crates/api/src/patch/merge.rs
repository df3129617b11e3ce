//! Merge patch: values laid over an object (RFC 7386).

use serde_json::Value;

use super::PatchError;

/// Applies a merge patch: null removes, objects are merged, everything else is replaced.
///
/// # Errors
/// If it is no object.
pub fn apply_merge_patch(current: &Value, patch: &Value) -> Result<Value, PatchError> {
    if !patch.is_object() {
        return Err(PatchError::Malformed("Invalid JSON Patch".to_owned()));
    }
    let mut patched = current.clone();
    json_patch::merge(&mut patched, patch);
    Ok(patched)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn null_removes_and_lists_are_replaced() {
        let current = json!({"metadata": {"labels": {"a": "1", "b": "2"}}, "l": [1, 2]});
        let patch = json!({"metadata": {"labels": {"a": null, "c": "3"}}, "l": [3], "n": {"x": null}});
        assert_eq!(
            apply_merge_patch(&current, &patch),
            Ok(json!({"metadata": {"labels": {"b": "2", "c": "3"}}, "l": [3], "n": {}}))
        );
        assert!(apply_merge_patch(&current, &json!([])).is_err());
    }
}
