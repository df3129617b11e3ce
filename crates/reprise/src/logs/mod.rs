//! Containers' logs, read from the files that the runtime writes.

pub mod follow;
mod line;
mod tail;
pub mod verb;
