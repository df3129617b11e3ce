//! Random Pods that come and go on random devices.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Pod;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::roles::Role;

const RESOURCE: &str = "example.com/gpu";

fn containers(kind: &'static str) -> impl Strategy<Value = Vec<Value>> {
    let one = (0..4_u64, any::<bool>());
    prop::collection::vec(one, 1..4).prop_map(move |all| {
        let of = |(i, (count, sidecar)): (usize, (u64, bool))| {
            let limits = json!({"limits": {RESOURCE: count.to_string()}});
            let mut c = json!({"name": format!("{kind}-{i}"), "image": "i", "resources": limits});
            if kind == "init" && sidecar {
                c["restartPolicy"] = json!("Always");
            }
            c
        };
        all.into_iter().enumerate().map(of).collect()
    })
}

fn pod() -> impl Strategy<Value = Pod> {
    (containers("init"), containers("main")).prop_map(|(init, main)| {
        serde_json::from_value(json!({"spec": {"initContainers": init, "containers": main}})).unwrap()
    })
}

fn inventory() -> impl Strategy<Value = Inventory> {
    prop::collection::btree_map("[0-9]{1,2}", (any::<bool>(), 0..3_i64), 0..16).prop_map(|devices| {
        let device = |(healthy, node)| Device { healthy, numa_nodes: BTreeSet::from([node]) };
        let devices = devices.into_iter().map(|(id, d)| (id, device(d))).collect();
        Inventory::from([(RESOURCE.to_owned(), ResourceDevices { devices, has_preference: false })])
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_container_gets_what_it_asked_for_and_no_device_is_in_two_hands(
        pods in prop::collection::vec(pod(), 1..5),
        inventory in inventory(),
    ) {
        let mut taken = DeviceIds::new();
        for pod in &pods {
            let Ok(Allocation::Complete(given)) = allocate(pod, &inventory, &taken, &Answers::new()) else { continue };
            let mut at_once: BTreeSet<String> = BTreeSet::new();
            for want in wanted(pod) {
                let ids = &given[want.container][RESOURCE];
                prop_assert_eq!(ids.len() as u64, want.count);
                let devices = &inventory[RESOURCE].devices;
                prop_assert!(ids.iter().all(|id| devices[id].healthy));
                // Containers that may run at the same time share nothing.
                if want.role == Role::Init {
                    prop_assert!(ids.is_disjoint(&at_once), "{} has a sidecar's device", want.container);
                } else {
                    prop_assert!(ids.iter().all(|id| at_once.insert(id.clone())), "{} shares a device", want.container);
                }
            }
            let all = of_all_containers(&given);
            let others = taken.get(RESOURCE).cloned().unwrap_or_default();
            prop_assert!(all.values().flatten().all(|id| !others.contains(id)), "two Pods share a device");
            for (resource, ids) in all {
                taken.entry(resource).or_default().extend(ids);
            }
        }
    }

    #[test]
    fn the_same_question_has_the_same_answer(pod in pod(), inventory in inventory()) {
        let once = allocate(&pod, &inventory, &DeviceIds::new(), &Answers::new());
        prop_assert_eq!(once, allocate(&pod, &inventory, &DeviceIds::new(), &Answers::new()));
    }
}
