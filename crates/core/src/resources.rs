//! What a Pod asks for and may have at most, all its containers together.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, Pod};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as ApiQuantity;

use crate::quantity::Quantity;
use crate::roles::{self, Role};
use crate::unset::entries;

/// Amounts by the resource's name: `cpu`, `memory`, `ephemeral-storage`, `pods`, `example.com/gpu` ...
pub type ResourceList = BTreeMap<String, Quantity>;

/// What the node must set aside for the Pod, its `overhead` included.
///
/// Init containers run one after the other and before the regular ones, sidecars go on beside all that come after them:
/// the Pod needs as much as its most demanding moment.
#[must_use]
pub fn requests(pod: &Pod) -> ResourceList {
    let mut total = requests_of_containers(pod);
    add(&mut total, &overhead(pod));
    total
}

/// What the Pod may use at most of each resource that one of its containers has a limit for, its `overhead` included.
#[must_use]
pub fn limits(pod: &Pod) -> ResourceList {
    let mut total = limits_of_containers(pod);
    let overhead = overhead(pod).into_iter().filter(|(name, _)| total.contains_key(name)).collect();
    add(&mut total, &overhead);
    total
}

/// [`requests`] without the Pod's `overhead`.
#[must_use]
pub fn requests_of_containers(pod: &Pod) -> ResourceList {
    largest_moment(pod, container_requests)
}

/// [`limits`] without the Pod's `overhead`.
#[must_use]
pub fn limits_of_containers(pod: &Pod) -> ResourceList {
    largest_moment(pod, container_limits)
}

/// What is needed beside the containers, as `overhead` says.
#[must_use]
pub fn overhead(pod: &Pod) -> ResourceList {
    list(pod.spec.as_ref().and_then(|spec| spec.overhead.as_ref()))
}

/// Whether every container, init containers among them, has a limit of `resource`. Only then does the Pod have one.
#[must_use]
pub fn is_limited(pod: &Pod, resource: &str) -> bool {
    let limited = |c: &Container| container_limits(c).get(resource).is_some_and(|limit| *limit > Quantity::ZERO);
    roles::containers(pod).iter().all(|c| limited(c.spec))
}

/// A container's requests; of what it has only a limit for it requests that much.
#[must_use]
pub fn container_requests(container: &Container) -> ResourceList {
    let mut requests = container_limits(container);
    requests.extend(list(container.resources.as_ref().and_then(|r| r.requests.as_ref())));
    requests
}

/// A container's limits.
#[must_use]
pub fn container_limits(container: &Container) -> ResourceList {
    list(container.resources.as_ref().and_then(|r| r.limits.as_ref()))
}

/// What is listed. Validation has refused what is no quantity.
#[must_use]
pub fn list(listed: Option<&BTreeMap<String, ApiQuantity>>) -> ResourceList {
    let listed = listed.cloned();
    entries(&listed).filter_map(|(name, amount)| Some((name.clone(), Quantity::of(amount).ok()?))).collect()
}

fn largest_moment(pod: &Pod, of: fn(&Container) -> ResourceList) -> ResourceList {
    let (mut sidecars, mut before, mut running) = (ResourceList::new(), ResourceList::new(), ResourceList::new());
    for container in roles::containers(pod) {
        let own = of(container.spec);
        match container.role {
            Role::Init => {
                let mut beside = own;
                add(&mut beside, &sidecars);
                raise(&mut before, &beside);
            }
            Role::Sidecar => {
                add(&mut sidecars, &own);
                raise(&mut before, &sidecars);
            }
            Role::Regular => add(&mut running, &own),
        }
    }
    add(&mut running, &sidecars);
    raise(&mut running, &before);
    running
}

/// Adds `more` to `list`, name by name.
pub fn add(list: &mut ResourceList, more: &ResourceList) {
    for (name, amount) in more {
        let sum = list.entry(name.clone()).or_insert(Quantity::ZERO);
        *sum = *sum + *amount;
    }
}

fn raise(list: &mut ResourceList, to: &ResourceList) {
    for (name, amount) in to {
        let highest = list.entry(name.clone()).or_insert(*amount);
        *highest = (*highest).max(*amount);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn pod(spec: Value) -> Pod {
        serde_json::from_value(json!({ "spec": spec })).unwrap()
    }

    fn asks(name: &str, cpu: &str) -> Value {
        json!({"name": name, "resources": {"requests": {"cpu": cpu}}})
    }

    fn sidecar(name: &str, cpu: &str) -> Value {
        let mut container = asks(name, cpu);
        container["restartPolicy"] = json!("Always");
        container
    }

    fn cpu_of(spec: Value) -> String {
        requests(&pod(spec)).get("cpu").map(ToString::to_string).unwrap_or_default()
    }

    #[test]
    fn a_pod_needs_as_much_as_its_most_demanding_moment() {
        let regular = json!([asks("a", "1"), asks("b", "500m")]);
        let cases = [
            (json!([]), "1500m"),
            (json!([asks("i", "1")]), "1500m"),
            (json!([asks("i", "4"), asks("j", "3")]), "4"),
            (json!([sidecar("s", "1")]), "2500m"),
            (json!([sidecar("s", "1"), asks("i", "2")]), "3"),
            (json!([asks("i", "2"), sidecar("s", "1")]), "2500m"),
            (json!([sidecar("s", "1"), asks("i", "1"), sidecar("t", "1")]), "3500m"),
        ];
        for (init, expected) in cases {
            let spec = json!({"initContainers": init, "containers": regular});
            assert_eq!(cpu_of(spec.clone()), expected, "{spec}");
        }
    }

    #[test]
    fn overhead_counts_in_requests_and_in_limits_that_are_there() {
        let spec = json!({
            "overhead": {"cpu": "250m", "memory": "16Mi"},
            "containers": [{"name": "a", "resources": {"limits": {"memory": "64Mi"}, "requests": {"cpu": "1"}}}]
        });
        let pod = pod(spec);
        let text = |list: ResourceList| list.iter().map(|(name, q)| format!("{name}={q}")).collect::<Vec<_>>();
        assert_eq!(text(requests(&pod)), ["cpu=1250m", "memory=80Mi"]);
        assert_eq!(text(limits(&pod)), ["memory=80Mi"]);
        assert_eq!(text(limits_of_containers(&pod)), ["memory=64Mi"]);
    }

    #[test]
    fn one_container_without_a_limit_leaves_the_pod_without() {
        let limited = json!({"name": "a", "resources": {"limits": {"cpu": "1"}}});
        assert!(is_limited(&pod(json!({"containers": [limited]})), "cpu"));
        assert!(!is_limited(&pod(json!({"initContainers": [{"name": "i"}], "containers": [limited]})), "cpu"));
        let none = json!({"name": "b", "resources": {"limits": {"cpu": "0"}}});
        assert!(!is_limited(&pod(json!({"containers": [limited, none]})), "cpu"));
    }
}
