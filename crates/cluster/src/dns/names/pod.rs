//! What names depend on of a Pod.

use std::collections::BTreeMap;
use std::net::IpAddr;

use k8s_openapi::api::core::v1::{Container, Pod};

use super::ports::{Protocol, number};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PodFacts {
    pub(super) labels: BTreeMap<String, String>,
    /// Empty once it has ended: another Pod may have them then.
    pub(super) addresses: Vec<IpAddr>,
    /// Ready, and not being deleted.
    is_ready: bool,
    hostname: Option<String>,
    subdomain: Option<String>,
    /// The named ports of its containers.
    ports: Vec<(String, Protocol, u16)>,
}

impl PodFacts {
    pub(super) fn of(pod: &Pod) -> Self {
        let (spec, status) = (pod.spec.as_ref(), pod.status.as_ref());
        let has_ended = matches!(status.and_then(|s| s.phase.as_deref()), Some("Succeeded" | "Failed"));
        let conditions = status.and_then(|s| s.conditions.as_ref()).into_iter().flatten();
        let is_ready = conditions.filter(|c| c.type_ == "Ready").any(|c| c.status == "True");
        let name = |name: Option<&String>| name.filter(|name| !name.is_empty()).map(|name| name.to_lowercase());
        Self {
            labels: pod.metadata.labels.clone().unwrap_or_default(),
            addresses: if has_ended { Vec::new() } else { addresses(pod) },
            is_ready: is_ready && pod.metadata.deletion_timestamp.is_none(),
            hostname: name(spec.and_then(|s| s.hostname.as_ref())),
            subdomain: name(spec.and_then(|s| s.subdomain.as_ref())),
            ports: named_ports(pod),
        }
    }

    /// Whether a service tells of it.
    pub(super) fn is_served(&self, publishes_not_ready: bool) -> bool {
        self.is_ready || publishes_not_ready
    }

    /// Its name among the Pods of a service: its hostname, if its subdomain is the service.
    pub(super) fn hostname_in(&self, service: &str) -> Option<&str> {
        self.hostname.as_deref().filter(|_| self.subdomain.as_deref() == Some(service))
    }

    /// The port with this name.
    pub(super) fn port(&self, name: &str, protocol: Protocol) -> Option<u16> {
        self.ports.iter().find(|(own, over, _)| own == name && *over == protocol).map(|(_, _, port)| *port)
    }
}

fn addresses(pod: &Pod) -> Vec<IpAddr> {
    let Some(status) = &pod.status else { return Vec::new() };
    let all = status.pod_ips.iter().flatten().map(|ip| ip.ip.as_str());
    let mut addresses: Vec<IpAddr> = all.filter_map(|ip| ip.parse().ok()).collect();
    if addresses.is_empty() {
        addresses.extend(status.pod_ip.as_deref().and_then(|ip| ip.parse::<IpAddr>().ok()));
    }
    addresses
}

/// Those of containers and sidecars, in this order, as where Kubernetes looks for a service's target.
fn named_ports(pod: &Pod) -> Vec<(String, Protocol, u16)> {
    let Some(spec) = &pod.spec else { return Vec::new() };
    let is_sidecar = |container: &&Container| container.restart_policy.as_deref() == Some("Always");
    let sidecars = spec.init_containers.iter().flatten().filter(is_sidecar);
    let ports = spec.containers.iter().chain(sidecars).flat_map(|container| container.ports.iter().flatten());
    let named = ports.filter_map(|port| {
        let protocol = Protocol::of(port.protocol.as_deref());
        Some((port.name.clone()?, protocol?, number(port.container_port)?))
    });
    named.collect()
}
