//! What a name of the cluster stands for.

use std::net::IpAddr;

use hickory_proto::rr::Name;

use super::endpoint::{Endpoint, address_label, address_of};
use super::ports::Protocol;
use super::service::{ServiceFacts, StandsFor};
use super::{Names, ObjectKey, in_namespace};

/// The version of the specification (its record `dns-version`).
const SPECIFICATION: &str = "1.1.0";

/// What is known of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::dns) enum Entry {
    /// There is none such.
    Absent,
    /// It is there, and has these records; none, if it only has names below.
    Present(Vec<Data>),
    /// It is not the cluster's.
    Elsewhere,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::dns) enum Data {
    /// `A` or `AAAA`.
    Address(IpAddr),
    /// `SRV`, with the addresses of its target.
    Service { port: u16, target: Name, addresses: Vec<IpAddr> },
    /// `CNAME`.
    Alias(Name),
    /// `PTR`.
    Pointer(Name),
    /// `TXT`.
    Text(&'static str),
    /// `NS`.
    NameServer(Name),
    /// `SOA`.
    Authority,
}

impl Names {
    /// What a name stands for.
    pub(in crate::dns) fn lookup(&self, name: &Name) -> Entry {
        if !self.zone.zone_of(name) {
            return self.lookup_address(name);
        }
        let count = usize::from(name.num_labels().saturating_sub(self.zone.num_labels()));
        let labels: Result<Vec<String>, _> =
            name.iter().take(count).map(|l| std::str::from_utf8(l).map(str::to_lowercase)).collect();
        let Ok(labels) = labels else { return Entry::Absent };
        let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
        match labels.as_slice() {
            [] => Entry::Present(vec![Data::Authority, Data::NameServer(self.below(&["ns", "dns"]))]),
            ["dns-version"] => Entry::Present(vec![Data::Text(SPECIFICATION)]),
            ["svc" | "pod" | "dns"] => Entry::Present(Vec::new()),
            ["ns", "dns"] => Entry::Present(self.own.iter().copied().map(Data::Address).collect()),
            [namespace, "svc"] => present_if(in_namespace(&self.services, namespace).next().is_some()),
            [namespace, "pod"] => present_if(in_namespace(&self.pods, namespace).next().is_some()),
            [label, namespace, "pod"] => self.lookup_pod(label, namespace),
            [rest @ .., service, namespace, "svc"] => self.lookup_service(&ObjectKey::new(*namespace, *service), rest),
            _ => Entry::Absent,
        }
    }

    /// `10-85-0-2.default.pod`: only of a Pod that is there.
    fn lookup_pod(&self, label: &str, namespace: &str) -> Entry {
        let Some(address) = address_of(label) else { return Entry::Absent };
        let pods = self.by_address.get(&address).into_iter().flatten();
        match pods.into_iter().any(|pod| pod.namespace == namespace) {
            true => Entry::Present(vec![Data::Address(address)]),
            false => Entry::Absent,
        }
    }

    fn lookup_service(&self, key: &ObjectKey, rest: &[&str]) -> Entry {
        let Some(service) = self.services.get(key) else { return Entry::Absent };
        let has_port = |port: Option<&str>, protocol: Protocol| {
            service.ports.iter().any(|own| own.protocol == protocol && port.is_none_or(|name| name == own.name))
        };
        match rest {
            [] => self.lookup_whole(key, service),
            [label] => match Protocol::of_label(label) {
                Some(protocol) => present_if(has_port(None, protocol)),
                None => self.lookup_endpoint(key, service, label),
            },
            [port, protocol] => match (port.strip_prefix('_'), Protocol::of_label(protocol)) {
                (Some(port), Some(protocol)) if has_port(Some(port), protocol) => {
                    self.lookup_port(key, service, port, protocol)
                }
                _ => Entry::Absent,
            },
            _ => Entry::Absent,
        }
    }

    fn lookup_whole(&self, key: &ObjectKey, service: &ServiceFacts) -> Entry {
        let addresses: Vec<IpAddr> = match &service.stands_for {
            // One that is no name is nobody's.
            StandsFor::Name(name) if name.is_root() => return Entry::Present(Vec::new()),
            StandsFor::Name(name) => return Entry::Present(vec![Data::Alias(name.clone())]),
            StandsFor::Addresses(addresses) => addresses.clone(),
            StandsFor::Pods => self.endpoints(key, service).map(|endpoint| endpoint.address).collect(),
        };
        // A service of which no Pod is ready is not there, by the specification.
        present(addresses.into_iter().map(Data::Address))
    }

    /// A Pod by its name in the service.
    fn lookup_endpoint(&self, key: &ObjectKey, service: &ServiceFacts, label: &str) -> Entry {
        if matches!(service.stands_for, StandsFor::Name(_)) {
            return Entry::Absent;
        }
        let is_meant = |endpoint: &Endpoint<'_>| match endpoint.hostname {
            Some(hostname) => hostname == label,
            None => address_of(label) == Some(endpoint.address),
        };
        present(self.endpoints(key, service).filter(is_meant).map(|endpoint| Data::Address(endpoint.address)))
    }

    fn lookup_port(&self, key: &ObjectKey, service: &ServiceFacts, name: &str, protocol: Protocol) -> Entry {
        let ports = service.ports.iter().filter(|port| port.name == name && port.protocol == protocol);
        let whole = self.below(&[&key.name, &key.namespace, "svc"]);
        match &service.stands_for {
            StandsFor::Name(_) => Entry::Absent,
            StandsFor::Addresses(addresses) => present(ports.map(|port| Data::Service {
                port: port.number,
                target: whole.clone(),
                addresses: addresses.clone(),
            })),
            StandsFor::Pods => {
                let mut all: Vec<Data> = Vec::new();
                for (endpoint, port) in ports.flat_map(|port| self.endpoints(key, service).map(move |e| (e, port))) {
                    let Some(port) = port.at(endpoint.pod) else { continue };
                    let target = self.below(&[&endpoint.label(), &key.name, &key.namespace, "svc"]);
                    add_service(&mut all, port, target, endpoint.address);
                }
                present(all.into_iter())
            }
        }
    }

    /// Names for an address, where it is one of the cluster's.
    fn lookup_address(&self, name: &Name) -> Entry {
        let Ok(network) = name.parse_arpa_name() else { return Entry::Elsewhere };
        if network.prefix_len() != network.max_prefix_len() {
            return Entry::Elsewhere;
        }
        let names = self.names_of(network.addr());
        if names.is_empty() { Entry::Elsewhere } else { Entry::Present(names.into_iter().map(Data::Pointer).collect()) }
    }

    /// Its names in services; a Pod that is in none has the name of its address.
    fn names_of(&self, address: IpAddr) -> Vec<Name> {
        let mut names = Vec::new();
        let owns =
            |service: &ServiceFacts| matches!(&service.stands_for, StandsFor::Addresses(own) if own.contains(&address));
        for (key, _) in self.services.iter().filter(|(_, service)| owns(service)) {
            names.push(self.below(&[&key.name, &key.namespace, "svc"]));
        }
        let pods = self.by_address.get(&address);
        for (key, service) in &self.services {
            let selects = || pods.is_some_and(|pods| self.selected.get(key).is_some_and(|own| !own.is_disjoint(pods)));
            if matches!(service.stands_for, StandsFor::Pods) && selects() {
                let endpoints = self.endpoints(key, service).filter(|endpoint| endpoint.address == address);
                names.extend(endpoints.map(|e| self.below(&[&e.label(), &key.name, &key.namespace, "svc"])));
            }
        }
        if names.is_empty() {
            let label = address_label(address);
            names.extend(pods.into_iter().flatten().map(|pod| self.below(&[&label, &pod.namespace, "pod"])));
        }
        names.sort_unstable();
        names.dedup();
        names
    }

    /// A name below the cluster's domain.
    pub(in crate::dns) fn below(&self, labels: &[&str]) -> Name {
        let longer = labels.iter().rev().try_fold(self.zone.clone(), |name, label| name.prepend_label(*label));
        // A name that is too long can't be asked for either.
        longer.unwrap_or_else(|_| self.zone.clone())
    }
}

/// Pods with one name are one target with several addresses.
fn add_service(all: &mut Vec<Data>, port: u16, target: Name, address: IpAddr) {
    for data in all.iter_mut() {
        if let Data::Service { port: known, target: same, addresses } = data
            && *known == port
            && *same == target
        {
            addresses.push(address);
            return;
        }
    }
    all.push(Data::Service { port, target, addresses: vec![address] });
}

fn present_if(there: bool) -> Entry {
    if there { Entry::Present(Vec::new()) } else { Entry::Absent }
}

fn present(data: impl Iterator<Item = Data>) -> Entry {
    let data: Vec<Data> = data.collect();
    if data.is_empty() { Entry::Absent } else { Entry::Present(data) }
}
