//! What can go wrong between the agent and the API. All of it is tried again for as long as the agent runs.

use std::io;
use std::path::PathBuf;

/// A call of the API that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The service account's folder does not have it.
    #[error("can't read {}: the kubelet mounts and renews it", path.display())]
    Credentials {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The service account's authority is none.
    #[error("{} has no certificate that can be used: {problem}", path.display())]
    Authority {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// No connection, or it broke.
    #[error("{operation} {server}")]
    Connection {
        /// What was tried.
        operation: &'static str,
        /// With whom.
        server: String,
        /// Why it failed.
        source: io::Error,
    },
    /// What came is not HTTP, or not what the API says.
    #[error("{server} has sent {problem}: is it a Kubernetes API?")]
    Protocol {
        /// Who.
        server: String,
        /// What it has sent.
        problem: String,
    },
    /// The API has refused it.
    #[error("{operation}: {code} {message}")]
    Refused {
        /// What was asked for, and of what.
        operation: String,
        /// The HTTP status.
        code: u16,
        /// The API's own words.
        message: String,
    },
    /// There is no such JobSet.
    #[error("there is no JobSet {name} in the namespace {namespace}: is JOBSET_NAME right?")]
    NoJobSet {
        /// Its name.
        name: String,
        /// Its namespace.
        namespace: String,
    },
    /// The version from which to watch is too old (410): the JobSet is to be read again.
    #[error("the version to watch from is too old")]
    Expired,
}

/// An error with all that has led to it, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
