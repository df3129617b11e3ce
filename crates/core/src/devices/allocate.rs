//! Which devices a Pod gets.
//!
//! Init containers and regular ones never run at the same time, so the devices of an init container that ends go on to
//! the containers after it. Sidecars keep theirs. A plugin can be asked which devices go well together; since asking is
//! I/O, [`allocate`] returns the [`Question`] and is called again with the answer, until it has asked all.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Pod;
use thiserror::Error;

use super::{DeviceIds, Inventory, PodDevices, ResourceDevices, Wanted, wanted};
use crate::roles::Role;

/// Which devices plugins would rather have together, by container and resource.
pub type Answers = BTreeMap<(String, String), BTreeSet<String>>;

/// What has come out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allocation {
    /// All containers have their devices.
    Complete(PodDevices),
    /// A plugin is to be asked first.
    Undecided(Question),
}

/// Asks a plugin for the best `size` of `available`, `must_include` among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The container that they are for.
    pub container: String,
    /// The resource.
    pub resource: String,
    /// What can be had.
    pub available: BTreeSet<String>,
    /// What the container has already: an init container had it before.
    pub must_include: BTreeSet<String>,
    /// How many in all.
    pub size: u64,
}

/// Why a Pod can't get its devices, in the kubelet's words.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AllocationError {
    /// No plugin has this resource.
    #[error("cannot allocate unregistered device {resource}")]
    Unregistered {
        /// The resource.
        resource: String,
    },
    /// None of its devices works.
    #[error("no healthy devices present; cannot allocate unhealthy devices {resource}")]
    NoneHealthy {
        /// The resource.
        resource: String,
    },
    /// There are too few.
    #[error("requested number of devices unavailable for {resource}. Requested: {requested}, Available: {available}")]
    TooFew {
        /// The resource.
        resource: String,
        /// How many more were needed.
        requested: u64,
        /// How many there were.
        available: u64,
    },
}

/// The message of a Pod that is rejected because of `cause`, in the kubelet's words.
#[must_use]
pub fn rejection(cause: &str) -> String {
    format!("Allocate failed due to {cause}, which is unexpected")
}

/// Gives the containers of `pod` their devices, or none to any. `taken` is what other Pods have.
///
/// # Errors
/// If a resource is not registered or has too few free healthy devices.
pub fn allocate(
    pod: &Pod,
    inventory: &Inventory,
    taken: &DeviceIds,
    answers: &Answers,
) -> Result<Allocation, AllocationError> {
    let none = BTreeSet::new();
    let (mut given, mut reusable, mut own) = (PodDevices::new(), DeviceIds::new(), DeviceIds::new());
    for want in wanted(pod) {
        let unregistered = || AllocationError::Unregistered { resource: want.resource.to_owned() };
        let source = inventory.get(want.resource).ok_or_else(unregistered)?;
        let key = (want.container.to_owned(), want.resource.to_owned());
        let choosing = Choosing {
            want,
            source,
            taken: [taken.get(want.resource).unwrap_or(&none), own.get(want.resource).unwrap_or(&none)],
            reusable: reusable.get(want.resource).unwrap_or(&none),
            preferred: answers.get(&key),
        };
        let ids = match choosing.choose()? {
            Choice::Ids(ids) => ids,
            Choice::Ask(question) => return Ok(Allocation::Undecided(question)),
        };
        let pool = reusable.entry(want.resource.to_owned()).or_default();
        if want.role == Role::Init {
            pool.extend(ids.iter().cloned());
        } else {
            pool.retain(|id| !ids.contains(id));
        }
        own.entry(want.resource.to_owned()).or_default().extend(ids.iter().cloned());
        given.entry(key.0).or_default().insert(key.1, ids);
    }
    Ok(Allocation::Complete(given))
}

/// The choice for one container and resource.
struct Choosing<'a> {
    want: Wanted<'a>,
    source: &'a ResourceDevices,
    /// What others have: other Pods, and this Pod's other containers.
    taken: [&'a BTreeSet<String>; 2],
    /// What this Pod's init containers leave.
    reusable: &'a BTreeSet<String>,
    preferred: Option<&'a BTreeSet<String>>,
}

