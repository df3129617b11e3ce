//! All names of the cluster: its services and Pods as far as names depend on them, and what each name stands for.

mod endpoint;
mod lookup;
mod pod;
mod ports;
mod service;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use hickory_proto::rr::Name;
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::Resource;

use self::endpoint::Endpoint;
use self::pod::PodFacts;
use self::service::ServiceFacts;
use super::DnsError;

pub(super) use lookup::{Data, Entry};

/// An object's namespace and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ObjectKey {
    namespace: String,
    name: String,
}

impl ObjectKey {
    fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    /// An object's key.
    pub(super) fn of<K: Resource>(object: &K) -> Self {
        let metadata = object.meta();
        Self::new(metadata.namespace.clone().unwrap_or_default(), metadata.name.clone().unwrap_or_default())
    }
}

/// The names of one cluster.
#[derive(Debug)]
pub(super) struct Names {
    /// The cluster's domain.
    zone: Name,
    /// The server's own addresses.
    own: Vec<IpAddr>,
    /// Grows with each change.
    serial: u32,
    services: BTreeMap<ObjectKey, ServiceFacts>,
    pods: BTreeMap<ObjectKey, PodFacts>,
    /// Which Pods each service selects, ready or not.
    selected: BTreeMap<ObjectKey, BTreeSet<ObjectKey>>,
    /// Which Pods have each address.
    by_address: BTreeMap<IpAddr, BTreeSet<ObjectKey>>,
    services_known: bool,
    pods_known: bool,
}

impl Names {
    /// Those of a cluster of which nothing is known yet.
    pub(super) fn new(domain: &str, own: Vec<IpAddr>) -> Result<Self, DnsError> {
        let zone = Name::from_ascii(domain.trim_end_matches('.')).ok().filter(|zone| zone.num_labels() > 0);
        let mut zone = zone.ok_or_else(|| DnsError::Domain { domain: domain.to_owned() })?.to_lowercase();
        zone.set_fqdn(true);
        Ok(Self {
            zone,
            own,
            serial: 1,
            services: BTreeMap::new(),
            pods: BTreeMap::new(),
            selected: BTreeMap::new(),
            by_address: BTreeMap::new(),
            services_known: false,
            pods_known: false,
        })
    }

    /// Whether all that the cluster has is known: until then, nobody can say that a name is not there.
    pub(super) fn is_complete(&self) -> bool {
        self.services_known && self.pods_known
    }

    /// The cluster's domain.
    pub(super) fn zone(&self) -> &Name {
        &self.zone
    }

    /// Which change this is after.
    pub(super) fn serial(&self) -> u32 {
        self.serial
    }

    /// Takes in a service that is new or has changed.
    pub(super) fn put_service(&mut self, service: &Service) {
        self.insert_service(ObjectKey::of(service), ServiceFacts::of(service));
    }

    /// Takes in a Pod that is new or has changed.
    pub(super) fn put_pod(&mut self, pod: &Pod) {
        self.insert_pod(ObjectKey::of(pod), PodFacts::of(pod));
    }

    /// Takes it in that a service is gone.
    pub(super) fn remove_service(&mut self, key: &ObjectKey) {
        self.changed();
        self.services.remove(key);
        self.selected.remove(key);
    }

    /// Takes it in that a Pod is gone.
    pub(super) fn remove_pod(&mut self, key: &ObjectKey) {
        self.changed();
        let Some(pod) = self.pods.remove(key) else { return };
        for address in &pod.addresses {
            if let Some(pods) = self.by_address.get_mut(address) {
                pods.remove(key);
                if pods.is_empty() {
                    self.by_address.remove(address);
                }
            }
        }
        for pods in self.selected.values_mut() {
            pods.remove(key);
        }
    }

    /// Takes it in that there are no services but these, which have been taken in.
    pub(super) fn keep_services(&mut self, all: &BTreeSet<ObjectKey>) {
        let gone: Vec<ObjectKey> = self.services.keys().filter(|key| !all.contains(key)).cloned().collect();
        gone.iter().for_each(|key| self.remove_service(key));
        self.services_known = true;
    }

    /// Takes it in that there are no Pods but these, which have been taken in.
    pub(super) fn keep_pods(&mut self, all: &BTreeSet<ObjectKey>) {
        let gone: Vec<ObjectKey> = self.pods.keys().filter(|key| !all.contains(key)).cloned().collect();
        gone.iter().for_each(|key| self.remove_pod(key));
        self.pods_known = true;
    }

    fn insert_service(&mut self, key: ObjectKey, service: ServiceFacts) {
        self.changed();
        let pods = in_namespace(&self.pods, &key.namespace);
        let selected = pods.filter(|(_, pod)| service.selects(&pod.labels)).map(|(pod, _)| pod.clone()).collect();
        self.selected.insert(key.clone(), selected);
        self.services.insert(key, service);
    }

    fn insert_pod(&mut self, key: ObjectKey, pod: PodFacts) {
        if self.pods.get(&key) == Some(&pod) {
            return;
        }
        self.remove_pod(&key);
        for address in &pod.addresses {
            self.by_address.entry(*address).or_default().insert(key.clone());
        }
        for (name, service) in in_namespace(&self.services, &key.namespace) {
            if service.selects(&pod.labels) {
                self.selected.entry(name.clone()).or_default().insert(key.clone());
            }
        }
        self.pods.insert(key, pod);
    }

    fn changed(&mut self) {
        self.serial = self.serial.wrapping_add(1);
    }

    /// The places behind a service that may be told of.
    fn endpoints<'a>(&'a self, key: &ObjectKey, service: &'a ServiceFacts) -> impl Iterator<Item = Endpoint<'a>> + 'a {
        let pods = self.selected.get(key).into_iter().flatten().filter_map(|pod| self.pods.get(pod));
        let name = key.name.clone();
        pods.filter(|pod| pod.is_served(service.publishes_not_ready)).flat_map(move |pod| {
            let hostname = pod.hostname_in(&name);
            let addresses = pod.addresses.iter().filter(|address| service.has_family(**address));
            addresses.map(move |address| Endpoint { pod, address: *address, hostname }).collect::<Vec<_>>()
        })
    }
}

/// What is in one namespace.
fn in_namespace<'a, V>(
    all: &'a BTreeMap<ObjectKey, V>,
    namespace: &'a str,
) -> impl Iterator<Item = (&'a ObjectKey, &'a V)> + 'a {
    all.range(ObjectKey::new(namespace, "")..).take_while(move |(key, _)| key.namespace == namespace)
}
