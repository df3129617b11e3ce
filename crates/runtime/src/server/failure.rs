//! What goes wrong in a call, and the gRPC code that says so.

use std::error::Error as StdError;
use std::io::ErrorKind;

use reprise_images::Error as ImageError;
use reprise_streaming::{CommandStreamsError, TooManyRequests};
use tonic::{Code, Status};

use crate::disk::DiskError;
use crate::error::chain;
use crate::limits::LimitError;
use crate::network::NetworkError;
use crate::shim_client::ShimError;
use crate::spec::SpecError;

/// A call that failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// There is no such object.
    #[error("{kind} {id:?} not found")]
    NotFound {
        /// `sandbox`, `container` or `image`.
        kind: &'static str,
        /// What was asked for.
        id: String,
    },
    /// Several objects have ids that begin so.
    #[error("several {kind} ids begin with {id:?}: give more of it")]
    Ambiguous {
        /// `sandbox` or `container`.
        kind: &'static str,
        /// What was asked for.
        id: String,
    },
    /// An object of that name is there, or is being made.
    #[error("{kind} {name:?} exists already{}", of.as_ref().map(|id| format!(": {id}")).unwrap_or_default())]
    Exists {
        /// `sandbox` or `container`.
        kind: &'static str,
        /// Its name and what else makes it unique.
        name: String,
        /// Its id, if it has one yet.
        of: Option<String>,
    },
    /// The object is not in a state for this.
    #[error("{kind} {id} {state}")]
    State {
        /// `sandbox` or `container`.
        kind: &'static str,
        /// Which.
        id: String,
        /// What is in the way.
        state: &'static str,
    },
    /// The request lacks something.
    #[error("the request has no {0}")]
    Missing(&'static str),
    /// The request has a value that makes no sense.
    #[error("{field}: {why}")]
    Invalid {
        /// Where in the request.
        field: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// It took longer than allowed.
    #[error("{0} took longer than the {1} s it was given")]
    Timeout(&'static str, u64),
    /// A number that is no port.
    #[error("{0} is not a port: 1 to 65535 are")]
    Port(i32),
    /// Streams that don't go together.
    #[error(transparent)]
    Streams(#[from] CommandStreamsError),
    /// More clients are awaited than there can be.
    #[error(transparent)]
    TooMany(#[from] TooManyRequests),
    /// An attached client did not keep up, or the shim is gone.
    #[error("the output of container {0} came faster than this client took it, so it was detached; the log has it all")]
    TooSlow(String),
    /// A program could not be run in a container.
    #[error("run the program: {0}")]
    NotRun(String),
    /// The container can't be made so.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// Its limits can't be set so.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// The shim failed.
    #[error(transparent)]
    Shim(#[from] ShimError),
    /// The network failed.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The image store failed.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// A record failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A helper could not be run.
    #[error("run the helper for {0}")]
    Helper(&'static str, #[source] std::io::Error),
}

impl Failure {
    fn code(&self) -> Code {
        match self {
            _ if exhausted(self) => Code::ResourceExhausted,
            Self::Image(e) => image_code(e),
            Self::NotFound { .. } => Code::NotFound,
            Self::Exists { .. } => Code::AlreadyExists,
            Self::State { .. } | Self::Spec(SpecError::Target { .. }) => Code::FailedPrecondition,
            Self::Network(e) if e.is_port_conflict() => Code::FailedPrecondition,
            Self::Ambiguous { .. }
            | Self::Missing(_)
            | Self::Invalid { .. }
            | Self::Limit(LimitError::Invalid { .. })
            | Self::Network(NetworkError::HostPort(_))
            | Self::Port(_)
            | Self::Streams(_) => Code::InvalidArgument,
            Self::Spec(SpecError::Unsupported(_)) | Self::Limit(LimitError::Unsupported(_)) => Code::Unimplemented,
            Self::Spec(SpecError::Limit(LimitError::Unsupported(_))) => Code::Unimplemented,
            Self::Spec(SpecError::Disk(_)) => Code::Unknown,
            Self::Spec(_) => Code::InvalidArgument,
            Self::Timeout(..) => Code::DeadlineExceeded,
            Self::TooMany(_) | Self::TooSlow(_) => Code::ResourceExhausted,
            Self::Shim(ShimError::Gone(_)) => Code::Unavailable,
            Self::NotRun(_) | Self::Shim(_) | Self::Network(_) | Self::Disk(_) | Self::Limit(_) | Self::Helper(..) => {
                Code::Unknown
            }
        }
    }
}

fn image_code(error: &ImageError) -> Code {
    match error.decisive() {
        ImageError::NotFound { .. } | ImageError::NotStored { .. } => Code::NotFound,
        ImageError::InvalidReference { .. }
        | ImageError::Ambiguous { .. }
        | ImageError::InvalidCredentials { .. }
        | ImageError::InvalidHolder { .. } => Code::InvalidArgument,
        ImageError::Unauthorized { .. } => Code::Unauthenticated,
        ImageError::Unreachable { .. } | ImageError::TooManyRequests { .. } => Code::Unavailable,
        ImageError::NoSpace { .. } => Code::ResourceExhausted,
        ImageError::Pinned { .. } | ImageError::NoCapableHost { .. } | ImageError::RegistryConfig { .. } => {
            Code::FailedPrecondition
        }
        _ => Code::Unknown,
    }
}

/// Whether the cause of it all is a full disk, a quota, or no more processes, files or memory.
fn exhausted(failure: &Failure) -> bool {
    // What a shim or helper says comes as a sentence.
    if let Failure::Shim(ShimError::Refused(sentence)) = failure {
        return [libc::ENOSPC, libc::EDQUOT].iter().any(|e| sentence.contains(&format!("(os error {e})")));
    }
    let mut cause: Option<&(dyn StdError + 'static)> = Some(failure);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            let used_up = [libc::EAGAIN, libc::EMFILE, libc::ENFILE, libc::ENOMEM].map(Some);
            let full = [ErrorKind::StorageFull, ErrorKind::QuotaExceeded].contains(&io.kind());
            return full || used_up.contains(&io.raw_os_error());
        }
        cause = error.source();
    }
    false
}

impl From<Failure> for Status {
    fn from(failure: Failure) -> Self {
        Self::new(failure.code(), chain(&failure))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_from_other_failures_wherever_it_is_met() {
        let full = std::io::Error::from_raw_os_error(libc::ENOSPC);
        let disk = DiskError::Io { operation: "write", path: "/x".into(), source: full };
        assert_eq!(Failure::from(disk).code(), Code::ResourceExhausted);
        let said = "make /x: No space left on device (os error 28)".to_owned();
        assert_eq!(Failure::from(ShimError::Refused(said)).code(), Code::ResourceExhausted);
        assert_eq!(Failure::from(ShimError::Refused("no".to_owned())).code(), Code::Unknown);
    }
}
