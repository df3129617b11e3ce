//! Devices of a plugin: waited for, given once, kept, prepared before each start, shown; or the Pod's end.

use std::time::Duration;

use jiff::SignedDuration;
use k8s_openapi::api::core::v1::{Pod, PodStatus};
use reprise_core::plan::Stage;
use reprise_device_plugin::v1beta1::{CdiDevice, ContainerAllocateResponse, DevicePluginOptions};
use reprise_node::{News, NodeEvent};
use serde_json::json;
use tonic::Status;

use crate::fake_plugin::{FakePlugin, GPU};
use crate::harness::{Agent, condition, container, pod, waiting};

const PLAIN: DevicePluginOptions =
    DevicePluginOptions { pre_start_required: false, get_preferred_allocation_available: false };

/// A Pod whose main container has a device, and starts all over when it exits with 88.
pub fn gpu_pod(name: &str, count: u32) -> Pod {
    let mut pod = pod(json!({"containers": [{
        "name": "main", "image": "busybox:1", "resources": {"limits": {GPU: count.to_string()}},
        "restartPolicy": "Never", "restartPolicyRules": [
            {"action": "RestartAllContainers", "exitCodes": {"operator": "In", "values": [88]}}]}]}));
    pod.metadata.name = Some(name.to_owned());
    pod
}

/// The devices in the configurations of all containers that are there, as the plugin's annotation names them.
fn given(agent: &Agent) -> Vec<String> {
    let state = agent.runtime.state();
    state.containers.values().filter_map(|(_, c)| c.annotations.get("devices").cloned()).collect()
}

fn health(status: &PodStatus) -> Vec<(String, String)> {
    let resources = container(status, "main").allocated_resources_status.clone().unwrap_or_default();
    let devices = resources.into_iter().flat_map(|resource| resource.resources.unwrap_or_default());
    devices.map(|device| (device.resource_id, device.health.unwrap_or_default())).collect()
}

fn is(id: &str, health: &str) -> Vec<(String, String)> {
    vec![(id.to_owned(), health.to_owned())]
}

async fn ready(agent: &mut Agent, pod: &str) {
    let is_ready = |s: &PodStatus| condition(s, "Ready") == Some("True");
    let ready = |e: &NodeEvent| match &e.news {
        News::Status { status, .. } if e.pod.name == pod && is_ready(status) => Some(()),
        _ => None,
    };
    agent.next("ready", ready).await;
}

