//! A Pod without what no controller asks for. Volumes, and the environment and probes of containers, are most of a Pod in memory,
//! and there may be ten thousand of them.

use k8s_openapi::api::core::v1::{Container, Pod};

/// Takes away what only the node needs. What is left must never be written back as a whole Pod.
pub(super) fn shed(pod: &mut Pod) {
    let Some(spec) = &mut pod.spec else { return };
    spec.ephemeral_containers = None;
    if let Some(volumes) = &mut spec.volumes {
        // In memory each has room for all kinds that there are, some kilobytes. Claims say where a Pod can run.
        volumes.retain(|volume| volume.persistent_volume_claim.is_some() || volume.ephemeral.is_some());
        volumes.shrink_to_fit();
    }
    spec.containers.iter_mut().chain(spec.init_containers.iter_mut().flatten()).for_each(shed_container);
}

fn shed_container(container: &mut Container) {
    *container = Container {
        name: std::mem::take(&mut container.name),
        image: container.image.take(),
        ports: container.ports.take(),
        resources: container.resources.take(),
        resize_policy: container.resize_policy.take(),
        restart_policy: container.restart_policy.take(),
        restart_policy_rules: container.restart_policy_rules.take(),
        ..Container::default()
    };
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_needed_for_a_decision_stays() {
        let container = |more: bool| {
            let mut container = json!({
                "name": "c", "image": "i", "ports": [{"containerPort": 80, "hostPort": 80}], "restartPolicy": "Always",
                "resources": {"requests": {"cpu": "1"}},
            });
            if more {
                container["env"] = json!([{"name": "A", "value": "b"}]);
                container["livenessProbe"] = json!({"exec": {"command": ["true"]}});
            }
            container
        };
        let pod = |more: bool| -> Pod {
            let mut volumes = vec![json!({"name": "claim", "persistentVolumeClaim": {"claimName": "c"}})];
            volumes.extend(more.then(|| json!({"name": "work", "emptyDir": {}})));
            serde_json::from_value(json!({
                "metadata": {"name": "p", "labels": {"a": "b"}},
                "spec": {"containers": [container(more)], "initContainers": [container(more)], "nodeName": "n", "volumes": volumes},
                "status": {"phase": "Running"},
            }))
            .unwrap()
        };
        let mut lean = pod(true);
        shed(&mut lean);
        assert_eq!(lean, pod(false));
    }
}
