//! What names depend on of a service.

use std::collections::BTreeMap;
use std::net::IpAddr;

use hickory_proto::rr::Name;
use k8s_openapi::api::core::v1::{Service, ServicePort};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::pod::PodFacts;
use super::ports::{Protocol, number};

#[derive(Debug, Clone)]
pub(super) struct ServiceFacts {
    pub(super) stands_for: StandsFor,
    selector: BTreeMap<String, String>,
    pub(super) publishes_not_ready: bool,
    /// Empty: whatever its Pods have.
    families: Vec<String>,
    pub(super) ports: Vec<Port>,
}

/// What a service's name is another name of.
#[derive(Debug, Clone)]
pub(super) enum StandsFor {
    /// Another name (`ExternalName`).
    Name(Name),
    /// Addresses of its own (`clusterIPs`).
    Addresses(Vec<IpAddr>),
    /// Those of its Pods: headless, or without an address of its own, as nothing on one machine gives it one.
    Pods,
}

/// A port that has a name: others have no records.
#[derive(Debug, Clone)]
pub(super) struct Port {
    pub(super) name: String,
    pub(super) protocol: Protocol,
    pub(super) number: u16,
    target: Target,
}

#[derive(Debug, Clone)]
enum Target {
    Number(u16),
    Name(String),
}

impl ServiceFacts {
    pub(super) fn of(service: &Service) -> Self {
        let spec = service.spec.clone().unwrap_or_default();
        Self {
            stands_for: stands_for(service),
            selector: spec.selector.unwrap_or_default(),
            publishes_not_ready: spec.publish_not_ready_addresses.unwrap_or(false),
            families: spec.ip_families.unwrap_or_default(),
            ports: spec.ports.iter().flatten().filter_map(Port::of).collect(),
        }
    }

    /// Whether it selects Pods with these labels. One without a selector selects none.
    pub(super) fn selects(&self, labels: &BTreeMap<String, String>) -> bool {
        !self.selector.is_empty() && self.selector.iter().all(|(key, value)| labels.get(key) == Some(value))
    }

    pub(super) fn has_family(&self, address: IpAddr) -> bool {
        let family = if address.is_ipv4() { "IPv4" } else { "IPv6" };
        self.families.is_empty() || self.families.iter().any(|own| own == family)
    }
}

fn stands_for(service: &Service) -> StandsFor {
    let Some(spec) = &service.spec else { return StandsFor::Pods };
    if spec.type_.as_deref() == Some("ExternalName") {
        let mut name = spec.external_name.as_deref().and_then(|name| Name::from_ascii(name).ok()).unwrap_or_default();
        name.set_fqdn(true);
        return StandsFor::Name(name);
    }
    let one = spec.cluster_ip.iter();
    let all = spec.cluster_ips.iter().flatten();
    let mut addresses: Vec<IpAddr> = all.chain(one).filter_map(|ip| ip.parse().ok()).collect();
    addresses.sort_unstable();
    addresses.dedup();
    if addresses.is_empty() { StandsFor::Pods } else { StandsFor::Addresses(addresses) }
}

impl Port {
    fn of(port: &ServicePort) -> Option<Self> {
        let number_of_port = number(port.port)?;
        let target = match &port.target_port {
            None | Some(IntOrString::Int(0)) => Target::Number(number_of_port),
            Some(IntOrString::Int(target)) => Target::Number(number(*target)?),
            Some(IntOrString::String(name)) if name.is_empty() => Target::Number(number_of_port),
            Some(IntOrString::String(name)) => Target::Name(name.clone()),
        };
        let name = port.name.as_ref().filter(|name| !name.is_empty())?.to_lowercase();
        Some(Self { name, protocol: Protocol::of(port.protocol.as_deref())?, number: number_of_port, target })
    }

    /// The port's number at a Pod; none if the Pod has no port of that name.
    pub(super) fn at(&self, pod: &PodFacts) -> Option<u16> {
        match &self.target {
            Target::Number(number) => Some(*number),
            Target::Name(name) => pod.port(name, self.protocol),
        }
    }
}
