//! Which of the nodes that would do is the best.

use k8s_openapi::api::core::v1::{NodeSelector, Pod};
use reprise_core::objects::node_selector::selects;
use reprise_core::taints;
use reprise_core::unset::list;

use super::cluster::{Cluster, NodeState};
use super::demand::Demand;
use super::pod_affinity::Likes;
use super::spread::Spread;

/// How much each view counts, as in Kubernetes: every view gives each node 0 to 100.
const LEAST_ALLOCATED: i64 = 1;
const TAINTS: i64 = 3;
const NODE_AFFINITY: i64 = 2;
const POD_AFFINITY: i64 = 2;
const SPREAD: i64 = 2;

/// The best node; of several the first.
pub(super) fn best<'n>(
    pod: &Pod,
    demand: &Demand,
    nodes: &[&'n NodeState],
    cluster: &Cluster,
    spread: &Spread,
) -> Option<&'n NodeState> {
    let likes = Likes::of(pod, cluster);
    let views: [(i64, Vec<i64>); 4] = [
        (TAINTS, nodes.iter().map(|node| -unwanted_taints(pod, node)).collect()),
        (NODE_AFFINITY, nodes.iter().map(|node| preferred_affinity(pod, node)).collect()),
        (POD_AFFINITY, nodes.iter().map(|node| likes.score(node)).collect()),
        (SPREAD, nodes.iter().map(|node| spread.score(node)).collect()),
    ];
    let mut totals: Vec<i64> = nodes.iter().map(|node| LEAST_ALLOCATED * least_allocated(demand, node)).collect();
    for (weight, scores) in views {
        for (total, score) in totals.iter_mut().zip(normalized(&scores)) {
            *total += weight * score;
        }
    }
    let mut best: Option<(i64, &NodeState)> = None;
    for (total, node) in totals.into_iter().zip(nodes) {
        if best.is_none_or(|(highest, _)| total > highest) {
            best = Some((total, node));
        }
    }
    best.map(|(_, node)| node)
}

/// From 0 for the lowest to 100 for the highest; all the same if there is no difference.
fn normalized(scores: &[i64]) -> impl Iterator<Item = i64> {
    let low = scores.iter().min().copied().unwrap_or(0);
    let width = scores.iter().max().copied().unwrap_or(0) - low;
    scores.iter().map(move |score| if width == 0 { 0 } else { (score - low) * 100 / width })
}

/// The part of processors and memory that is left, in hundredths, with the Pod.
fn least_allocated(demand: &Demand, node: &NodeState) -> i64 {
    let left = |all: i64, used: i64, wanted: i64| {
        let left = all.saturating_sub(used).saturating_sub(wanted).max(0);
        if all <= 0 { 0 } else { i64::try_from(i128::from(left) * 100 / i128::from(all)).unwrap_or(0) }
    };
    let cpu = left(node.allocatable.cpu, node.used.assumed.0, demand.assumed.0);
    let memory = left(node.allocatable.memory, node.used.assumed.1, demand.assumed.1);
    (cpu + memory) / 2
}

fn unwanted_taints(pod: &Pod, node: &NodeState) -> i64 {
    let tolerations = pod.spec.as_ref().map(|spec| list(&spec.tolerations)).unwrap_or_default();
    let unwanted = node.taints.iter().filter(|taint| {
        taint.effect == "PreferNoSchedule" && !tolerations.iter().any(|own| taints::tolerates(own, taint))
    });
    i64::try_from(unwanted.count()).unwrap_or(i64::MAX)
}

fn preferred_affinity(pod: &Pod, node: &NodeState) -> i64 {
    let affinity = pod.spec.as_ref().and_then(|spec| spec.affinity.as_ref()).and_then(|own| own.node_affinity.as_ref());
    let terms = affinity.map(|own| list(&own.preferred_during_scheduling_ignored_during_execution)).unwrap_or_default();
    let holds = |term: &&k8s_openapi::api::core::v1::PreferredSchedulingTerm| {
        selects(&NodeSelector { node_selector_terms: vec![term.preference.clone()] }, &node.facts)
    };
    terms.iter().filter(holds).map(|term| i64::from(term.weight)).sum()
}
