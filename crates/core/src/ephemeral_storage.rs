//! Whether a Pod uses more of the node's disk than it may: then it is evicted.
//!
//! As with a kubelet, it has no condition `DisruptionTarget` then: that is for Pods that make room for others, and keeps a Job from
//! counting a failure.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Pod, Volume};

use crate::quantity::Quantity;
use crate::resources;
use crate::roles;
use crate::unset::text;

const RESOURCE: &str = "ephemeral-storage";

/// What a Pod has on disk, in bytes, as measured.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StorageUse {
    /// Each emptyDir volume that is not in memory, by name.
    pub empty_dirs: BTreeMap<String, u64>,
    /// Each container's writable layer and logs, by name.
    pub containers: BTreeMap<String, u64>,
    /// All of that and what else the node keeps for the Pod.
    pub total: u64,
}

/// Whether anything limits the Pod, so that it must be measured.
#[must_use]
pub fn is_limited(pod: &Pod) -> bool {
    size_limits(pod).next().is_some() || container_limits(pod).next().is_some()
}

/// Why the Pod must be evicted, if it must: the first limit that it exceeds, in the kubelet's words and order.
#[must_use]
pub fn exceeded(pod: &Pod, used: &StorageUse) -> Option<String> {
    let beyond = |used: Option<&u64>, limit: Quantity| {
        let used = used.map(|bytes| Quantity::bytes(i64::try_from(*bytes).unwrap_or(i64::MAX)));
        used.is_some_and(|used| used > limit)
    };
    for (volume, limit) in size_limits(pod) {
        if beyond(used.empty_dirs.get(volume), limit) {
            return Some(format!("Usage of EmptyDir volume {volume:?} exceeds the limit \"{limit}\". "));
        }
    }
    let of_pod = resources::limits(pod).remove(RESOURCE).filter(|limit| *limit > Quantity::ZERO);
    if let Some(limit) = of_pod.filter(|limit| beyond(Some(&used.total), *limit)) {
        return Some(format!("Pod ephemeral local storage usage exceeds the total limit of containers {limit}. "));
    }
    let mut containers = container_limits(pod);
    let (name, limit) = containers.find(|(name, limit)| beyond(used.containers.get(*name), *limit))?;
    Some(format!("Container {name} exceeded its local ephemeral storage limit \"{limit}\". "))
}

/// The volumes on disk that have a limit.
fn size_limits(pod: &Pod) -> impl Iterator<Item = (&str, Quantity)> {
    let volumes = pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
    volumes.filter_map(|volume| Some((volume.name.as_str(), size_limit(volume)?)))
}

/// A volume in memory can't hold more than its limit.
fn size_limit(volume: &Volume) -> Option<Quantity> {
    let source = volume.empty_dir.as_ref().filter(|source| text(&source.medium) != "Memory")?;
    Quantity::of(source.size_limit.as_ref()?).ok().filter(|limit| *limit > Quantity::ZERO)
}

fn container_limits(pod: &Pod) -> impl Iterator<Item = (&str, Quantity)> {
    roles::containers(pod).into_iter().filter_map(|container| {
        let limit = resources::container_limits(container.spec).remove(RESOURCE)?;
        (limit > Quantity::ZERO).then_some((container.name(), limit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const MIB: u64 = 1 << 20;

    fn pod() -> Pod {
        let limited = |name, limit| json!({"name": name, "resources": {"limits": {RESOURCE: limit}}});
        serde_json::from_value(json!({"spec": {
            "containers": [limited("a", "2Mi"), limited("b", "4096Ki"), {"name": "c"}],
            "volumes": [
                {"name": "x", "emptyDir": {"sizeLimit": "1Mi"}},
                {"name": "m", "emptyDir": {"sizeLimit": "1Mi", "medium": "Memory"}},
                {"name": "y", "emptyDir": {}}
            ]
        }}))
        .unwrap()
    }

    #[test]
    fn each_limit_evicts_with_the_words_of_the_kubelet() {
        let mut used = StorageUse::default();
        used.empty_dirs.extend([("x".to_owned(), MIB), ("y".to_owned(), 9 * MIB), ("m".to_owned(), 9 * MIB)]);
        used.containers.extend([("a".to_owned(), 2 * MIB), ("b".to_owned(), 4 * MIB), ("c".to_owned(), 9 * MIB)]);
        used.total = 6 * MIB;
        assert_eq!(exceeded(&pod(), &used), None);
        used.containers.insert("b".to_owned(), 4 * MIB + 1);
        let message = "Container b exceeded its local ephemeral storage limit \"4Mi\". ";
        assert_eq!(exceeded(&pod(), &used).unwrap(), message);
        used.total += 1;
        let message = "Pod ephemeral local storage usage exceeds the total limit of containers 6Mi. ";
        assert_eq!(exceeded(&pod(), &used).unwrap(), message);
        used.empty_dirs.insert("x".to_owned(), MIB + 1);
        assert_eq!(exceeded(&pod(), &used).unwrap(), "Usage of EmptyDir volume \"x\" exceeds the limit \"1Mi\". ");
    }

    #[test]
    fn only_a_pod_with_a_limit_is_measured() {
        assert!(is_limited(&pod()));
        let spec = json!({"containers": [{"name": "c"}], "volumes": [{"name": "y", "emptyDir": {}}]});
        assert!(!is_limited(&serde_json::from_value(json!({ "spec": spec })).unwrap()));
    }
}
