//! Devices of device plugins: what the node has, what Pods ask for, who gets which.
//!
//! All of it is values, so that who gets what can be tested without plugins. What the kubelet does is kept, with its
//! words, under the topology policy `none`, which is its default.

mod allocate;
mod observed;
mod wanted;

use std::collections::{BTreeMap, BTreeSet};

pub use allocate::{Allocation, AllocationError, Answers, Question, allocate, rejection};
pub use observed::ObservedDevices;
pub use wanted::{Wanted, wanted};

pub use crate::validation::is_extended_resource_name;

/// The reason of a Pod that can't get its devices.
pub const REJECTED: &str = "UnexpectedAdmissionError";

/// One device as its plugin tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// It can be given to a container.
    pub healthy: bool,
    /// The NUMA nodes that it is near to; none if the plugin does not say.
    pub numa_nodes: BTreeSet<i64>,
}

/// What a plugin has of one resource.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResourceDevices {
    /// All devices by id.
    pub devices: BTreeMap<String, Device>,
    /// The plugin wants to be asked which of them go well together.
    pub has_preference: bool,
}

/// All resources that plugins have registered, by name.
pub type Inventory = BTreeMap<String, ResourceDevices>;

/// Ids of devices by resource.
pub type DeviceIds = BTreeMap<String, BTreeSet<String>>;

/// The devices of a Pod's containers, by container.
pub type PodDevices = BTreeMap<String, DeviceIds>;

/// How much there is of a resource, as a Node's status shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// All devices.
    pub capacity: u64,
    /// Those that are healthy.
    pub allocatable: u64,
}

impl ResourceDevices {
    /// How many there are.
    #[must_use]
    pub fn capacity(&self) -> Capacity {
        let healthy = self.devices.values().filter(|device| device.healthy).count();
        Capacity { capacity: self.devices.len() as u64, allocatable: healthy as u64 }
    }
}

/// All devices of a Pod by resource, whichever container has them.
#[must_use]
pub fn of_all_containers(pod: &PodDevices) -> DeviceIds {
    let mut all = DeviceIds::new();
    for (resource, ids) in pod.values().flatten() {
        all.entry(resource.clone()).or_default().extend(ids.iter().cloned());
    }
    all
}

#[cfg(test)]
mod property_tests;
