//! What the containers of a Pod ask for.

use k8s_openapi::api::core::v1::Pod;

use crate::quantity::Quantity;
use crate::roles::{self, Role};
use crate::unset::entries;
use crate::validation::is_extended_resource;

/// So many devices of a resource for a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// The container.
    pub container: &'a str,
    /// What it is to its Pod.
    pub role: Role,
    /// The resource.
    pub resource: &'a str,
    /// How many.
    pub count: u64,
}

/// All that a Pod asks for, in the order in which it is given out: containers in the order of the spec, init containers
/// first, resources by name. Limits say it, as extended resources can't be requested without one.
#[must_use]
pub fn wanted(pod: &Pod) -> Vec<Wanted<'_>> {
    let mut all = Vec::new();
    for c in roles::containers(pod) {
        let Some(resources) = &c.spec.resources else { continue };
        for (resource, amount) in entries(&resources.limits).filter(|(name, _)| is_extended_resource(name)) {
            let count = Quantity::of(amount).ok().and_then(|amount| u64::try_from(amount.value()).ok()).unwrap_or(0);
            if count > 0 {
                all.push(Wanted { container: c.name(), role: c.role, resource, count });
            }
        }
    }
    all
}