enum Choice {
    Ids(BTreeSet<String>),
    Ask(Question),
}

impl Choosing<'_> {
    fn choose(&self) -> Result<Choice, AllocationError> {
        let resource = || self.want.resource.to_owned();
        let healthy: BTreeSet<&String> =
            self.source.devices.iter().filter(|(_, device)| device.healthy).map(|(id, _)| id).collect();
        if healthy.is_empty() {
            return Err(AllocationError::NoneHealthy { resource: resource() });
        }
        let count = usize::try_from(self.want.count).unwrap_or(usize::MAX);
        let reused = healthy.iter().copied().filter(|id| self.reusable.contains(*id));
        let mut ids: BTreeSet<String> = reused.take(count).cloned().collect();
        let needed = count - ids.len();
        if needed == 0 {
            return Ok(Choice::Ids(ids));
        }
        let is_free = |id: &&String| !ids.contains(*id) && self.taken.iter().all(|taken| !taken.contains(*id));
        let free: BTreeSet<String> = healthy.into_iter().filter(is_free).cloned().collect();
        if free.len() < needed {
            let (requested, available) = (needed as u64, free.len() as u64);
            return Err(AllocationError::TooFew { resource: resource(), requested, available });
        }
        if self.source.has_preference && self.preferred.is_none() {
            let available = free.union(&ids).cloned().collect();
            let container = self.want.container.to_owned();
            let (must_include, size) = (ids, self.want.count);
            return Ok(Choice::Ask(Question { container, resource: resource(), available, must_include, size }));
        }
        // A plugin's wish for something that can't be had counts for nothing.
        let is_preferred = |id: &&String| self.preferred.is_some_and(|preferred| preferred.contains(*id));
        ids.extend(free.iter().filter(is_preferred).take(needed).cloned());
        let rest: Vec<String> = free.into_iter().filter(|id| !ids.contains(id)).collect();
        let missing = count - ids.len();
        ids.extend(near_each_other(rest, missing, self.source));
        Ok(Choice::Ids(ids))
    }
}

