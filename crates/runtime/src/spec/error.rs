//! Why a container can't be made as asked.

use super::user::UserError;
use crate::disk::DiskError;
use crate::limits::LimitError;
use crate::seccomp::ProfileError;

/// Why a container config can't be carried out. Nearly all of these are the caller's to mend.
#[derive(Debug, thiserror::Error)]
pub enum SpecError {
    /// Neither the config nor the image says what to run.
    #[error("no command specified: neither the container nor the image {image} has one")]
    NoCommand {
        /// The image.
        image: String,
    },
    /// The user is not in the image.
    #[error(transparent)]
    User(#[from] UserError),
    /// A seccomp profile that can't be used.
    #[error(transparent)]
    Seccomp(#[from] ProfileError),
    /// A limit that can't be set.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// A container whose namespace can't be joined.
    #[error("the PID namespace of container {id:?} can't be joined: {why}")]
    Target {
        /// The container.
        id: String,
        /// What is in the way.
        why: &'static str,
    },
    /// A value that makes no sense.
    #[error("{field}: {why}")]
    Invalid {
        /// Where in the request.
        field: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// A folder that could not be made.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A capability that does not exist.
    #[error("unknown capability {0:?}")]
    Capability(String),
    /// A mount without a source on this machine.
    #[error("mount {target}: {source_path} is not there")]
    MountSource {
        /// Where in the container.
        target: String,
        /// The missing source.
        source_path: String,
    },
    /// A mount that is to share what is mounted below it, on a host mount that does not.
    #[error(
        "mount {target}: {source_path} is on {point}, which is not {needed}; make it so with \
         `mount --make-rshared {point}`, or leave mountPropagation out"
    )]
    NotShared {
        /// Where in the container.
        target: String,
        /// The source.
        source_path: String,
        /// The host's mount that the source is on.
        point: String,
        /// What that mount would have to be.
        needed: &'static str,
    },
    /// A device that is not there.
    #[error("device {path} is not there")]
    Device {
        /// The device.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// Something that this runtime does not do.
    #[error("{0} is not supported by this runtime yet")]
    Unsupported(&'static str),
}
