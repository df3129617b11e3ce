//! What a Pod's devices are at one moment.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ResourceHealth, ResourceStatus};

use super::PodDevices;

/// What the node knows of one Pod's devices.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObservedDevices {
    /// What its containers have; none until they have been given it.
    pub allocated: Option<PodDevices>,
    /// Why they can't be given it.
    pub refused: Option<String>,
    /// Whether a device is healthy, by resource and id. One whose plugin is away is not among them.
    pub health: BTreeMap<String, BTreeMap<String, bool>>,
}

impl ObservedDevices {
    /// `allocatedResourcesStatus` of a container (KEP-4680); none if it has no devices.
    #[must_use]
    pub fn status(&self, container: &str) -> Option<Vec<ResourceStatus>> {
        let resources = self.allocated.as_ref()?.get(container)?;
        let of_resource = |(name, ids): (&String, &std::collections::BTreeSet<String>)| ResourceStatus {
            name: name.clone(),
            resources: Some(ids.iter().map(|id| self.health_of(name, id)).collect()),
        };
        Some(resources.iter().map(of_resource).collect())
    }

    fn health_of(&self, resource: &str, id: &str) -> ResourceHealth {
        let health = match self.health.get(resource).and_then(|devices| devices.get(id)) {
            Some(true) => "Healthy",
            Some(false) => "Unhealthy",
            None => "Unknown",
        };
        ResourceHealth { resource_id: id.to_owned(), health: Some(health.to_owned()), ..ResourceHealth::default() }
    }
}
