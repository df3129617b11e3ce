//! The node for a Pod, or why there is none.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{NodeSelector, Pod, Taint, Toleration};
use reprise_core::objects::node_selector::{NodeFacts, selects};
use reprise_core::taints;
use reprise_core::unset::{entries, list};

use super::cluster::{Cluster, NodeState};
use super::demand::Demand;
use super::pod_affinity::Neighbours;
use super::reasons::{Reason, Unfit};
use super::score;
use super::spread::Spread;

/// Among so many nodes that would do the best one is looked for ...
const FEW: usize = 100;
/// ... or among this part of all, if that is more.
const PART: usize = 20;

const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

/// Chooses a node for `pod`, whose volumes are only where `volumes` say.
///
/// The search begins at node number `first`, so that not always the same ones are looked at where there are very many. Gives
/// the node's name and where to begin the next time.
pub(super) fn choose(
    pod: &Pod,
    cluster: &Cluster,
    volumes: &Result<Vec<NodeSelector>, String>,
    first: usize,
) -> Result<(String, usize), Unfit> {
    let nodes = cluster.nodes();
    if nodes.is_empty() {
        return Err(Unfit::NoNodes);
    }
    let volumes = volumes.as_ref().map_err(|why| Unfit::Everywhere { nodes: nodes.len(), why: why.clone() })?;
    let asked = Asked {
        pod,
        tolerations: pod.spec.as_ref().map(|spec| list(&spec.tolerations)).unwrap_or_default(),
        demand: Demand::of(pod),
        volumes,
        spread: Spread::of(pod, cluster),
        neighbours: Neighbours::of(pod, cluster),
    };
    let enough = FEW.max(nodes.len() / PART);
    let mut fit: Vec<&NodeState> = Vec::new();
    let mut looked_at = 0;
    let first = first % nodes.len();
    for node in nodes.iter().cycle().skip(first).take(nodes.len()) {
        looked_at += 1;
        if asked.obstacles(node).is_empty() {
            fit.push(node);
        }
        if fit.len() == enough {
            break;
        }
    }
    match score::best(pod, &asked.demand, &fit, cluster, &asked.spread) {
        Some(node) => Ok((node.facts.name.clone(), first + looked_at)),
        None => Err(unfit(&asked, nodes)),
    }
}

fn unfit(asked: &Asked<'_>, nodes: &[NodeState]) -> Unfit {
    let mut reasons: BTreeMap<Reason, usize> = BTreeMap::new();
    for reason in nodes.iter().flat_map(|node| asked.obstacles(node)) {
        *reasons.entry(reason).or_default() += 1;
    }
    Unfit::Each { nodes: nodes.len(), reasons }
}

struct Asked<'a> {
    pod: &'a Pod,
    tolerations: &'a [Toleration],
    demand: Demand,
    volumes: &'a [NodeSelector],
    spread: Spread,
    neighbours: Neighbours,
}

impl Asked<'_> {
    /// What is against the node: the first reason, in the order of Kubernetes' scheduler; of resources all that are missing.
    fn obstacles(&self, node: &NodeState) -> Vec<Reason> {
        let single = |reason: Reason| vec![reason];
        if node.is_unschedulable && !self.tolerates_unschedulable() {
            return single(Reason::Unschedulable);
        }
        if taints::untolerated(self.tolerations, &node.taints, &["NoSchedule", "NoExecute"]).is_some() {
            return single(Reason::Taint);
        }
        if !matches_node_affinity(self.pod, &node.facts) {
            return single(Reason::NodeAffinity);
        }
        if self.demand.ports.iter().any(|port| node.used.ports.iter().any(|used| used.conflicts(port))) {
            return single(Reason::Ports);
        }
        let missing = self.missing(node);
        if !missing.is_empty() {
            return missing;
        }
        if !self.volumes.iter().all(|selector| selects(selector, &node.facts)) {
            return single(Reason::VolumeNodeAffinity);
        }
        let others = self.spread.obstacle(node).or_else(|| self.neighbours.obstacle(node));
        others.into_iter().collect()
    }

    fn missing(&self, node: &NodeState) -> Vec<Reason> {
        let requested = &self.demand.requested;
        let mut missing = Vec::new();
        if node.used.pods >= node.most_pods {
            missing.push(Reason::TooManyPods);
        }
        if !requested.fits(&node.used.requested, &node.allocatable) {
            let names = requested.missing(&node.used.requested, &node.allocatable);
            missing.extend(names.map(|name| Reason::Insufficient(name.to_owned())));
        }
        missing
    }

    fn tolerates_unschedulable(&self) -> bool {
        let taint = Taint { key: UNSCHEDULABLE.to_owned(), effect: "NoSchedule".to_owned(), ..Taint::default() };
        self.tolerations.iter().any(|toleration| taints::tolerates(toleration, &taint))
    }
}

/// Whether the node is one that the Pod's selector and required node affinity mean.
pub(super) fn matches_node_affinity(pod: &Pod, node: &NodeFacts) -> bool {
    let Some(spec) = &pod.spec else { return true };
    let affinity = spec.affinity.as_ref().and_then(|affinity| affinity.node_affinity.as_ref());
    let required = affinity.and_then(|own| own.required_during_scheduling_ignored_during_execution.as_ref());
    entries(&spec.node_selector).all(|(key, value)| node.labels.get(key) == Some(value))
        && required.is_none_or(|selector| selects(selector, node))
}
