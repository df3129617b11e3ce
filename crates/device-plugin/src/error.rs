//! Calls of a plugin or an agent that failed.

use std::time::Duration;

use tonic::{Code, Status};

/// A call that failed, in the words in which Kubernetes tells of it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PluginError {
    /// The other side refused, or can't be reached.
    #[error("rpc error: code = {} desc = {message}", name(*code))]
    Call {
        /// gRPC's code.
        code: Code,
        /// What the other side says.
        message: String,
    },
    /// It does not answer.
    #[error("{operation} was not answered within {limit:?}")]
    Timeout {
        /// The call.
        operation: &'static str,
        /// How long it could have taken.
        limit: Duration,
    },
    /// It answered for another number of containers than it was asked for.
    #[error("{operation} was answered for {got} containers instead of 1")]
    Answers {
        /// The call.
        operation: &'static str,
        /// For how many.
        got: usize,
    },
}

impl From<Status> for PluginError {
    fn from(status: Status) -> Self {
        Self::Call { code: status.code(), message: status.message().to_owned() }
    }
}

/// As Go spells it; only one differs.
fn name(code: Code) -> String {
    if code == Code::Cancelled { "Canceled".to_owned() } else { format!("{code:?}") }
}
