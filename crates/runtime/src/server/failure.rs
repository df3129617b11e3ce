//! What goes wrong in a call, and the gRPC code that says so.

use reprise_images::Error as ImageError;
use reprise_streaming::{CommandStreamsError, TooManyRequests};
use tonic::{Code, Status};

use crate::disk::DiskError;
use crate::error::chain;
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
            Self::Image(e) => image_code(e),
            Self::NotFound { .. } => Code::NotFound,
            Self::State { .. } => Code::FailedPrecondition,
            Self::Network(NetworkError::HostPort(_)) => Code::InvalidArgument,
            Self::Network(e) if e.is_port_conflict() => Code::FailedPrecondition,
            Self::Missing(_) | Self::Port(_) | Self::Streams(_) => Code::InvalidArgument,
            Self::Spec(SpecError::Unsupported(_)) => Code::Unimplemented,
            Self::Spec(_) => Code::InvalidArgument,
            Self::Timeout(..) => Code::DeadlineExceeded,
            Self::Disk(e) if e.is_no_space() => Code::ResourceExhausted,
            Self::TooMany(_) | Self::TooSlow(_) => Code::ResourceExhausted,
            Self::Shim(ShimError::Gone(_)) => Code::Unavailable,
            Self::NotRun(_) | Self::Shim(_) | Self::Network(_) | Self::Disk(_) | Self::Helper(..) => Code::Unknown,
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

impl From<Failure> for Status {
    fn from(failure: Failure) -> Self {
        Self::new(failure.code(), chain(&failure))
    }
}
