//! Pods that a node has from a Kubernetes API: how they are marked, and what of a Pod that runs may follow the API.
//!
//! The API has admitted such a Pod and given it its UID; here it is only known again. Its record stays on the node until
//! the API has been told how it ended.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Container, Pod, PodCondition, PodStatus};

use crate::static_pod::{CONFIG_MIRROR, CONFIG_SEEN, CONFIG_SOURCE};
use crate::unset::{list, text};

/// The value of the annotation [`CONFIG_SOURCE`] of a Pod from an API, as with the kubelet.
const API: &str = "api";
/// Annotations that the node sets itself.
const OWN_ANNOTATIONS: [&str; 2] = [CONFIG_SOURCE, CONFIG_SEEN];

/// Whether the node has this Pod from an API.
#[must_use]
pub fn is_from_api(pod: &Pod) -> bool {
    pod.metadata.annotations.as_ref().and_then(|all| all.get(CONFIG_SOURCE)).is_some_and(|source| source == API)
}

/// Whether this is an API's copy of a static Pod, which runs already under another UID.
#[must_use]
pub fn is_mirror(pod: &Pod) -> bool {
    pod.metadata.annotations.as_ref().is_some_and(|all| all.contains_key(CONFIG_MIRROR))
}

/// What the node keeps of a Pod that the API has bound to it.
#[must_use]
pub fn settled(mut pod: Pod, now: Timestamp) -> Pod {
    keep_what_lasts(&mut pod);
    let annotations = pod.metadata.annotations.get_or_insert_default();
    annotations.insert(CONFIG_SOURCE.to_owned(), API.to_owned());
    annotations.insert(CONFIG_SEEN.to_owned(), now.to_string());
    // A deletion is carried out as one, with the time that is then left.
    pod.metadata.deletion_timestamp = None;
    pod.metadata.deletion_grace_period_seconds = None;
    pod
}

/// The Pod that the node has, brought to what the API says now. The API lets only change what may; of that, resources stay
/// as they were given to the containers, as nothing is resized here.
#[must_use]
pub fn updated(current: &Pod, mut from_api: Pod) -> Pod {
    keep_what_lasts(&mut from_api);
    let (old, new) = (&current.metadata, &mut from_api.metadata);
    for name in OWN_ANNOTATIONS {
        if let Some(value) = old.annotations.as_ref().and_then(|all| all.get(name)) {
            new.annotations.get_or_insert_default().insert(name.to_owned(), value.clone());
        }
    }
    new.deletion_timestamp.clone_from(&old.deletion_timestamp);
    new.deletion_grace_period_seconds = old.deletion_grace_period_seconds;
    if let (Some(old), Some(new)) = (&current.spec, &mut from_api.spec) {
        keep_resources(&old.containers, &mut new.containers);
        keep_resources(list(&old.init_containers), new.init_containers.as_deref_mut().unwrap_or_default());
    }
    from_api
}

fn keep_resources(old: &[Container], new: &mut [Container]) {
    for container in new {
        if let Some(old) = old.iter().find(|old| old.name == container.name) {
            container.resources.clone_from(&old.resources);
        }
    }
}

/// What changes with every write to the API, and what the node says itself, is no part of the Pod here. Of the status only
/// the conditions stay that others set for the Pod's readiness gates.
fn keep_what_lasts(pod: &mut Pod) {
    pod.metadata.resource_version = None;
    pod.metadata.managed_fields = None;
    let conditions = conditions_of_others(pod);
    pod.status = (!conditions.is_empty()).then(|| PodStatus { conditions: Some(conditions), ..PodStatus::default() });
}

fn conditions_of_others(pod: &Pod) -> Vec<PodCondition> {
    let gates = pod.spec.as_ref().map(|spec| list(&spec.readiness_gates)).unwrap_or_default();
    let is_gate = |condition: &&PodCondition| gates.iter().any(|gate| gate.condition_type == condition.type_);
    let all = pod.status.as_ref().map(|status| list(&status.conditions)).unwrap_or_default();
    all.iter().filter(is_gate).cloned().collect()
}

/// Whether the API says that the Pod has come to its end.
#[must_use]
pub fn has_ended(pod: &Pod) -> bool {
    pod.status.as_ref().is_some_and(|status| is_end(text(&status.phase)))
}

/// Whether nothing follows this phase.
#[must_use]
pub fn is_end(phase: &str) -> bool {
    matches!(phase, "Succeeded" | "Failed")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(changes: Value) -> Pod {
        let mut pod = json!({
            "metadata": {"name": "p", "uid": "u", "resourceVersion": "1", "annotations": {"a": "1"}, "generation": 1},
            "spec": {"readinessGates": [{"conditionType": "g/x"}],
                "containers": [{"name": "c", "image": "i:1", "resources": {"requests": {"cpu": "1"}}}]},
            "status": {"phase": "Pending", "conditions": [{"type": "g/x", "status": "True"}, {"type": "Ready", "status": "False"}]}
        });
        json_patch_merge(&mut pod, &changes);
        serde_json::from_value(pod).unwrap()
    }

    fn json_patch_merge(target: &mut Value, patch: &Value) {
        let (Value::Object(target), Value::Object(patch)) = (&mut *target, patch) else {
            *target = patch.clone();
            return;
        };
        for (key, value) in patch {
            json_patch_merge(target.entry(key.clone()).or_insert(Value::Null), value);
        }
    }

    #[test]
    fn a_pod_from_the_api_is_known_again_and_a_write_to_its_status_changes_nothing() {
        let first = settled(pod(json!({})), Timestamp::UNIX_EPOCH);
        assert!(is_from_api(&first) && !is_from_api(&pod(json!({}))));
        let written = pod(json!({"metadata": {"resourceVersion": "2"}, "status": {"phase": "Running"}}));
        assert_eq!(updated(&first, written), first);
        let kept = first.status.unwrap().conditions.unwrap();
        assert_eq!(kept.iter().map(|c| c.type_.as_str()).collect::<Vec<_>>(), ["g/x"]);
    }

    #[test]
    fn images_deadlines_and_metadata_follow_and_resources_and_a_deletion_stay() {
        let mut first = settled(pod(json!({})), Timestamp::UNIX_EPOCH);
        first.metadata.deletion_grace_period_seconds = Some(7);
        let spec = json!({"activeDeadlineSeconds": 5, "containers": [{"name": "c", "image": "i:2", "resources": {"requests": {"cpu": "2"}}}]});
        let change = json!({"metadata": {"generation": 2, "annotations": {"b": "2"}}, "spec": spec});
        let now = updated(&first, pod(change));
        let spec = now.spec.unwrap();
        assert_eq!((spec.containers[0].image.as_deref(), spec.active_deadline_seconds), (Some("i:2"), Some(5)));
        assert_eq!(spec.containers[0].resources, first.spec.unwrap().containers[0].resources);
        assert_eq!((now.metadata.generation, now.metadata.deletion_grace_period_seconds), (Some(2), Some(7)));
        assert!(now.metadata.annotations.unwrap().contains_key("b"));
    }

    #[test]
    fn only_two_phases_are_ends() {
        assert!(has_ended(&pod(json!({"status": {"phase": "Failed"}}))) && !has_ended(&pod(json!({}))));
        assert!(!is_end("Running") && !is_end(""));
    }
}
