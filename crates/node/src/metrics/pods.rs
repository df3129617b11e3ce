//! What is measured at the moment when it is asked for: the Pods that are there.

use k8s_openapi::api::core::v1::{ContainerState, PodStatus};
use reprise_core::plan::Stage;

use super::text::Text;
use crate::view::PodView;

/// Shows the node and its Pods.
pub(crate) fn write(text: &mut Text, node_name: &str, pods: &[PodView]) {
    text.head("kubelet_node_name", "gauge", "The node's name; always 1.");
    text.sample("kubelet_node_name", &[("node", node_name)], 1.0);
    let of_phase = |pod: &&PodView| pod.stage == Stage::Live && pod.ledger.sandbox.is_some();
    let running = pods.iter().filter(of_phase).count();
    text.gauge("kubelet_running_pods", "Pods that have a running sandbox.", running as f64);
    let active = pods.iter().filter(|pod| pod.stage == Stage::Live).count();
    for (name, help, count) in [
        ("kubelet_desired_pods", "Pods that the node is to run.", pods.len()),
        ("kubelet_active_pods", "Pods that the node runs.", active),
    ] {
        text.head(name, "gauge", help);
        text.sample(name, &[("static", "")], count as f64);
    }
    let name = "kubelet_running_containers";
    text.head(name, "gauge", "Containers, by state.");
    for (state, is_in) in CONTAINER_STATES {
        let count = pods.iter().flat_map(|pod| states(&pod.status)).filter(|state| is_in(state)).count();
        text.sample(name, &[("container_state", state)], count as f64);
    }
}

type IsIn = fn(&ContainerState) -> bool;

const CONTAINER_STATES: [(&str, IsIn); 3] = [
    ("created", |state| state.waiting.is_some()),
    ("exited", |state| state.terminated.is_some()),
    ("running", |state| state.running.is_some()),
];

fn states(status: &PodStatus) -> impl Iterator<Item = &ContainerState> {
    let lists = [&status.init_container_statuses, &status.container_statuses, &status.ephemeral_container_statuses];
    lists.into_iter().flatten().flatten().filter_map(|container| container.state.as_ref())
}

#[cfg(test)]
mod tests {
    use reprise_core::ledger::{Ledger, SandboxRecord};
    use serde_json::json;

    use super::*;

    #[test]
    fn pods_and_containers_are_counted_as_they_stand() {
        let states = [json!({"running": {}}), json!({"running": {}}), json!({"terminated": {"exitCode": 0}})];
        let status =
            |state| json!({"name": "c", "image": "", "imageID": "", "ready": true, "restartCount": 0, "state": state});
        let statuses: Vec<_> = states.into_iter().map(status).collect();
        let sandbox = Some(SandboxRecord { id: "s".to_owned(), ips: Vec::new() });
        let view = PodView {
            pod: Default::default(),
            status: serde_json::from_value(json!({"containerStatuses": statuses})).unwrap(),
            ledger: Ledger { sandbox, ..Ledger::default() },
            stage: Stage::Live,
            steps: Vec::new(),
        };
        let mut text = Text::default();
        write(&mut text, "n1", &[view]);
        let text = text.into_string();
        for line in [
            "kubelet_node_name{node=\"n1\"} 1",
            "kubelet_running_pods 1",
            "kubelet_running_containers{container_state=\"running\"} 2",
            "kubelet_running_containers{container_state=\"exited\"} 1",
        ] {
            assert!(text.lines().any(|l| l == line), "no {line} in\n{text}");
        }
    }
}
