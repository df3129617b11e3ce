//! What can go wrong for a client.

use std::io;

use hyper::StatusCode;

/// Why a client got no session, or a session no outcome.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The connection does not carry HTTP.
    #[error("the streaming request could not be made")]
    Http(#[from] hyper::Error),
    /// The server answered something else.
    #[error("the server refused to stream with {status}: {message}")]
    Refused {
        /// The answer's status.
        status: StatusCode,
        /// The answer's beginning.
        message: String,
    },
    /// The server switched to a protocol that was not asked for.
    #[error("the server switched to {0:?}, which it was not asked for")]
    Protocol(String),
    /// The connection failed.
    #[error("the streaming connection failed")]
    Connection(#[from] io::Error),
    /// The server does not take a stream.
    #[error("the server did not accept the {0} stream")]
    Stream(&'static str),
    /// The server ended the session without saying how the command ended.
    #[error("the server closed the session without an outcome")]
    NoOutcome,
    /// What the server says about the command's end can't be read.
    #[error("the server sent an outcome that can't be read: {text}")]
    Outcome {
        /// What it sent.
        text: String,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
}
