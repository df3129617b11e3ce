//! Probes and lifecycle hooks, carried out.
//!
//! The core decides which probes and hooks run and what follows from them; here they are run, counted and told:
//!
//! ```text
//! plan.probes --> Probers: one task per probe --try--> container --> Event for each failure
//!                                  |
//!                                  +--verdict that differs from the last one--> mail --> Observed.probes
//! ```

mod exec;
mod grpc;
pub(crate) mod hook;
pub(crate) mod http;
pub(crate) mod pre_stop;
mod prober;
pub(crate) mod probers;
mod schedule;
mod subject;
mod target;
mod tcp;
mod tried;
mod words;

pub(crate) use prober::Prober;
pub(crate) use subject::Subject;
