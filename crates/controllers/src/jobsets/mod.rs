//! The JobSet controller.
//!
//! What is decided is in the crate `jobset`, as a function of the JobSet, its Jobs, a count of its Pods and the time. Pods are
//! counted as they change ([`fleets`]); only a change after which Pods are to restart or to go on leads to a decision.

mod fleets;
mod metrics;
mod run;
mod standalone;
mod writes;

pub use metrics::JobSetMetrics;
pub(crate) use run::{JobSetController, Watched};
pub use standalone::start_job_sets;
