//! Random Pods and nodes that come and go.

use std::collections::HashMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Node, Pod};
use proptest::prelude::*;
use reprise_core::node_admission::{NodeRules, admit};
use reprise_core::resources;
use serde_json::json;

use super::cluster::Cluster;
use super::decision::choose;

#[derive(Debug, Clone)]
enum Step {
    Node { name: u8, cpu: u8 },
    NoNode { name: u8 },
    Pod { cpu: u8, gpu: u8 },
    End { pod: usize },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => (0..4_u8, 1..6_u8).prop_map(|(name, cpu)| Step::Node { name, cpu }),
        1 => (0..4_u8).prop_map(|name| Step::NoNode { name }),
        5 => (0..4_u8, 0..2_u8).prop_map(|(cpu, gpu)| Step::Pod { cpu, gpu }),
        2 => (0..50_usize).prop_map(|pod| Step::End { pod }),
    ]
}

fn node(name: u8, cpu: u8) -> Node {
    serde_json::from_value(json!({
        "metadata": {"name": name.to_string()},
        "status": {
            "allocatable": {"cpu": cpu.to_string(), "memory": "1Gi", "pods": "4", "example.com/gpu": "2"},
            "conditions": [{"type": "Ready", "status": "True"}]
        }
    }))
    .unwrap()
}

fn pod(uid: usize, cpu: u8, gpu: u8) -> Pod {
    let requests = json!({"cpu": cpu.to_string(), "example.com/gpu": gpu.to_string()});
    serde_json::from_value(json!({
        "metadata": {"name": uid.to_string(), "uid": uid.to_string()},
        "spec": {"containers": [{"name": "c", "resources": {"requests": requests}}]}
    }))
    .unwrap()
}

fn fits(pod: &Pod, node: &Node, others: &[&Pod]) -> bool {
    let allocatable = resources::list(node.status.as_ref().unwrap().allocatable.as_ref());
    admit(pod, others.iter().copied(), &NodeRules { allocatable, ..NodeRules::default() }).is_ok()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// The sums that are kept must be those that the node's own check, which counts anew each time, comes to.
    #[test]
    fn a_pod_is_placed_exactly_if_a_node_would_take_it(steps in prop::collection::vec(step(), 1..60)) {
        let mut cluster = Cluster::default();
        let mut nodes: HashMap<String, Node> = HashMap::new();
        let mut pods: Vec<Option<(Pod, String)>> = Vec::new();
        for step in steps {
            match step {
                Step::Node { name, cpu } => {
                    cluster.put_node(&node(name, cpu));
                    nodes.insert(name.to_string(), node(name, cpu));
                }
                Step::NoNode { name } => {
                    cluster.remove_node(&name.to_string());
                    nodes.remove(&name.to_string());
                }
                Step::End { pod } => {
                    if let Some((pod, _)) = pods.get_mut(pod).and_then(Option::take) {
                        cluster.remove_pod(pod.metadata.uid.as_deref().unwrap());
                    }
                }
                Step::Pod { cpu, gpu } => {
                    let pod = pod(pods.len(), cpu, gpu);
                    let on = |name: &str| -> Vec<&Pod> {
                        pods.iter().flatten().filter(|(_, node)| node == name).map(|(pod, _)| pod).collect()
                    };
                    match choose(&pod, &cluster, &Ok(Vec::new()), 0) {
                        Ok((name, _)) => {
                            prop_assert!(fits(&pod, &nodes[&name], &on(&name)));
                            cluster.put_pod(Arc::new(pod.clone()), &name);
                            pods.push(Some((pod, name)));
                        }
                        Err(unfit) => {
                            let taker = nodes.iter().find(|(name, node)| fits(&pod, node, &on(name)));
                            prop_assert!(taker.is_none(), "{unfit}, but {taker:?}");
                        }
                    }
                }
            }
        }
    }
}
