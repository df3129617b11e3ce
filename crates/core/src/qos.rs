//! The Pod's quality-of-service class, from its requests and limits.

use k8s_openapi::api::core::v1::{Container, Pod};

use crate::quantity::Quantity;
use crate::resources::{self, ResourceList};

const COMPUTE: [&str; 2] = ["cpu", "memory"];

/// `Guaranteed`, `Burstable` or `BestEffort`, by Kubernetes' definition over all containers.
#[must_use]
pub fn qos_class(pod: &Pod) -> &'static str {
    let Some(spec) = &pod.spec else { return "BestEffort" };
    let containers: Vec<&Container> = spec.init_containers.iter().flatten().chain(&spec.containers).collect();
    let asks_nothing = |c: &&Container| {
        let requests = resources::container_requests(c);
        COMPUTE.iter().all(|resource| amount(&requests, resource).is_none())
    };
    if containers.iter().all(asks_nothing) {
        return "BestEffort";
    }
    let guaranteed = |c: &&Container| {
        let (requests, limits) = (resources::container_requests(c), resources::container_limits(c));
        COMPUTE.iter().all(|resource| {
            let limit = amount(&limits, resource);
            limit.is_some() && amount(&requests, resource) == limit
        })
    };
    if containers.iter().all(guaranteed) { "Guaranteed" } else { "Burstable" }
}

/// Nothing of it is as good as not listed.
fn amount(list: &ResourceList, resource: &str) -> Option<Quantity> {
    list.get(resource).copied().filter(|amount| *amount > Quantity::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn class(resources: serde_json::Value) -> &'static str {
        let pod = json!({"spec": {"containers": [{"name": "c", "resources": resources}]}});
        qos_class(&serde_json::from_value(pod).unwrap())
    }

    #[test]
    fn the_class_follows_from_requests_and_limits() {
        assert_eq!(class(json!({})), "BestEffort");
        assert_eq!(class(json!({"requests": {"cpu": "0", "ephemeral-storage": "1Gi"}})), "BestEffort");
        assert_eq!(class(json!({"limits": {"cpu": "1", "memory": "1Gi"}})), "Guaranteed");
        assert_eq!(
            class(json!({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"memory": "1024Mi"}})),
            "Guaranteed"
        );
        assert_eq!(class(json!({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}})), "Burstable");
        assert_eq!(class(json!({"requests": {"memory": "1Gi"}})), "Burstable");
    }
}
