//! The Node object.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    ContainerImage, DaemonEndpoint, Node as NodeObject, NodeAddress, NodeCondition, NodeDaemonEndpoints, NodeFeatures,
    NodeRuntimeHandler, NodeRuntimeHandlerFeatures, NodeSpec, NodeStatus, NodeSystemInfo,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use reprise_core::gates::{FeatureGates, RESTART_ALL_CONTAINERS};
use reprise_core::resources::ResourceList;
use reprise_node::{HandlerReport, Node, Report};

use super::KUBELET_VERSION;
use super::machine::{MachineFacts, architecture};
use crate::context::Context;

/// How many images a status names, the largest ones, and how many names of each, as with the kubelet.
const IMAGES: usize = 50;
const NAMES: usize = 5;
/// What a node declares whose HTTP API takes the API server's WebSockets as they came from its client.
const WEB_SOCKETS: &str = "ExtendWebSocketsToKubelet";
/// Volumes are not attached by a controller that asks this annotation of others; kubelets have it all the same.
const ATTACH: &str = "volumes.kubernetes.io/controller-managed-attach-detach";

/// The object to register.
pub(super) fn new(context: &Context, status: NodeStatus) -> NodeObject {
    let taints = Some(context.options.taints.clone()).filter(|taints| !taints.is_empty());
    NodeObject {
        metadata: ObjectMeta {
            name: Some(context.name.clone()),
            labels: Some(labels(context)),
            annotations: Some([(ATTACH.to_owned(), "true".to_owned())].into()),
            ..ObjectMeta::default()
        },
        spec: Some(NodeSpec { taints, ..NodeSpec::default() }),
        status: Some(status),
    }
}

fn labels(context: &Context) -> BTreeMap<String, String> {
    let mut labels = context.options.labels.clone();
    for prefix in ["", "beta."] {
        labels.insert(format!("{prefix}kubernetes.io/os"), "linux".to_owned());
        labels.insert(format!("{prefix}kubernetes.io/arch"), architecture().to_owned());
    }
    labels.insert("kubernetes.io/hostname".to_owned(), context.name.clone());
    labels
}

/// Whether `there` has all that is `wanted`.
pub(super) fn has_all(there: &BTreeMap<String, String>, wanted: &BTreeMap<String, String>) -> bool {
    wanted.iter().all(|(name, value)| there.get(name) == Some(value))
}

/// Its status.
pub(super) fn status(node: &Node, facts: &MachineFacts, report: &Report, conditions: Vec<NodeCondition>) -> NodeStatus {
    let runtime = report.runtime.clone().unwrap_or_default();
    let port = node.http_address().map(|address| DaemonEndpoint { port: i32::from(address.port()) });
    // Streams are joined with the runtime's, and others may not speak today's WebSocket protocols.
    let has_web_sockets = port.is_some() && !node.config().foreign_runtime;
    NodeStatus {
        addresses: Some(addresses(node)),
        allocatable: Some(amounts(&report.allocatable)),
        capacity: Some(amounts(&report.capacity)),
        conditions: Some(conditions),
        daemon_endpoints: port.map(|port| NodeDaemonEndpoints { kubelet_endpoint: Some(port) }),
        declared_features: Some(declared_features(node.config().gates, has_web_sockets)),
        features: Some(NodeFeatures { supplemental_groups_policy: Some(runtime.supplemental_groups_policy) }),
        images: Some(images(report)),
        node_info: Some(NodeSystemInfo {
            architecture: architecture().to_owned(),
            boot_id: facts.boot_id.clone(),
            container_runtime_version: runtime.version.clone(),
            kernel_version: facts.kernel_version.clone(),
            kube_proxy_version: String::new(),
            kubelet_version: KUBELET_VERSION.to_owned(),
            machine_id: facts.machine_id.clone(),
            operating_system: "linux".to_owned(),
            os_image: facts.os_image.clone(),
            swap: None,
            system_uuid: facts.system_uuid.clone(),
        }),
        runtime_handlers: Some(runtime.handlers.iter().map(handler).collect()),
        ..NodeStatus::default()
    }
}

fn addresses(node: &Node) -> Vec<NodeAddress> {
    let address = |kind: &str, address: &str| NodeAddress { type_: kind.to_owned(), address: address.to_owned() };
    let ip = node.config().host_ip.as_deref().map(|ip| address("InternalIP", ip));
    ip.into_iter().chain([address("Hostname", &node.config().node_name)]).collect()
}

fn amounts(list: &ResourceList) -> BTreeMap<String, Quantity> {
    list.iter().map(|(name, amount)| (name.clone(), Quantity(amount.to_string()))).collect()
}

/// In the order of the alphabet, as the API wants them.
fn declared_features(gates: FeatureGates, has_web_sockets: bool) -> Vec<String> {
    let features =
        [(WEB_SOCKETS, has_web_sockets), (RESTART_ALL_CONTAINERS, gates.restart_all_containers_on_container_exits)];
    features.into_iter().filter(|(_, has)| *has).map(|(name, _)| name.to_owned()).collect()
}

fn images(report: &Report) -> Vec<ContainerImage> {
    let image = |(names, size): &(Vec<String>, u64)| ContainerImage {
        names: Some(names.iter().take(NAMES).cloned().collect()),
        size_bytes: Some(i64::try_from(*size).unwrap_or(i64::MAX)),
    };
    report.images.iter().filter(|(names, _)| !names.is_empty()).take(IMAGES).map(image).collect()
}

fn handler(handler: &HandlerReport) -> NodeRuntimeHandler {
    let features = NodeRuntimeHandlerFeatures {
        recursive_read_only_mounts: Some(handler.recursive_read_only_mounts),
        user_namespaces: Some(handler.user_namespaces),
    };
    NodeRuntimeHandler { name: Some(handler.name.clone()), features: Some(features) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_node_declares_follows_its_gates() {
        let on = FeatureGates::default();
        assert_eq!(declared_features(on, true), [WEB_SOCKETS, RESTART_ALL_CONTAINERS]);
        let off = FeatureGates { restart_all_containers_on_container_exits: false, ..on };
        assert_eq!(declared_features(off, false), [] as [&str; 0]);
    }
}
