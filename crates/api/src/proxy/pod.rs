//! Which container of which node is meant.

use serde_json::Value;

use crate::resources::Lookup;
use crate::server::{Others, Server};
use crate::status::ApiError;
use crate::verbs::Asked;

const LISTS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

/// A Pod as it is now.
pub(super) fn pod(server: &Server, asked: &Asked) -> Result<Value, ApiError> {
    Others(&server.store).get("pods", &asked.namespace, &asked.name).ok_or_else(|| asked.not_found())
}

/// The node that a Pod is on; `None` before it was placed.
pub(super) fn node(server: &Server, pod: &Value) -> Result<Option<Value>, ApiError> {
    let Some(name) = pod.pointer("/spec/nodeName").and_then(Value::as_str).filter(|name| !name.is_empty()) else {
        return Ok(None);
    };
    let node = Others(&server.store).get("nodes", "", name);
    node.map(Some).ok_or_else(|| ApiError::not_found("", "nodes", name))
}

/// The container that is named, or the only one.
///
/// # Errors
/// 400 if there is none of this name, or several to choose from.
pub(super) fn container(pod: &Value, wanted: &str) -> Result<String, ApiError> {
    let names = |list: &str| -> Vec<&str> {
        let containers = pod.pointer(&format!("/spec/{list}")).and_then(Value::as_array).into_iter().flatten();
        containers.filter_map(|container| container["name"].as_str()).collect()
    };
    let name = pod.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
    let (containers, init) = (names("containers"), names("initContainers"));
    if wanted.is_empty() {
        return match (&containers[..], &init[..]) {
            ([only], []) => Ok((*only).to_owned()),
            (_, []) => Err(ambiguous(name, &containers, "")),
            (_, init) => {
                Err(ambiguous(name, &containers, &format!(" or one of the init containers: [{}]", init.join(" "))))
            }
        };
    }
    if LISTS.iter().any(|list| names(list).contains(&wanted)) {
        return Ok(wanted.to_owned());
    }
    Err(ApiError::bad_request(format!("container {wanted} is not valid for pod {name}")))
}

fn ambiguous(name: &str, containers: &[&str], more: &str) -> ApiError {
    let choose = format!("choose one of: [{}]{more}", containers.join(" "));
    ApiError::bad_request(format!("a container name must be specified for pod {name}, {choose}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_only_container_need_not_be_named_and_one_of_several_must() {
        let one = json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "a"}]}});
        assert_eq!(container(&one, ""), Ok("a".to_owned()));
        let two = json!({
            "metadata": {"name": "p"},
            "spec": {
                "containers": [{"name": "a"}, {"name": "b"}],
                "initContainers": [{"name": "i"}],
                "ephemeralContainers": [{"name": "e"}],
            },
        });
        let message =
            "a container name must be specified for pod p, choose one of: [a b] or one of the init containers: [i]";
        let ambiguous = container(&two, "").unwrap_err();
        assert_eq!((ambiguous.code(), ambiguous.status().message.as_deref()), (400, Some(message)));
        assert!(container(&two, "i").is_ok() && container(&two, "e").is_ok());
        let unknown = container(&two, "x").unwrap_err();
        assert_eq!(unknown.status().message.as_deref(), Some("container x is not valid for pod p"));
    }
}
