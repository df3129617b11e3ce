//! The Pod's quality-of-service class, from its requests and limits.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, Pod};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

const COMPUTE: [&str; 2] = ["cpu", "memory"];

/// `Guaranteed`, `Burstable` or `BestEffort`, by Kubernetes' definition over all containers.
#[must_use]
pub fn qos_class(pod: &Pod) -> &'static str {
    let Some(spec) = &pod.spec else { return "BestEffort" };
    let containers: Vec<&Container> = spec.init_containers.iter().flatten().chain(&spec.containers).collect();
    if containers.iter().all(|c| COMPUTE.iter().all(|r| amount(c, r, true).is_none() && amount(c, r, false).is_none()))
    {
        return "BestEffort";
    }
    let guaranteed = |c: &&Container| {
        COMPUTE.iter().all(|r| {
            let limit = amount(c, r, true);
            limit.is_some() && amount(c, r, false).or(limit) == limit
        })
    };
    if containers.iter().all(guaranteed) { "Guaranteed" } else { "Burstable" }
}

fn amount<'a>(container: &'a Container, resource: &str, limit: bool) -> Option<&'a str> {
    let resources = container.resources.as_ref()?;
    let of: &Option<BTreeMap<String, Quantity>> = if limit { &resources.limits } else { &resources.requests };
    of.as_ref()?.get(resource).map(|q| q.0.as_str()).filter(|q| *q != "0")
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
        assert_eq!(class(json!({"limits": {"cpu": "1", "memory": "1Gi"}})), "Guaranteed");
        assert_eq!(class(json!({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}})), "Burstable");
        assert_eq!(class(json!({"requests": {"memory": "1Gi"}})), "Burstable");
    }
}
