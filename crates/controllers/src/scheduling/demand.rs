//! What a Pod asks of a node, computed once for each Pod.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ContainerPort, Pod};
use reprise_core::roles;
use reprise_core::unset::{list, text};

use super::amounts::Amounts;
use super::pod_affinity::{self, PodTerm};

/// A container that requests nothing counts so much where nodes are compared, or all such Pods would go to one node.
const CPU_OF_NOTHING: i64 = 100;
const MEMORY_OF_NOTHING: i64 = 200 << 20;

/// What it takes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Demand {
    /// What it requests.
    pub(super) requested: Amounts,
    /// What it is assumed to use: thousandths of processors, bytes.
    pub(super) assumed: (i64, i64),
    /// The host's ports that it wants.
    pub(super) ports: Vec<HostPort>,
    /// Pods that it must not be beside.
    pub(super) anti_affinity: Vec<PodTerm>,
}

impl Demand {
    pub(super) fn of(pod: &Pod) -> Self {
        let requested = Amounts::requested(pod);
        let assumed = assumed(pod, &requested);
        Self { requested, assumed, ports: ports(pod), anti_affinity: pod_affinity::required_anti(pod) }
    }
}

fn assumed(pod: &Pod, requested: &Amounts) -> (i64, i64) {
    let containers = pod.spec.as_ref().map(|spec| spec.containers.as_slice()).unwrap_or_default();
    let (mut cpu, mut memory) = (requested.cpu, requested.memory);
    for container in containers {
        let own = reprise_core::resources::container_requests(container);
        cpu += if own.contains_key("cpu") { 0 } else { CPU_OF_NOTHING };
        memory += if own.contains_key("memory") { 0 } else { MEMORY_OF_NOTHING };
    }
    (cpu, memory)
}

/// A port of the host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct HostPort {
    address: String,
    protocol: String,
    port: i32,
}

const ALL_ADDRESSES: &str = "0.0.0.0";

impl HostPort {
    fn of(port: &ContainerPort) -> Option<Self> {
        let or = |text: &str, default: &str| if text.is_empty() { default } else { text }.to_owned();
        let number = port.host_port.filter(|port| *port > 0)?;
        let (address, protocol) = (or(text(&port.host_ip), ALL_ADDRESSES), or(text(&port.protocol), "TCP"));
        Some(Self { address, protocol, port: number })
    }

    /// Whether both can't be had on one node.
    pub(super) fn conflicts(&self, other: &Self) -> bool {
        let meets =
            self.address == other.address || [&self.address, &other.address].iter().any(|a| *a == ALL_ADDRESSES);
        self.port == other.port && self.protocol == other.protocol && meets
    }
}

/// Those of init containers that end count only while those run, so they are no demand of the Pod; sidecars' are.
fn ports(pod: &Pod) -> Vec<HostPort> {
    let containers = roles::containers(pod);
    let lasting = containers.iter().filter(|container| container.role != roles::Role::Init);
    lasting.flat_map(|container| list(&container.spec.ports)).filter_map(HostPort::of).collect()
}

/// The labels of a Pod.
pub(super) fn labels(pod: &Pod) -> &BTreeMap<String, String> {
    static NONE: BTreeMap<String, String> = BTreeMap::new();
    pod.metadata.labels.as_ref().unwrap_or(&NONE)
}
