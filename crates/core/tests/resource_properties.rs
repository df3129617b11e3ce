//! What must hold for all requests and limits, checked against the definitions in their plainest form.

#![allow(clippy::unwrap_used, missing_docs)]

use k8s_openapi::api::core::v1::Pod;
use proptest::prelude::*;
use reprise_core::node_admission::{NodeRules, admit};
use reprise_core::quantity::Quantity;
use reprise_core::resources::{ResourceList, requests};
use serde_json::{Value, json};

/// Kinds of containers in their order: init containers and sidecars first.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Init,
    Sidecar,
    Regular,
}

fn pod(overhead: u32, containers: &[(Kind, u32)]) -> Pod {
    let container = |(index, (kind, cpu)): (usize, &(Kind, u32))| {
        let mut container = json!({"name": format!("c{index}"), "resources": {"requests": {"cpu": format!("{cpu}m")}}});
        if *kind == Kind::Sidecar {
            container["restartPolicy"] = json!("Always");
        }
        container
    };
    let of = |regular: bool| -> Vec<Value> {
        let all = containers.iter().enumerate();
        all.filter(|(_, (kind, _))| (*kind == Kind::Regular) == regular).map(container).collect()
    };
    let overhead = json!({"cpu": format!("{overhead}m")});
    let spec = json!({"initContainers": of(false), "containers": of(true), "overhead": overhead});
    serde_json::from_value(json!({ "spec": spec })).unwrap()
}

/// Goes through the Pod's life and notes what runs at the same time.
fn demanding_moment(containers: &[(Kind, u32)]) -> u32 {
    let (mut most, mut lasting) = (0, 0);
    for (kind, cpu) in containers.iter().filter(|(kind, _)| *kind != Kind::Regular) {
        most = most.max(lasting + cpu);
        if *kind == Kind::Sidecar {
            lasting += cpu;
        }
    }
    let regular: u32 = containers.iter().filter(|(kind, _)| *kind == Kind::Regular).map(|(_, cpu)| cpu).sum();
    most.max(lasting + regular)
}

fn containers() -> impl Strategy<Value = Vec<(Kind, u32)>> {
    let kind = prop_oneof![Just(Kind::Init), Just(Kind::Sidecar), Just(Kind::Regular)];
    prop::collection::vec((kind, 0_u32..2000), 1..7)
}

proptest! {
    #[test]
    fn a_pod_requests_what_its_most_demanding_moment_takes(overhead in 0_u32..500, containers in containers()) {
        let requested = requests(&pod(overhead, &containers)).get("cpu").map_or(0, Quantity::milli_value);
        prop_assert_eq!(requested, i64::from(overhead + demanding_moment(&containers)));
    }

    #[test]
    fn pods_that_were_taken_on_fit_together_and_one_that_was_refused_did_not(
        cpu in 0_u32..8000,
        most in 0_i64..8,
        asked in prop::collection::vec(containers(), 0..12),
    ) {
        let allocatable: ResourceList = [
            ("cpu".to_owned(), Quantity::thousandths(i64::from(cpu))),
            ("pods".to_owned(), Quantity::units(most)),
        ]
        .into();
        let node = NodeRules { allocatable, ..NodeRules::default() };
        let (mut taken, mut used) = (Vec::new(), 0);
        for containers in &asked {
            let (pod, needs) = (pod(0, containers), demanding_moment(containers));
            let full = i64::try_from(taken.len()).unwrap() == most;
            match admit(&pod, &taken, &node) {
                Ok(()) => {
                    prop_assert!(!full);
                    used += needs;
                    taken.push(pod);
                }
                Err(refusal) if full => prop_assert_eq!(refusal.reason, "OutOfpods"),
                Err(refusal) => {
                    prop_assert_eq!(refusal.reason, "OutOfcpu");
                    prop_assert!(used + needs > cpu);
                }
            }
            prop_assert!(used <= cpu || used == 0);
        }
    }
}
