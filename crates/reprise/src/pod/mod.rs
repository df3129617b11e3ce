//! A Pod as the verbs show it, whether an agent answered or its records were read from disk.

mod report;
pub mod state_text;
pub mod summary;
#[cfg(test)]
pub mod testing;

pub use report::PodReport;
