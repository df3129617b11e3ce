//! Objects whose owners are gone go too, and those that are told to wait for their dependents wait.
//!
//! ```text
//! all kinds --watch--> graph of owners and dependents --UID--> decision (pure) --> delete, or take off owners and finalizers
//! ```
//!
//! An owner that the graph does not have is asked for by name and compared by UID before anything is deleted. A UID never
//! comes back, so one that was not found never has to be asked for again.

mod decision;
mod graph;
mod owners;
mod run;

#[cfg(test)]
mod property_tests;

pub(crate) use run::GarbageCollector;
