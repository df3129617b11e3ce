//! The way to the store: what an object is found by, and how the store's refusals read.

use serde_json::Value;

use crate::resources::Resource;
use crate::server::Server;
use crate::status::ApiError;
use crate::store::{Change, Expect, Fields, Key, Stored, WriteError};

/// Stores an object.
pub(crate) async fn put(
    server: &Server,
    resource: &Resource,
    key: Key,
    expect: Expect,
    object: Value,
) -> Result<Stored, WriteError> {
    let fields = fields(resource, &object);
    let expires_at = resource.behaviour.expires_at(&object);
    server.store.write(Change::Put { key, expect, object, fields, expires_at }).await
}

/// Removes an object. `object` is its last state.
pub(super) async fn remove(server: &Server, key: Key, revision: u64) -> Result<Stored, WriteError> {
    server.store.write(Change::Delete { key, expect: Expect::Revision(revision) }).await
}

/// The fields that can be selected.
pub(super) fn fields(resource: &Resource, object: &Value) -> Fields {
    let value = |path: &str| {
        let mut at = object;
        for part in path.split('.') {
            at = at.get(part)?;
        }
        match at {
            Value::String(text) => Some(text.clone()),
            Value::Bool(flag) => Some(flag.to_string()),
            Value::Number(number) => Some(number.to_string()),
            // The one field that is a struct is shown by its first part.
            Value::Object(map) => map.get("component").and_then(Value::as_str).map(str::to_owned),
            Value::Array(_) | Value::Null => None,
        }
    };
    let selectable = resource.selectable.iter();
    let pairs = selectable.map(|field| (field.path, value(field.path).unwrap_or_else(|| field.unset.to_owned())));
    pairs.filter(|(_, value)| !value.is_empty()).collect()
}

/// A refusal of the store as the client reads it.
pub(super) fn refused(error: WriteError, resource: &Resource, name: &str) -> ApiError {
    let (group, plural) = (resource.group, resource.plural);
    match error {
        WriteError::Exists(_) => ApiError::already_exists(group, plural, name),
        WriteError::NotFound(_) => ApiError::not_found(group, plural, name),
        WriteError::Conflict(_) => ApiError::modified(group, plural, name),
        WriteError::Closed => ApiError::new(503, "ServiceUnavailable", "the server is shutting down").retry_after(1),
        other => ApiError::internal(other),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resources::find;

    #[test]
    fn fields_that_are_not_set_have_their_default_and_empty_ones_take_no_room() {
        let node = fields(find("", "v1", "nodes").unwrap(), &json!({"spec": {}}));
        assert_eq!(node.iter().collect::<Vec<_>>(), [("spec.unschedulable", "false")]);
        let event = json!({"involvedObject": {"name": "p"}, "source": {"component": "kubelet", "host": "n"}});
        let event = fields(find("", "v1", "events").unwrap(), &event);
        assert_eq!(event.iter().collect::<Vec<_>>(), [("involvedObject.name", "p"), ("source", "kubelet")]);
        let pod = json!({"spec": {"nodeName": "n", "hostNetwork": true}, "status": {"phase": "Running"}});
        let pod = fields(find("", "v1", "pods").unwrap(), &pod);
        assert_eq!((pod.get("spec.nodeName"), pod.get("spec.hostNetwork")), (Some("n"), Some("true")));
    }
}
