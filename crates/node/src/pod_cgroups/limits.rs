//! The limits of Pods, as the kubelet sets them on its cgroups.

use std::collections::HashMap;

use k8s_openapi::api::core::v1::Pod;
use reprise_core::qos::qos_class;
use reprise_core::resources::{self, ResourceList};
use reprise_cri::v1::LinuxContainerResources;

use crate::container::resources::{CPU_PERIOD, quota, shares};

/// A container has no swap beyond its own limit; what Pods have together does not limit it again.
const ANY_SWAP: i64 = -1;

/// Nothing is limited.
pub(super) fn none() -> LinuxContainerResources {
    LinuxContainerResources::default()
}

/// A weight alone.
pub(super) fn of_weight(milli_cpu: i64) -> LinuxContainerResources {
    LinuxContainerResources { cpu_shares: shares(milli_cpu), ..none() }
}

/// What all Pods may use together.
pub(super) fn of_all(usable: &ResourceList) -> LinuxContainerResources {
    let memory = usable.get("memory").map_or(0, |amount| amount.value());
    LinuxContainerResources {
        memory_limit_in_bytes: memory,
        memory_swap_limit_in_bytes: ANY_SWAP,
        ..of_weight(usable.get("cpu").map_or(0, |amount| amount.milli_value()))
    }
}

/// What the Pod's containers may use together. Where one of them has no limit, neither has the Pod.
pub(super) fn of_pod(pod: &Pod, pids_limit: Option<i64>) -> LinuxContainerResources {
    let limits = resources::limits(pod);
    let limited = |resource: &str| limits.get(resource).filter(|_| resources::is_limited(pod, resource));
    // CRI has no field for it; the cgroup v2 name is understood for both versions.
    let unified = pids_limit.map(|limit| HashMap::from([("pids.max".to_owned(), limit.to_string())]));
    let mut of_pod = of_weight(requested_milli_cpu(pod));
    of_pod.unified = unified.unwrap_or_default();
    if qos_class(pod) == "BestEffort" {
        return of_pod;
    }
    if let Some(cpu) = limited("cpu") {
        (of_pod.cpu_quota, of_pod.cpu_period) = (quota(cpu.milli_value()), CPU_PERIOD);
    }
    if let Some(memory) = limited("memory") {
        (of_pod.memory_limit_in_bytes, of_pod.memory_swap_limit_in_bytes) = (memory.value(), ANY_SWAP);
    }
    of_pod
}

/// What the Pod requests of the processors, in thousandths.
pub(super) fn requested_milli_cpu(pod: &Pod) -> i64 {
    resources::requests(pod).get("cpu").map_or(0, |amount| amount.milli_value())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn limits(spec: Value) -> LinuxContainerResources {
        of_pod(&serde_json::from_value(json!({ "spec": spec })).unwrap(), Some(9))
    }

    #[test]
    fn a_pod_has_the_limits_of_its_containers_together() {
        let of = |limits: Value| json!({"name": "c", "resources": {"limits": limits}});
        let one = of(json!({"cpu": "500m", "memory": "64Mi"}));
        let both = limits(json!({"overhead": {"cpu": "250m", "memory": "16Mi"}, "containers": [one, one]}));
        assert_eq!((both.cpu_shares, both.cpu_quota, both.cpu_period), (1280, 125_000, 100_000));
        assert_eq!((both.memory_limit_in_bytes, both.unified["pids.max"].as_str()), (144 << 20, "9"));
        let half = limits(json!({"containers": [one, of(json!({"cpu": "1"}))]}));
        assert_eq!((half.cpu_quota, half.memory_limit_in_bytes), (150_000, 0));
        let with_init = limits(json!({"initContainers": [{"name": "i"}], "containers": [one]}));
        assert_eq!((with_init.cpu_shares, with_init.cpu_quota, with_init.memory_limit_in_bytes), (512, 0, 0));
        let nothing = limits(json!({"containers": [{"name": "c"}]}));
        assert_eq!((nothing.cpu_shares, nothing.cpu_quota, nothing.cpu_period), (2, 0, 0));
    }

    #[test]
    fn a_sidecar_counts_beside_the_containers_that_it_serves() {
        let sidecar = json!({"name": "s", "restartPolicy": "Always", "resources": {"limits": {"cpu": "1"}}});
        let main = json!({"name": "c", "resources": {"limits": {"cpu": "2"}}});
        assert_eq!(limits(json!({"initContainers": [sidecar], "containers": [main]})).cpu_quota, 300_000);
    }
}
