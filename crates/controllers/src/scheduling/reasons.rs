//! Why a Pod has no node, in the words of Kubernetes' scheduler.

use std::collections::BTreeMap;
use std::fmt;

/// What is against a node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reason {
    /// `spec.unschedulable`.
    Unschedulable,
    /// A taint.
    Taint,
    /// Its selector, or its required node affinity.
    NodeAffinity,
    /// A port of the host is taken.
    Ports,
    /// The node has as many Pods as it may have.
    TooManyPods,
    /// There is not enough of a resource.
    Insufficient(String),
    /// Its volume is on other nodes.
    VolumeNodeAffinity,
    /// A topology spread constraint.
    Spread,
    /// A node without a topology key of such a constraint.
    SpreadWithoutLabel,
    /// It must be beside Pods that are not there.
    PodAffinity,
    /// It must not be beside a Pod that is there.
    PodAntiAffinity,
    /// A Pod that is there does not want it beside it.
    AntiAffinityOfOthers,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Unschedulable => "node(s) were unschedulable",
            Self::Taint => "node(s) had untolerated taint(s)",
            Self::NodeAffinity => "node(s) didn't match Pod's node affinity/selector",
            Self::Ports => "node(s) didn't have free ports for the requested pod ports",
            Self::TooManyPods => "Too many pods",
            Self::Insufficient(resource) => return write!(f, "Insufficient {resource}"),
            Self::VolumeNodeAffinity => "node(s) didn't match PersistentVolume's node affinity",
            Self::Spread => "node(s) didn't match pod topology spread constraints",
            Self::SpreadWithoutLabel => "node(s) didn't match pod topology spread constraints (missing required label)",
            Self::PodAffinity => "node(s) didn't match pod affinity rules",
            Self::PodAntiAffinity => "node(s) didn't match pod anti-affinity rules",
            Self::AntiAffinityOfOthers => "node(s) didn't satisfy existing pods anti-affinity rules",
        };
        f.write_str(text)
    }
}

/// Why none of the nodes will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unfit {
    /// There is none.
    NoNodes,
    /// Something is against all of them.
    Everywhere {
        /// How many there are.
        nodes: usize,
        /// What it is.
        why: String,
    },
    /// Something is against each of them.
    Each {
        /// How many there are.
        nodes: usize,
        /// Against how many each reason is.
        reasons: BTreeMap<Reason, usize>,
    },
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoNodes => f.write_str("no nodes available to schedule pods"),
            Self::Everywhere { nodes, why } => write!(f, "0/{nodes} nodes are available: {why}."),
            Self::Each { nodes, reasons } => {
                let mut parts: Vec<String> =
                    reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
                parts.sort();
                write!(f, "0/{nodes} nodes are available: {}.", parts.join(", "))
            }
        }
    }
}
