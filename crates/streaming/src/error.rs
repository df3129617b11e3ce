//! Why a session did not begin.

use std::io;
use std::time::Duration;

/// The request was answered, but no session came of it. The client has been, or can't be, told.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The connection broke while it changed its protocol.
    #[error("the client's connection could not be upgraded for streaming")]
    Upgrade(#[source] hyper::Error),
    /// The new protocol could not begin.
    #[error("streaming could not begin on the client's connection")]
    Start(#[from] io::Error),
    /// The client was too slow.
    #[error("the client did not open all of its streams within {0:?}")]
    Creation(Duration),
    /// The client went away.
    #[error("the client closed the connection before it opened all of its streams")]
    Closed,
}