async fn rejection(agent: &mut Agent) -> String {
    let status = agent.stage(Stage::Ended).await;
    assert_eq!((status.phase.as_deref(), status.reason.as_deref()), (Some("Failed"), Some("UnexpectedAdmissionError")));
    status.message.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_waits_for_its_plugin_and_keeps_its_device_when_agent_and_plugin_go() {
    let mut agent = Agent::start().await;
    agent.node.apply(gpu_pod("p", 1)).await.unwrap();
    let options = DevicePluginOptions { get_preferred_allocation_available: true, ..PLAIN };
    let plugin = FakePlugin::start(agent.folder.path(), options, &[("0", true), ("1", true)]);
    let status = agent.ready().await;
    assert_eq!(health(&status), is("1", "Healthy"));
    assert_eq!(plugin.calls(), ["Prefer 0,1", "Allocate 1"]);
    let capacity = agent.node.extended_resources()[GPU];
    assert_eq!((capacity.capacity, capacity.allocatable), (2, 2));

    // Neither is there any more; another agent comes, and the plugin does not.
    drop(plugin);
    let mut agent = agent.crash_and_restart().await;
    agent.ready().await;
    agent.runtime.exit("main", 88);
    let status =
        agent.status("epoch 1", |s| container(s, "main").restart_count == 1 && health(s) == is("1", "Unknown"));
    status.await;
    agent.ready().await;
    assert_eq!(given(&agent), ["1"]);

    // What one Pod has, no other gets, also after the crash.
    let plugin = FakePlugin::start(agent.folder.path(), PLAIN, &[("0", true), ("1", true)]);
    agent.status("the plugin is back", |s| health(s) == is("1", "Healthy")).await;
    agent.node.apply(gpu_pod("q", 1)).await.unwrap();
    ready(&mut agent, "q").await;
    assert_eq!((plugin.calls(), given(&agent)), (vec!["Allocate 0".to_owned()], vec!["1".to_owned(), "0".to_owned()]));
    agent.node.apply(gpu_pod("r", 1)).await.unwrap();
    let message = "Pod was rejected: Allocate failed due to requested number of devices unavailable for example.com/gpu. Requested: 1, Available: 0, which is unexpected";
    assert_eq!(rejection(&mut agent).await, message);
    // A Pod that has gone leaves its device to others.
    agent.node.delete(&"q".parse().unwrap(), Some(SignedDuration::ZERO)).await.unwrap();
    agent.node.gone(&"q".parse().unwrap()).await;
    agent.node.apply(gpu_pod("s", 1)).await.unwrap();
    ready(&mut agent, "s").await;
    agent.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_are_prepared_before_each_start_and_none_starts_without() {
    let mut agent = Agent::start().await;
    let options = DevicePluginOptions { pre_start_required: true, ..PLAIN };
    let plugin = FakePlugin::start(agent.folder.path(), options, &[("0", true)]);
    agent.node.apply(gpu_pod("p", 1)).await.unwrap();
    agent.ready().await;
    agent.runtime.exit("main", 88);
    agent.status("epoch 1", |s| container(s, "main").restart_count == 1).await;
    agent.ready().await;
    assert_eq!(plugin.calls(), ["Allocate 0", "PreStart 0", "PreStart 0"]);

    // Away, but remembered to be needed.
    drop(plugin);
    agent.status("the plugin is away", |s| health(s) == is("0", "Unknown")).await;
    agent.runtime.exit("main", 88);
    agent.status("waits", |s| waiting(s, "main") == Some("CreateContainerConfigError")).await;
    let plugin = FakePlugin::start(agent.folder.path(), options, &[("0", true)]);
    agent.ready().await;
    assert_eq!(plugin.calls(), ["PreStart 0"]);
    agent.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_follows_the_health_and_an_ill_device_is_given_to_nobody() {
    let mut agent = Agent::start().await;
    let plugin = FakePlugin::start(agent.folder.path(), PLAIN, &[("0", true)]);
    agent.node.apply(gpu_pod("p", 1)).await.unwrap();
    agent.ready().await;
    plugin.set(&[("0", false), ("1", false)]);
    agent.status("ill", |s| health(s) == is("0", "Unhealthy")).await;
    let capacity = agent.node.extended_resources()[GPU];
    assert_eq!((capacity.capacity, capacity.allocatable), (2, 0));
    agent.node.apply(gpu_pod("q", 1)).await.unwrap();
    let message = rejection(&mut agent).await;
    assert!(message.contains("no healthy devices present; cannot allocate unhealthy devices"), "{message}");
    plugin.set(&[("0", true)]);
    agent.status("well again", |s| health(s) == is("0", "Healthy")).await;
    assert_eq!(agent.runtime.count("CreateContainer main@0"), 1, "nothing was restarted for it");
    agent.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_whose_time_is_up_while_it_waits_takes_no_device_later() {
    let mut agent = Agent::start().await;
    let mut waiting = gpu_pod("p", 1);
    waiting.spec.as_mut().unwrap().active_deadline_seconds = Some(1);
    agent.node.apply(waiting).await.unwrap();
    let status = agent.stage(Stage::Ended).await;
    assert_eq!(status.reason.as_deref(), Some("DeadlineExceeded"));
    let plugin = FakePlugin::start(agent.folder.path(), PLAIN, &[("0", true)]);
    agent.node.apply(gpu_pod("q", 1)).await.unwrap();
    ready(&mut agent, "q").await;
    assert_eq!(plugin.calls(), ["Allocate 0"]);
    agent.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_that_nobody_registers_ends_the_pod_when_the_time_is_up() {
    let mut agent = Agent::start_with(|config, _| config.device_plugin_wait = Duration::from_millis(50)).await;
    agent.node.apply(gpu_pod("p", 1)).await.unwrap();
    let event = agent.event("UnexpectedAdmissionError").await;
    assert_eq!(
        event,
        "Allocate failed due to cannot allocate unregistered device example.com/gpu, which is unexpected"
    );
    assert_eq!(rejection(&mut agent).await, format!("Pod was rejected: {event}"));
    agent.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_refuses_or_wants_what_can_not_be_done_ends_the_pod_and_takes_no_device() {
    let cdi = ContainerAllocateResponse {
        cdi_devices: vec![CdiDevice { name: "example.com/gpu=0".to_owned() }],
        ..ContainerAllocateResponse::default()
    };
    let refuses = "Allocate failed due to rpc error: code = Internal desc = broken, which is unexpected";
    for (answer, part) in
        [(Err(Status::internal("broken")), refuses), (Ok(cdi), "CDI devices, which are not supported")]
    {
        let mut agent = Agent::start().await;
        let plugin = FakePlugin::answering(agent.folder.path(), PLAIN, &[("0", true)], answer);
        for name in ["p", "q"] {
            agent.node.apply(gpu_pod(name, 1)).await.unwrap();
            let message = rejection(&mut agent).await;
            assert!(message.contains(part), "{message}");
        }
        assert_eq!(plugin.calls(), ["Allocate 0", "Allocate 0"]);
        agent.end().await;
    }
}
