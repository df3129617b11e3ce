//! Simulated fleets: many nodes in one process, each with the real agent and membership over a runtime that only pretends.
//!
//! ```text
//!                    Fleet: one process
//!   the API <==few HTTP/2 connections==> cluster::join  (one per node: Node object, lease, Pods, statuses)
//!                                        node::Node     (one per node: plan, ledger, probes, all that a real node does)
//!                                        HollowRuntime  (one per node: CRI v1 in memory; containers are timers)
//!   the API <==the same connections====> agent          (what the restart agent in a Pod does)
//! ```
//!
//! Nothing of what an agent decides, writes or tells is simulated; what is: processes (times to start and to end are drawn around
//! what the embedded runtime was measured to take), images (all are there), and the Pods' network (HTTP probes go through a
//! proxy in this process, which knows what each Pod serves; nothing else reaches a Pod).

mod agent;
mod census;
mod command;
mod error;
mod fleet;
mod network;
mod runtime;
mod times;

pub use census::Counts;
pub use command::{Command, CommandError, Timed};
pub use error::FleetError;
pub use fleet::{Fleet, FleetOptions};
pub use runtime::{HollowRuntime, World};
pub use times::Times;
