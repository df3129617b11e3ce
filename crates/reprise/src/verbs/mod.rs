//! The verbs that look at the Pods of a node and change them, and the runtime alone.

pub mod attach;
pub mod cri;
pub mod debug;
pub mod exec;
pub mod fleet;
pub mod node;
pub mod ps;
pub mod restart;
pub mod rm;
