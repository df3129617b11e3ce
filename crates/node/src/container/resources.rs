//! Requests and limits as the kernel's numbers, worked out as the kubelet does.

use std::collections::HashMap;

use k8s_openapi::api::core::v1::{Container, Pod};
use reprise_core::resources::{self as sums, ResourceList};
use reprise_core::roles::{self, Role};
use reprise_cri::v1::LinuxContainerResources;

use crate::quantity::{milli_value_of, value_of};

/// The kernel's scheduling period in microseconds.
pub(crate) const CPU_PERIOD: i64 = 100_000;
/// The smallest quota that the kernel takes, in microseconds.
const MIN_QUOTA: i64 = 1_000;
/// `cpu.shares` of a whole processor.
const SHARES_PER_CPU: i64 = 1_024;
/// The bounds of `cpu.shares`.
const SHARES: (i64, i64) = (2, 262_144);
/// `oom_score_adj` of containers that the kernel should spare and of those that it should take first.
const GUARANTEED_OOM: i64 = -997;
/// See [`GUARANTEED_OOM`].
const BEST_EFFORT_OOM: i64 = 1_000;

/// The resources of one container.
pub(crate) fn of_container(
    pod: &Pod,
    container: &Container,
    qos: &str,
    memory_bytes: i64,
    pids_limit: Option<i64>,
) -> LinuxContainerResources {
    let resources = container.resources.as_ref();
    let requests = resources.and_then(|r| r.requests.as_ref());
    let limits = resources.and_then(|r| r.limits.as_ref());
    let (request, limit) = (milli_value_of(requests, "cpu"), milli_value_of(limits, "cpu"));
    // Admission sets requests from limits; a Pod that missed that is treated the same.
    let request = if request == 0 && requests.is_none_or(|r| !r.contains_key("cpu")) { limit } else { request };
    LinuxContainerResources {
        cpu_period: CPU_PERIOD,
        cpu_quota: quota(limit),
        cpu_shares: shares(request),
        memory_limit_in_bytes: value_of(limits, "memory"),
        oom_score_adj: oom_score(pod, container, qos, memory_bytes),
        // CRI has no field for it; runtimes know the cgroup v2 name.
        unified: pids_limit.map(|n| HashMap::from([("pids.max".to_owned(), n.to_string())])).unwrap_or_default(),
        ..LinuxContainerResources::default()
    }
}

/// What the Pod's containers are given together, for runtimes that make room for them beforehand.
pub(crate) fn of_pod(pod: &Pod) -> LinuxContainerResources {
    of_lists(&sums::requests_of_containers(pod), &sums::limits_of_containers(pod))
}

/// What the Pod is given beside that.
pub(crate) fn of_overhead(pod: &Pod) -> LinuxContainerResources {
    let overhead = sums::overhead(pod);
    if overhead.is_empty() { LinuxContainerResources::default() } else { of_lists(&overhead, &overhead) }
}

fn of_lists(requests: &ResourceList, limits: &ResourceList) -> LinuxContainerResources {
    let milli_cpu = |list: &ResourceList| list.get("cpu").map_or(0, |amount| amount.milli_value());
    LinuxContainerResources {
        cpu_period: CPU_PERIOD,
        cpu_quota: quota(milli_cpu(limits)),
        cpu_shares: shares(milli_cpu(requests)),
        memory_limit_in_bytes: limits.get("memory").map_or(0, |amount| amount.value()),
        ..LinuxContainerResources::default()
    }
}

type Amounts = std::collections::BTreeMap<String, k8s_openapi::apimachinery::pkg::api::resource::Quantity>;

fn limits(container: &Container) -> Option<&Amounts> {
    container.resources.as_ref().and_then(|r| r.limits.as_ref())
}

fn requests(container: &Container) -> Option<&Amounts> {
    container.resources.as_ref().and_then(|r| r.requests.as_ref())
}

/// 0 is no limit.
pub(crate) fn quota(milli_cpu: i64) -> i64 {
    if milli_cpu == 0 { 0 } else { (milli_cpu.saturating_mul(CPU_PERIOD) / 1000).max(MIN_QUOTA) }
}

