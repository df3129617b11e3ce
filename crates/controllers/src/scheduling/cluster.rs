//! The nodes, what Pods have taken of each, and which Pods those are.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Node, Pod, Taint};
use reprise_core::objects::node_selector::NodeFacts;
use reprise_core::resources;
use reprise_core::unset::{is_true, list, text};

use super::amounts::Amounts;
use super::demand::{Demand, HostPort};

/// All nodes and placed Pods. Only what has changed is computed again.
#[derive(Debug, Default)]
pub(super) struct Cluster {
    nodes: Vec<NodeState>,
    positions: HashMap<String, usize>,
    pods: HashMap<String, Placed>,
    pods_by_node: HashMap<String, HashSet<String>>,
    /// The UIDs of Pods that don't want some others beside them.
    pods_with_anti_affinity: HashSet<String>,
    namespaces: HashMap<String, BTreeMap<String, String>>,
}

/// A node.
#[derive(Debug)]
pub(super) struct NodeState {
    pub(super) facts: NodeFacts,
    /// Those of the node, and one for what it does not say itself: that it is not ready.
    pub(super) taints: Vec<Taint>,
    pub(super) is_unschedulable: bool,
    pub(super) allocatable: Amounts,
    pub(super) most_pods: usize,
    pub(super) used: Used,
}

/// What is taken of a node.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Used {
    pub(super) requested: Amounts,
    pub(super) assumed: (i64, i64),
    pub(super) ports: Vec<HostPort>,
    pub(super) pods: usize,
}

/// A Pod that has a node.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) pod: Arc<Pod>,
    pub(super) node: String,
    pub(super) demand: Demand,
}

impl Cluster {
    pub(super) fn nodes(&self) -> &[NodeState] {
        &self.nodes
    }

    pub(super) fn node(&self, name: &str) -> Option<&NodeState> {
        self.positions.get(name).and_then(|position| self.nodes.get(*position))
    }

    /// All Pods with a node that is there.
    pub(super) fn placed(&self) -> impl Iterator<Item = (&Placed, &NodeState)> {
        self.pods.values().filter_map(|placed| Some((placed, self.node(&placed.node)?)))
    }

    /// Those of them that don't want some others beside them.
    pub(super) fn placed_with_anti_affinity(&self) -> impl Iterator<Item = (&Placed, &NodeState)> {
        let placed = self.pods_with_anti_affinity.iter().filter_map(|uid| self.pods.get(uid));
        placed.filter_map(|placed| Some((placed, self.node(&placed.node)?)))
    }

    /// The node that a Pod counts on.
    pub(super) fn node_of(&self, uid: &str) -> Option<&str> {
        self.pods.get(uid).map(|placed| placed.node.as_str())
    }

    /// A namespace's labels.
    pub(super) fn namespace(&self, name: &str) -> Option<&BTreeMap<String, String>> {
        self.namespaces.get(name)
    }

    pub(super) fn put_namespace(&mut self, name: &str, labels: BTreeMap<String, String>) {
        self.namespaces.insert(name.to_owned(), labels);
    }

    pub(super) fn remove_namespace(&mut self, name: &str) {
        self.namespaces.remove(name);
    }

    /// Takes a node in, or what has changed of it. Whether anything that matters here has.
    pub(super) fn put_node(&mut self, node: &Node) -> bool {
        let mut state = NodeState::of(node);
        if let Some(position) = self.positions.get(&state.facts.name) {
            let Some(old) = self.nodes.get_mut(*position) else { return false };
            state.used = std::mem::take(&mut old.used);
            let is_other = !state.is_same(old);
            *old = state;
            return is_other;
        }
        for uid in self.pods_by_node.get(&state.facts.name).into_iter().flatten() {
            if let Some(placed) = self.pods.get(uid) {
                state.used.add(&placed.demand);
            }
        }
        self.positions.insert(state.facts.name.clone(), self.nodes.len());
        self.nodes.push(state);
        true
    }

    pub(super) fn remove_node(&mut self, name: &str) {
        let Some(position) = self.positions.remove(name) else { return };
        self.nodes.swap_remove(position);
        if let Some(moved) = self.nodes.get(position) {
            self.positions.insert(moved.facts.name.clone(), position);
        }
    }

