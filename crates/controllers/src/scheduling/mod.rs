//! Placing Pods on nodes.
//!
//! What the nodes have and what is taken of it is kept up to date with each change ([`Cluster`]), so that a decision looks at
//! sums and not at Pods. A Pod that was placed counts at once, before the API has said so.

mod amounts;
mod cluster;
mod decision;
mod demand;
mod pod_affinity;
mod reasons;
mod run;
mod score;
mod spread;
mod volumes;
mod waiting;
mod writes;

#[cfg(test)]
mod decision_tests;
#[cfg(test)]
mod property_tests;

pub(crate) use run::Scheduler;
