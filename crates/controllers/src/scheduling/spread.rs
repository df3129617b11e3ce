//! Topology spread constraints: how unevenly Pods may be spread over the values of a label.

use std::collections::{BTreeMap, HashMap};

use k8s_openapi::api::core::v1::{Pod, TopologySpreadConstraint};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use reprise_core::label_selector;
use reprise_core::taints;
use reprise_core::unset::{list, text};

use super::cluster::{Cluster, NodeState};
use super::decision::matches_node_affinity;
use super::demand::labels;
use super::pod_affinity::add_own_labels;
use super::reasons::Reason;

/// A constraint, and how many Pods that it means there are in each domain.
#[derive(Debug)]
struct Constraint {
    key: String,
    most_skew: i64,
    counts: HashMap<String, i64>,
    least: i64,
    /// 1 if the Pod counts itself.
    own: i64,
}

/// All constraints of a Pod.
#[derive(Debug, Default)]
pub(super) struct Spread {
    hard: Vec<Constraint>,
    soft: Vec<Constraint>,
}

impl Spread {
    pub(super) fn of(pod: &Pod, cluster: &Cluster) -> Self {
        let constraints = pod.spec.as_ref().map(|spec| list(&spec.topology_spread_constraints)).unwrap_or_default();
        let of = |when: &str| {
            let own: Vec<_> = constraints.iter().filter(|c| c.when_unsatisfiable == when).collect();
            own.iter().map(|constraint| Constraint::of(constraint, &own, pod, cluster)).collect()
        };
        Self { hard: of("DoNotSchedule"), soft: of("ScheduleAnyway") }
    }

    /// Why it can't be on this node.
    pub(super) fn obstacle(&self, node: &NodeState) -> Option<Reason> {
        self.hard.iter().find_map(|constraint| {
            let Some(value) = node.facts.labels.get(&constraint.key) else { return Some(Reason::SpreadWithoutLabel) };
            let skew = constraint.count(value) + constraint.own - constraint.least;
            (skew > constraint.most_skew).then_some(Reason::Spread)
        })
    }

    /// The less, the better.
    pub(super) fn score(&self, node: &NodeState) -> i64 {
        let count = |constraint: &Constraint| {
            let most = || constraint.counts.values().max().copied().unwrap_or(0) + 1;
            node.facts.labels.get(&constraint.key).map_or_else(most, |value| constraint.count(value))
        };
        -self.soft.iter().map(count).sum::<i64>()
    }
}

impl Constraint {
    fn of(
        constraint: &TopologySpreadConstraint,
        all: &[&TopologySpreadConstraint],
        pod: &Pod,
        cluster: &Cluster,
    ) -> Self {
        let mut selector = constraint.label_selector.clone();
        add_own_labels(&mut selector, list(&constraint.match_label_keys), "In", labels(pod));
        let counts = |node: &NodeState| {
            all.iter().all(|other| node.facts.labels.contains_key(&other.topology_key))
                && is_counted(constraint, pod, node)
        };
        let eligible = cluster.nodes().iter().filter(|node| counts(node));
        let domains = eligible.filter_map(|node| node.facts.labels.get(&constraint.topology_key));
        let mut counts_by_domain: HashMap<String, i64> = domains.map(|value| (value.clone(), 0)).collect();
        for (placed, node) in cluster.placed() {
            let is_meant = placed.pod.metadata.namespace == pod.metadata.namespace
                && placed.pod.metadata.deletion_timestamp.is_none()
                && means(selector.as_ref(), labels(&placed.pod));
            if is_meant && counts(node) {
                let count = node.facts.labels.get(&constraint.topology_key);
                if let Some(count) = count.and_then(|value| counts_by_domain.get_mut(value)) {
                    *count += 1;
                }
            }
        }
        let enough = counts_by_domain.len() >= usize::try_from(constraint.min_domains.unwrap_or(1)).unwrap_or(1);
        let least = if enough { counts_by_domain.values().min().copied().unwrap_or(0) } else { 0 };
        Self {
            key: constraint.topology_key.clone(),
            most_skew: i64::from(constraint.max_skew),
            counts: counts_by_domain,
            least,
            own: i64::from(means(selector.as_ref(), labels(pod))),
        }
    }

    fn count(&self, value: &str) -> i64 {
        self.counts.get(value).copied().unwrap_or(0)
    }
}

/// Without a selector a constraint means no Pod.
fn means(selector: Option<&LabelSelector>, labels: &BTreeMap<String, String>) -> bool {
    selector.is_some_and(|selector| label_selector::matches(selector, labels))
}

/// Whether the node's Pods count, by the constraint's policies.
fn is_counted(constraint: &TopologySpreadConstraint, pod: &Pod, node: &NodeState) -> bool {
    let honours_affinity = text(&constraint.node_affinity_policy) != "Ignore";
    let honours_taints = text(&constraint.node_taints_policy) == "Honor";
    let tolerations = pod.spec.as_ref().map(|spec| list(&spec.tolerations)).unwrap_or_default();
    let repels = || taints::untolerated(tolerations, &node.taints, &["NoSchedule", "NoExecute"]).is_some();
    (!honours_affinity || matches_node_affinity(pod, &node.facts)) && !(honours_taints && repels())
}