    /// The Pod counts on `node` from now on, and nowhere else.
    pub(super) fn put_pod(&mut self, pod: Arc<Pod>, node: &str) {
        let uid = text(&pod.metadata.uid).to_owned();
        let demand = Demand::of(&pod);
        if let Some(placed) = self.pods.get_mut(&uid).filter(|placed| placed.node == node && placed.demand == demand) {
            placed.pod = pod;
            return;
        }
        self.remove_pod(&uid);
        if let Some(state) = self.state(node) {
            state.used.add(&demand);
        }
        if !demand.anti_affinity.is_empty() {
            self.pods_with_anti_affinity.insert(uid.clone());
        }
        self.pods_by_node.entry(node.to_owned()).or_default().insert(uid.clone());
        self.pods.insert(uid, Placed { pod, node: node.to_owned(), demand });
    }

    /// The Pod counts nowhere. Whether it did.
    pub(super) fn remove_pod(&mut self, uid: &str) -> bool {
        let Some(placed) = self.pods.remove(uid) else { return false };
        self.pods_with_anti_affinity.remove(uid);
        if let Some(uids) = self.pods_by_node.get_mut(&placed.node) {
            uids.remove(uid);
            if uids.is_empty() {
                self.pods_by_node.remove(&placed.node);
            }
        }
        if let Some(state) = self.state(&placed.node) {
            state.used.remove(&placed.demand);
        }
        true
    }

    fn state(&mut self, node: &str) -> Option<&mut NodeState> {
        self.positions.get(node).and_then(|position| self.nodes.get_mut(*position))
    }
}

impl NodeState {
    fn of(node: &Node) -> Self {
        let (spec, status) = (node.spec.as_ref(), node.status.as_ref());
        let allocatable = resources::list(status.and_then(|status| status.allocatable.as_ref()));
        let most_pods = allocatable.get("pods").map_or(0, |pods| usize::try_from(pods.value()).unwrap_or(0));
        let mut taints: Vec<Taint> = spec.map(|spec| list(&spec.taints)).unwrap_or_default().to_vec();
        taints.extend(taint_of_condition(node));
        Self {
            facts: NodeFacts {
                name: node.metadata.name.clone().unwrap_or_default(),
                labels: node.metadata.labels.clone().unwrap_or_default(),
            },
            taints,
            is_unschedulable: is_true(spec.and_then(|spec| spec.unschedulable)),
            allocatable: Amounts::of(&allocatable),
            most_pods,
            used: Used::default(),
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        self.facts == other.facts
            && self.taints == other.taints
            && self.is_unschedulable == other.is_unschedulable
            && self.allocatable == other.allocatable
            && self.most_pods == other.most_pods
    }
}

/// A node that is not known to be ready gets its taint from a controller a moment later; nothing is placed on it until then.
fn taint_of_condition(node: &Node) -> Option<Taint> {
    let conditions = node.status.as_ref().map(|status| list(&status.conditions)).unwrap_or_default();
    let ready =
        conditions.iter().find(|condition| condition.type_ == "Ready").map(|condition| condition.status.as_str());
    let key = match ready {
        Some("True") => return None,
        Some("Unknown") => "node.kubernetes.io/unreachable",
        _ => "node.kubernetes.io/not-ready",
    };
    Some(Taint { key: key.to_owned(), effect: "NoSchedule".to_owned(), value: None, time_added: None })
}

impl Used {
    fn add(&mut self, demand: &Demand) {
        self.requested.add(&demand.requested, 1);
        self.assumed = (self.assumed.0 + demand.assumed.0, self.assumed.1 + demand.assumed.1);
        self.ports.extend(demand.ports.iter().cloned());
        self.pods += 1;
    }

    fn remove(&mut self, demand: &Demand) {
        self.requested.add(&demand.requested, -1);
        self.assumed = (self.assumed.0 - demand.assumed.0, self.assumed.1 - demand.assumed.1);
        for port in &demand.ports {
            if let Some(position) = self.ports.iter().position(|used| used == port) {
                self.ports.swap_remove(position);
            }
        }
        self.pods = self.pods.saturating_sub(1);
    }
}