pub(crate) fn shares(milli_cpu: i64) -> i64 {
    (milli_cpu.saturating_mul(SHARES_PER_CPU) / 1000).clamp(SHARES.0, SHARES.1)
}

fn oom_score(pod: &Pod, container: &Container, qos: &str, memory_bytes: i64) -> i64 {
    if is_node_critical(pod) || qos == "Guaranteed" {
        return GUARANTEED_OOM;
    }
    if qos == "BestEffort" || memory_bytes <= 0 {
        return BEST_EFFORT_OOM;
    }
    let own = requested_memory(container);
    // A sidecar must not be taken before the containers that it serves.
    let all = roles::containers(pod);
    let is_sidecar = all.iter().any(|c| c.role == Role::Sidecar && c.name() == container.name);
    let served = all.iter().filter(|c| c.role == Role::Regular).map(|c| requested_memory(c.spec)).min();
    let memory = if is_sidecar { own.max(served.unwrap_or(0)) } else { own };
    let score = 1_000 - memory.saturating_mul(1_000) / memory_bytes;
    score.clamp(1_000 + GUARANTEED_OOM, BEST_EFFORT_OOM - 1)
}

fn requested_memory(container: &Container) -> i64 {
    value_of(requests(container).or(limits(container)), "memory")
}

fn is_node_critical(pod: &Pod) -> bool {
    pod.spec.as_ref().and_then(|s| s.priority_class_name.as_deref()) == Some("system-node-critical")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const GIB: i64 = 1 << 30;

    fn first(resources: Value, qos: &str) -> LinuxContainerResources {
        let pod = json!({"spec": {"containers": [{"name": "c", "resources": resources}]}});
        let pod: Pod = serde_json::from_value(pod).unwrap();
        of_container(&pod, &pod.spec.as_ref().unwrap().containers[0], qos, 4 * GIB, Some(50))
    }

    #[test]
    fn limits_and_requests_become_the_numbers_that_the_kubelet_gives() {
        let r = first(json!({"requests": {"cpu": "250m"}, "limits": {"cpu": "500m", "memory": "64Mi"}}), "Burstable");
        assert_eq!((r.cpu_shares, r.cpu_quota, r.cpu_period), (256, 50_000, 100_000));
        assert_eq!(r.memory_limit_in_bytes, 64 << 20);
        assert_eq!(r.unified.get("pids.max").map(String::as_str), Some("50"));
        assert_eq!(first(json!({}), "BestEffort").cpu_shares, 2);
        assert_eq!(first(json!({"limits": {"cpu": "1m"}}), "Burstable").cpu_quota, 1_000);
        assert_eq!(first(json!({"limits": {"cpu": "2"}}), "Burstable").cpu_shares, 2_048);
    }

    #[test]
    fn the_oom_score_follows_the_class_and_the_requested_share_of_memory() {
        assert_eq!(first(json!({}), "BestEffort").oom_score_adj, 1_000);
        assert_eq!(first(json!({}), "Guaranteed").oom_score_adj, -997);
        assert_eq!(first(json!({"requests": {"memory": "1Gi"}}), "Burstable").oom_score_adj, 750);
        assert_eq!(first(json!({"requests": {"cpu": "1"}}), "Burstable").oom_score_adj, 999);
        assert_eq!(first(json!({"requests": {"memory": "8Gi"}}), "Burstable").oom_score_adj, 3);
    }

    #[test]
    fn a_sidecar_is_spared_as_long_as_the_containers_that_it_serves() {
        let pod = json!({"spec": {
            "initContainers": [{"name": "s", "restartPolicy": "Always"}],
            "containers": [{"name": "c", "resources": {"requests": {"memory": "1Gi"}}}]}});
        let pod: Pod = serde_json::from_value(pod).unwrap();
        let sidecar = &pod.spec.as_ref().unwrap().init_containers.as_ref().unwrap()[0];
        assert_eq!(of_container(&pod, sidecar, "Burstable", 4 * GIB, None).oom_score_adj, 750);
    }
}
