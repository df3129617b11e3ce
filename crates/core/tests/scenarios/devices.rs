//! Devices: had before anything starts, the same over restarts, shown with their health, or the Pod's end.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::ContainerStatus;
use reprise_core::action::Action;
use reprise_core::devices::{DeviceIds, PodDevices};
use reprise_core::plan::Stage;
use serde_json::{Value, json};

use super::stage::{Node, on};

const GPU: &str = "example.com/gpu";

fn spec() -> Value {
    json!({"restartPolicy": "Never", "containers": [{
        "name": "main", "resources": {"limits": {GPU: "1"}},
        "restartPolicy": "Never", "restartPolicyRules": on(88)}]})
}

fn gpu_0() -> PodDevices {
    let ids = DeviceIds::from([(GPU.to_owned(), BTreeSet::from(["gpu-0".to_owned()]))]);
    PodDevices::from([("main".to_owned(), ids)])
}

fn health(status: &ContainerStatus) -> Vec<(String, Option<String>)> {
    let resources = status.allocated_resources_status.iter().flatten();
    let devices = resources.flat_map(|of| of.resources.iter().flatten());
    devices.map(|device| (device.resource_id.clone(), device.health.clone())).collect()
}

#[test]
fn a_pod_gets_its_devices_first_and_keeps_them_over_epochs() {
    let mut node = Node::new(json!({}), spec());
    node.devices = gpu_0();
    assert_eq!(node.pass().actions, [Action::AllocateDevices]);
    node.settle();
    assert!(node.runs("main"));
    node.devices = PodDevices::new();
    node.exit("main", 88);
    assert!(node.runs("main"));
    assert_eq!((node.ledger.epoch, node.observed.devices.allocated.clone()), (1, Some(gpu_0())));
}

#[test]
fn a_pod_that_can_not_have_its_devices_fails_in_the_kubelets_words() {
    let mut node = Node::new(json!({}), spec());
    node.observed.devices.refused = Some("Allocate failed due to x, which is unexpected".to_owned());
    node.settle();
    let status = node.status();
    assert_eq!(status.phase.as_deref(), Some("Failed"));
    assert_eq!(status.reason.as_deref(), Some("UnexpectedAdmissionError"));
    let message = "Pod was rejected: Allocate failed due to x, which is unexpected";
    assert_eq!(status.message.as_deref(), Some(message));
    assert_eq!(node.stage, Stage::Ended);
}

#[test]
fn the_status_shows_the_health_of_devices_if_the_gate_is_on() {
    let mut node = Node::new(json!({}), spec());
    node.devices = gpu_0();
    node.settle();
    let shown = |node: &mut Node| {
        node.pass();
        health(node.container("main"))
    };
    let is = |text: &str| vec![("gpu-0".to_owned(), Some(text.to_owned()))];
    assert_eq!(shown(&mut node), is("Unknown"));
    for (healthy, text) in [(true, "Healthy"), (false, "Unhealthy")] {
        let devices = BTreeMap::from([("gpu-0".to_owned(), healthy)]);
        node.observed.devices.health.insert(GPU.to_owned(), devices);
        assert_eq!(shown(&mut node), is(text));
    }
    node.gates.resource_health_status = false;
    assert_eq!(shown(&mut node), []);
}
