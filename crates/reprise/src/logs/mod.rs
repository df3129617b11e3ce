//! Containers' logs, read from the files that the runtime writes.

mod choice;
pub mod follow;
mod line;
mod tail;
pub mod verb;
