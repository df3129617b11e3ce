//! Which Pods a Pod must, must not or would like to be beside.
//!
//! Beside means: on a node with the same value of a label, the topology key. So a decision comes down to sets of such
//! pairs, which are computed once for a Pod and then asked for each node.

use std::collections::{BTreeMap, HashMap, HashSet};

use k8s_openapi::api::core::v1::{Affinity, Pod, PodAffinityTerm, WeightedPodAffinityTerm};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use reprise_core::label_selector;
use reprise_core::unset::{list, text};

use super::cluster::{Cluster, NodeState};
use super::demand::labels;
use super::reasons::Reason;

/// A label and its value.
type Domain = (String, String);

/// A term, with what it takes from its Pod filled in.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PodTerm {
    selector: Option<LabelSelector>,
    namespaces: Vec<String>,
    namespace_selector: Option<LabelSelector>,
    topology_key: String,
}

impl PodTerm {
    fn of(term: &PodAffinityTerm, pod: &Pod) -> Self {
        let mut namespaces = list(&term.namespaces).to_vec();
        if namespaces.is_empty() && term.namespace_selector.is_none() {
            namespaces.extend(pod.metadata.namespace.clone());
        }
        let mut selector = term.label_selector.clone();
        for (keys, operator) in [(&term.match_label_keys, "In"), (&term.mismatch_label_keys, "NotIn")] {
            add_own_labels(&mut selector, list(keys), operator, labels(pod));
        }
        let namespace_selector = term.namespace_selector.clone();
        Self { selector, namespaces, namespace_selector, topology_key: term.topology_key.clone() }
    }

    /// Whether it means this Pod.
    fn means(&self, pod: &Pod, cluster: &Cluster) -> bool {
        let namespace = text(&pod.metadata.namespace);
        let by_labels = |selector: &LabelSelector| {
            let no_labels = BTreeMap::new();
            label_selector::matches(selector, cluster.namespace(namespace).unwrap_or(&no_labels))
        };
        let in_namespace = self.namespaces.iter().any(|name| name == namespace)
            || self.namespace_selector.as_ref().is_some_and(by_labels);
        in_namespace && self.selector.as_ref().is_some_and(|selector| label_selector::matches(selector, labels(pod)))
    }

    fn domain(&self, node: &NodeState) -> Option<Domain> {
        Some((self.topology_key.clone(), node.facts.labels.get(&self.topology_key)?.clone()))
    }
}

/// Asks for the Pod's own values of these labels too.
pub(super) fn add_own_labels(
    selector: &mut Option<LabelSelector>,
    keys: &[String],
    operator: &str,
    own: &BTreeMap<String, String>,
) {
    let Some(selector) = selector else { return };
    let requirements = keys.iter().filter_map(|key| {
        let values = Some(vec![own.get(key)?.clone()]);
        Some(LabelSelectorRequirement { key: key.clone(), operator: operator.to_owned(), values })
    });
    selector.match_expressions.get_or_insert_default().extend(requirements);
}

fn affinity(pod: &Pod) -> Option<&Affinity> {
    pod.spec.as_ref()?.affinity.as_ref()
}

/// The Pods that it must not be beside.
pub(super) fn required_anti(pod: &Pod) -> Vec<PodTerm> {
    let terms = affinity(pod).and_then(|affinity| affinity.pod_anti_affinity.as_ref());
    let terms = terms.map(|anti| list(&anti.required_during_scheduling_ignored_during_execution)).unwrap_or_default();
    terms.iter().map(|term| PodTerm::of(term, pod)).collect()
}

fn required(pod: &Pod) -> Vec<PodTerm> {
    let terms = affinity(pod).and_then(|affinity| affinity.pod_affinity.as_ref());
    let terms = terms.map(|own| list(&own.required_during_scheduling_ignored_during_execution)).unwrap_or_default();
    terms.iter().map(|term| PodTerm::of(term, pod)).collect()
}

/// Where a Pod may be for the sake of other Pods.
#[derive(Debug, Default)]
pub(super) struct Neighbours {
    required: Vec<(PodTerm, HashSet<Domain>)>,
    /// No Pod is meant by any term but this one itself: it is the first of its kind and may be anywhere.
    is_first: bool,
    forbidden_by_it: HashSet<Domain>,
    forbidden_by_others: HashSet<Domain>,
    /// The topology keys of the two above.
    keys: Vec<String>,
}

