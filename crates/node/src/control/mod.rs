//! The agent's control socket: how another process asks the agent that has the data folder.
//!
//! One JSON object per line in each direction, one answer per request, in order. The socket is only open to the
//! agent's own user: whoever can write to it can run commands in containers.

pub mod client;
pub mod protocol;
pub(crate) mod server;