/// `count` of `ids`: those of one NUMA node, the one with the fewest that has enough, or else the first.
fn near_each_other(ids: Vec<String>, count: usize, source: &ResourceDevices) -> Vec<String> {
    let mut by_node: BTreeMap<i64, Vec<&String>> = BTreeMap::new();
    for id in &ids {
        for node in source.devices.get(id).into_iter().flat_map(|device| &device.numa_nodes) {
            by_node.entry(*node).or_default().push(id);
        }
    }
    let fitting = by_node.into_values().filter(|on_node| on_node.len() >= count).min_by_key(Vec::len);
    fitting.unwrap_or_else(|| ids.iter().collect()).into_iter().take(count).cloned().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::devices::Device;

    fn resource(devices: &[(&str, bool, i64)]) -> ResourceDevices {
        let devices = devices.iter().map(|(id, healthy, node)| {
            ((*id).to_owned(), Device { healthy: *healthy, numa_nodes: BTreeSet::from([*node]) })
        });
        ResourceDevices { devices: devices.collect(), has_preference: false }
    }

    fn inventory(devices: &[(&str, bool, i64)]) -> Inventory {
        Inventory::from([("example.com/gpu".to_owned(), resource(devices))])
    }

    fn asks(name: &str, count: u64) -> Value {
        json!({"name": name, "image": "i", "resources": {"limits": {"example.com/gpu": count.to_string(), "cpu": "1"}}})
    }

    fn pod(init: Value, regular: Value) -> Pod {
        serde_json::from_value(json!({"spec": {"initContainers": init, "containers": regular}})).unwrap()
    }

    fn set(ids: &[&str]) -> BTreeSet<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    fn given(pod: &Pod, inventory: &Inventory, taken: &[&str]) -> Result<Vec<(String, Vec<String>)>, String> {
        let taken = DeviceIds::from([("example.com/gpu".to_owned(), set(taken))]);
        match allocate(pod, inventory, &taken, &Answers::new()).map_err(|e| e.to_string())? {
            Allocation::Complete(all) => {
                Ok(all.into_iter().map(|(name, ids)| (name, ids.into_values().flatten().collect())).collect())
            }
            Allocation::Undecided(question) => panic!("{question:?}"),
        }
    }

    fn is(name: &str, ids: &[&str]) -> (String, Vec<String>) {
        (name.to_owned(), ids.iter().map(|id| (*id).to_owned()).collect())
    }

    #[test]
    fn devices_of_init_containers_go_on_and_those_of_sidecars_stay() {
        let mut sidecar = asks("sidecar", 1);
        sidecar["restartPolicy"] = json!("Always");
        let pod = pod(json!([asks("setup", 2), sidecar]), json!([asks("a", 1), asks("b", 1)]));
        let all = inventory(&[("0", true, 0), ("1", true, 0), ("2", true, 0)]);
        let got = given(&pod, &all, &[]).unwrap();
        assert_eq!(got, [is("a", &["1"]), is("b", &["2"]), is("setup", &["0", "1"]), is("sidecar", &["0"])]);
    }

    #[test]
    fn nothing_that_is_taken_or_ill_is_given_and_the_kubelets_words_say_why() {
        let pod = pod(json!([]), json!([asks("a", 2)]));
        let all = inventory(&[("0", true, 0), ("1", false, 0), ("2", true, 0), ("3", true, 0)]);
        assert_eq!(given(&pod, &all, &["0"]).unwrap(), [is("a", &["2", "3"])]);
        assert_eq!(
            given(&pod, &all, &["0", "2"]).unwrap_err(),
            "requested number of devices unavailable for example.com/gpu. Requested: 2, Available: 1"
        );
        let ill = inventory(&[("0", false, 0)]);
        assert_eq!(
            given(&pod, &ill, &[]).unwrap_err(),
            "no healthy devices present; cannot allocate unhealthy devices example.com/gpu"
        );
        let unknown = given(&pod, &Inventory::new(), &[]).unwrap_err();
        assert_eq!(
            rejection(&unknown),
            "Allocate failed due to cannot allocate unregistered device example.com/gpu, which is unexpected"
        );
    }

    #[test]
    fn without_a_wish_of_the_plugin_devices_of_one_numa_node_are_taken() {
        let pod = pod(json!([]), json!([asks("a", 2)]));
        let all = inventory(&[("0", true, 0), ("1", true, 1), ("2", true, 1), ("3", true, 2), ("4", true, 2)]);
        assert_eq!(given(&pod, &all, &[]).unwrap(), [is("a", &["1", "2"])]);
    }

    #[test]
    fn a_plugin_with_a_preference_is_asked_and_followed_as_far_as_possible() {
        let pod = pod(json!([asks("setup", 1)]), json!([asks("a", 2)]));
        let mut all = inventory(&[("0", true, 0), ("1", true, 0), ("2", true, 0)]);
        all.get_mut("example.com/gpu").unwrap().has_preference = true;
        let mut answers = Answers::new();
        let mut next = || {
            let taken = DeviceIds::from([("example.com/gpu".to_owned(), set(&["1"]))]);
            let got = allocate(&pod, &all, &taken, &answers).unwrap();
            if let Allocation::Undecided(question) = &got {
                let key = (question.container.clone(), question.resource.clone());
                // "1" is another Pod's.
                answers.insert(key, set(&["1", "2"]));
            }
            got
        };
        let Allocation::Undecided(first) = next() else { panic!() };
        assert_eq!((first.available, first.must_include, first.size), (set(&["0", "2"]), set(&[]), 1));
        let Allocation::Undecided(second) = next() else { panic!() };
        assert_eq!((second.available, second.must_include, second.size), (set(&["0", "2"]), set(&["2"]), 2));
        let Allocation::Complete(all) = next() else { panic!() };
        assert_eq!((&all["setup"]["example.com/gpu"], &all["a"]["example.com/gpu"]), (&set(&["2"]), &set(&["0", "2"])));
    }
}
