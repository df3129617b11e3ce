//! Which container is meant.

use k8s_openapi::api::core::v1::{Pod, PodSpec};
use reprise_core::unset::{list, text};

use crate::status::ApiError;

/// What annotation names the container that is meant where none is named.
const DEFAULT: &str = "kubectl.kubernetes.io/default-container";

/// The container of this name, or the only one, if none is named.
///
/// # Errors
/// 400 if there is none of that name, or several.
pub(super) fn of(pod: &Pod, asked: &str) -> Result<String, ApiError> {
    let name = text(&pod.metadata.name);
    let no_spec = PodSpec::default();
    let spec = pod.spec.as_ref().unwrap_or(&no_spec);
    let regular: Vec<&str> = spec.containers.iter().map(|container| container.name.as_str()).collect();
    let init: Vec<&str> = list(&spec.init_containers).iter().map(|container| container.name.as_str()).collect();
    let ephemeral = list(&spec.ephemeral_containers).iter().map(|container| container.name.as_str());
    if !asked.is_empty() {
        let mut all = regular.iter().chain(&init).copied().chain(ephemeral);
        let found = all.any(|known| known == asked);
        let unknown = || ApiError::bad_request(format!("container {asked} is not valid for pod {name}"));
        return found.then(|| asked.to_owned()).ok_or_else(unknown);
    }
    let preferred = pod.metadata.annotations.as_ref().and_then(|annotations| annotations.get(DEFAULT));
    if let Some(preferred) = preferred.filter(|preferred| regular.contains(&preferred.as_str())) {
        return Ok(preferred.clone());
    }
    match regular.as_slice() {
        [one] => Ok((*one).to_owned()),
        several => {
            let choices = several.join(" ");
            let init = if init.is_empty() {
                String::new()
            } else {
                format!(" or one of the init containers: [{}]", init.join(" "))
            };
            let message =
                format!("a container name must be specified for pod {name}, choose one of: [{choices}]{init}");
            Err(ApiError::bad_request(message))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_only_container_needs_no_name_and_several_are_listed() {
        let pod = |containers: &[&str]| -> Pod {
            let containers: Vec<_> = containers.iter().map(|name| json!({"name": name})).collect();
            let spec = json!({"containers": containers, "initContainers": [{"name": "setup"}]});
            serde_json::from_value(json!({"metadata": {"name": "p"}, "spec": spec})).unwrap()
        };
        assert_eq!(of(&pod(&["a"]), "").unwrap(), "a");
        assert_eq!(of(&pod(&["a", "b"]), "setup").unwrap(), "setup");
        let message = |result: Result<String, ApiError>| result.unwrap_err().status().message.clone().unwrap();
        assert_eq!(message(of(&pod(&["a"]), "x")), "container x is not valid for pod p");
        assert_eq!(
            message(of(&pod(&["a", "b"]), "")),
            "a container name must be specified for pod p, choose one of: [a b] or one of the init containers: [setup]"
        );
    }
}
