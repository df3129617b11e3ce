//! The duties that a Kubernetes cluster's controllers have, for one machine, against any Kubernetes API.
//!
//! ```text
//! API --watch--> caches (cache) --changes--> keys (agenda, queue) --> decision (pure) --> writes --> API
//!                   ^                                                                       |
//!                   +------------------- what was written is known at once ----------------+
//! ```
//!
//! Each controller watches, decides by a pure function of values, and writes; none of them has a state of its own. What was
//! not written when one dies is decided again by the next, from what the API has.

mod agenda;
mod cache;
mod caches;
mod claims;
mod disruption;
mod error;
mod garbage;
mod jobs;
mod jobsets;
mod kinds;
mod leadership;
mod namespaces;
mod nodes;
mod pod_gc;
mod queue;
mod recorder;
mod scheduling;
mod start;

pub use jobsets::{JobSetMetrics, start_job_sets};
pub use leadership::Candidate;
pub use start::{Controllers, Options, start};
