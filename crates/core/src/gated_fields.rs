//! The Pod fields that exist only with a feature gate.
//!
//! As in Kubernetes, a gate that is off empties its fields in new Pods in silence, and leaves them to Pods
//! that use them already: what runs goes on to mean what it meant.

use k8s_openapi::api::core::v1::{Container, Pod, PodSpec};

use crate::gates::FeatureGates;
use crate::unset::list;

const SIDECAR: &str = "Always";
const RESTART_ALL_CONTAINERS: &str = "RestartAllContainers";

/// Empties the fields that the gates do not allow. `old` is the Pod that this one takes the place of.
pub fn drop_disabled(pod: &mut Pod, old: Option<&Pod>, gates: FeatureGates) {
    if gates.container_restart_rules || old.is_some_and(uses_container_rules) {
        return;
    }
    let Some(spec) = &mut pod.spec else { return };
    for container in &mut spec.containers {
        container.restart_policy = None;
        container.restart_policy_rules = None;
    }
    for container in spec.init_containers.iter_mut().flatten() {
        // Sidecars are older than the gate.
        if container.restart_policy.as_deref() != Some(SIDECAR) {
            container.restart_policy = None;
        }
        container.restart_policy_rules = None;
    }
    for container in spec.ephemeral_containers.iter_mut().flatten() {
        container.restart_policy = None;
        container.restart_policy_rules = None;
    }
}

/// Whether the Pod has what `ContainerRestartRules` allows.
#[must_use]
pub fn uses_container_rules(pod: &Pod) -> bool {
    let Some(spec) = &pod.spec else { return false };
    let own_policy = |container: &Container| container.restart_policy.is_some();
    let init_policy = |container: &Container| container.restart_policy.as_deref().is_some_and(|p| p != SIDECAR);
    spec.containers.iter().any(own_policy)
        || list(&spec.init_containers).iter().any(init_policy)
        || containers(spec).any(|container| !list(&container.restart_policy_rules).is_empty())
}

/// Whether the Pod has what `RestartAllContainersOnContainerExits` allows: the action, or rules on a sidecar.
#[must_use]
pub fn uses_restart_all(pod: &Pod) -> bool {
    let Some(spec) = &pod.spec else { return false };
    let has_action = |container: &Container| {
        list(&container.restart_policy_rules).iter().any(|rule| rule.action == RESTART_ALL_CONTAINERS)
    };
    let sidecar_rules = |container: &Container| {
        container.restart_policy.as_deref() == Some(SIDECAR) && !list(&container.restart_policy_rules).is_empty()
    };
    containers(spec).any(has_action) || list(&spec.init_containers).iter().any(sidecar_rules)
}

fn containers(spec: &PodSpec) -> impl Iterator<Item = &Container> {
    list(&spec.init_containers).iter().chain(&spec.containers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::decode_pod;

    const OFF: FeatureGates = FeatureGates {
        container_restart_rules: false,
        restart_all_containers_on_container_exits: false,
        resource_health_status: true,
    };

    fn pod() -> Pod {
        let text = "
spec:
  initContainers:
  - {name: setup, restartPolicy: Never}
  - {name: side, restartPolicy: Always, restartPolicyRules: [{action: Restart}]}
  containers:
  - {name: main, restartPolicy: OnFailure, restartPolicyRules: [{action: RestartAllContainers}]}
";
        decode_pod(text).unwrap().pod
    }

    fn policies(pod: &Pod) -> Vec<Option<&str>> {
        let spec = pod.spec.as_ref().unwrap();
        containers(spec).map(|container| container.restart_policy.as_deref()).collect()
    }

    #[test]
    fn with_the_gate_off_a_new_pod_keeps_only_its_sidecars() {
        let mut new = pod();
        drop_disabled(&mut new, None, OFF);
        assert_eq!(policies(&new), [None, Some("Always"), None]);
        assert!(!uses_container_rules(&new) && !uses_restart_all(&new));
    }

    #[test]
    fn a_pod_that_uses_the_fields_keeps_them() {
        let mut new = pod();
        drop_disabled(&mut new, Some(&pod()), OFF);
        assert_eq!(new, pod());
        assert!(uses_container_rules(&new) && uses_restart_all(&new));
    }

    #[test]
    fn with_the_gate_on_nothing_is_dropped() {
        let mut new = pod();
        drop_disabled(&mut new, None, FeatureGates::default());
        assert_eq!(new, pod());
    }
}
