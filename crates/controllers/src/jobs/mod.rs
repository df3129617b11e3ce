//! The Job controller.
//!
//! One decision is a function of the Job, its Pods and the time ([`decide`]). What it says is carried out in this order, and
//! may be cut off after each write; the next decision goes on from what is there:
//!
//! ```text
//! Pods made and deleted -> status: who has ended is `uncounted`, why the Job ends -> finalizers of those removed
//!                     next decision: whose finalizer is gone is counted -> ... -> Complete or Failed
//! ```
//!
//! A Pod has the finalizer until it is among the uncounted, and it is counted when it is there without it or gone. So it
//! counts once, whatever is lost between two writes.

mod backoff;
mod conditions;
mod decision;
mod facts;
mod failure_policy;
mod index_set;
mod per_index;
mod population;
mod run;
mod success_policy;
mod template;
mod tracking;
mod ttl;
mod verdict;

#[cfg(test)]
mod decision_tests;
#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod simulation;

pub(crate) use run::JobController;

/// What keeps a Pod that has ended until it is counted.
const FINALIZER: &str = "batch.kubernetes.io/job-tracking";
/// The index of a Pod, as label and annotation.
const INDEX: &str = "batch.kubernetes.io/job-completion-index";
/// How often its index had failed before, with `backoffLimitPerIndex`.
const INDEX_FAILURES: &str = "batch.kubernetes.io/job-index-failure-count";
/// How often that did not count.
const INDEX_IGNORED_FAILURES: &str = "batch.kubernetes.io/job-index-ignored-failure-count";