impl Neighbours {
    pub(super) fn of(pod: &Pod, cluster: &Cluster) -> Self {
        let mut own = Self::default();
        let (required, anti) = (required(pod), required_anti(pod));
        if !required.is_empty() {
            own.required = required.into_iter().map(|term| (term, HashSet::new())).collect();
            // A Pod counts only where all terms mean it.
            let meant =
                cluster.placed().filter(|(placed, _)| own.required.iter().all(|(t, _)| t.means(&placed.pod, cluster)));
            let nodes: Vec<&NodeState> = meant.map(|(_, node)| node).collect();
            for (term, domains) in &mut own.required {
                domains.extend(nodes.iter().filter_map(|node| term.domain(node)));
            }
            let nobody = own.required.iter().all(|(_, domains)| domains.is_empty());
            own.is_first = nobody && own.required.iter().all(|(term, _)| term.means(pod, cluster));
        }
        for term in &anti {
            let meant = cluster.placed().filter(|(placed, _)| term.means(&placed.pod, cluster));
            own.forbidden_by_it.extend(meant.filter_map(|(_, node)| term.domain(node)));
        }
        for (placed, node) in cluster.placed_with_anti_affinity() {
            let terms = placed.demand.anti_affinity.iter().filter(|term| term.means(pod, cluster));
            own.forbidden_by_others.extend(terms.filter_map(|term| term.domain(node)));
        }
        let domains = own.forbidden_by_it.iter().chain(&own.forbidden_by_others);
        own.keys = domains.map(|(key, _)| key.clone()).collect::<HashSet<_>>().into_iter().collect();
        own
    }

    /// Why it can't be on this node.
    pub(super) fn obstacle(&self, node: &NodeState) -> Option<Reason> {
        let met = |(term, domains): &(PodTerm, HashSet<Domain>)| {
            term.domain(node).is_some_and(|domain| self.is_first || domains.contains(&domain))
        };
        if !self.required.iter().all(met) {
            return Some(Reason::PodAffinity);
        }
        let mut own = self.keys.iter().filter_map(|key| Some((key.clone(), node.facts.labels.get(key)?.clone())));
        let mut by_others = false;
        let by_it = own.any(|domain| {
            by_others |= self.forbidden_by_others.contains(&domain);
            self.forbidden_by_it.contains(&domain)
        });
        match (by_it, by_others) {
            (true, _) => Some(Reason::PodAntiAffinity),
            (false, true) => Some(Reason::AntiAffinityOfOthers),
            (false, false) => None,
        }
    }
}

/// How much a Pod likes to be in each domain.
#[derive(Debug, Default)]
pub(super) struct Likes(HashMap<Domain, i64>);

impl Likes {
    pub(super) fn of(pod: &Pod, cluster: &Cluster) -> Self {
        let mut likes = Self::default();
        let Some(affinity) = affinity(pod) else { return likes };
        if let Some(own) = &affinity.pod_affinity {
            likes.add(list(&own.preferred_during_scheduling_ignored_during_execution), 1, pod, cluster);
        }
        if let Some(own) = &affinity.pod_anti_affinity {
            likes.add(list(&own.preferred_during_scheduling_ignored_during_execution), -1, pod, cluster);
        }
        likes
    }

    fn add(&mut self, terms: &[WeightedPodAffinityTerm], sign: i64, pod: &Pod, cluster: &Cluster) {
        for weighted in terms {
            let term = PodTerm::of(&weighted.pod_affinity_term, pod);
            for (_, node) in cluster.placed().filter(|(placed, _)| term.means(&placed.pod, cluster)) {
                if let Some(domain) = term.domain(node) {
                    *self.0.entry(domain).or_default() += sign * i64::from(weighted.weight);
                }
            }
        }
    }

    pub(super) fn score(&self, node: &NodeState) -> i64 {
        if self.0.is_empty() {
            return 0;
        }
        let own = |((key, value), weight): (&Domain, &i64)| {
            if node.facts.labels.get(key) == Some(value) { *weight } else { 0 }
        };
        self.0.iter().map(own).sum()
    }
}
