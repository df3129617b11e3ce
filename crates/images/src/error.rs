//! What can go wrong with images, sorted by who can do something about it.
//!
//! The runtime turns these into gRPC codes and the CLI into sentences, so each variant is one
//! situation, never a text to be searched.

use std::io;
use std::path::{Path, PathBuf};

use crate::digest::Digest;
use crate::layer::UnpackError;

/// Result of an operation on images.
pub type Result<T> = std::result::Result<T, Error>;

/// An operation on the image store, a registry or an archive failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is not an image reference. Not retryable.
    #[error("invalid image reference {reference:?}: {reason}")]
    InvalidReference {
        /// What was given.
        reference: String,
        /// The rule it breaks.
        reason: &'static str,
    },

    /// The store has no such image.
    #[error("image {reference} is not in the image store; pull or import it first")]
    NotStored {
        /// Name or id asked for.
        reference: String,
    },

    /// The registry answered that it has no such repository, tag, digest or layer.
    #[error("{reference} does not exist in its registry; check the name and the tag")]
    NotFound {
        /// Image, or the part of it, asked for.
        reference: String,
    },

    /// The registry refused the request. Retryable only with other credentials.
    #[error("registry {registry} refuses {reference}: {hint}")]
    Unauthorized {
        /// Image asked for.
        reference: String,
        /// Registry host.
        registry: String,
        /// What the user can do.
        hint: &'static str,
    },

    /// No answer from the registry, or the connection broke. Retryable.
    #[error("registry {registry} cannot be reached; check its name, the network and the proxy settings")]
    Unreachable {
        /// Registry host.
        registry: String,
        /// The transport's error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },

    /// The registry limits how often this client may ask. Retryable, later.
    #[error("registry {registry} allows no more requests for now; wait, or log in for a higher limit")]
    TooManyRequests {
        /// Registry host.
        registry: String,
    },

    /// The registry answered with something that the protocol does not foresee. Retryable.
    #[error("registry {registry} failed on {reference}: {message}")]
    Registry {
        /// Registry host.
        registry: String,
        /// Image asked for.
        reference: String,
        /// The registry's status and words.
        message: String,
    },

    /// The HTTP client cannot be set up on this machine.
    #[error("no HTTPS client for registries; is the package ca-certificates installed?")]
    Client {
        /// The client's error.
        source: reqwest::Error,
    },

    /// Several hosts may have the registry's images, and none gave this one.
    #[error("no host gave {reference}; tried {tried}")]
    NoHost {
        /// Image, or the part of it, asked for.
        reference: String,
        /// The hosts in their order, with the reasons of all but the last.
        tried: String,
        /// What the last one said, which is the registry itself unless it is configured away.
        source: Box<Error>,
    },

    /// All configured hosts are kept from giving it.
    #[error(
        "no configured host may give {reference}; add \"pull\" and, for tags, \"resolve\" to the capabilities of one"
    )]
    NoCapableHost {
        /// Image, or the part of it, asked for.
        reference: String,
    },

    /// The folder with mirrors and certificates has a mistake in it.
    #[error("{}: {reason}", path.display())]
    RegistryConfig {
        /// The file.
        path: PathBuf,
        /// Field, value, and what is wrong with it.
        reason: String,
    },

    /// Credentials came in a form that cannot be read.
    #[error("the credentials for {reference} cannot be read: {reason}")]
    InvalidCredentials {
        /// Image asked for.
        reference: String,
        /// What is wrong with them.
        reason: &'static str,
    },

    /// So short a start of an id that several images have it.
    #[error("{prefix} is the start of several image ids: {ids}; give more of it")]
    Ambiguous {
        /// What was given.
        prefix: String,
        /// The images' ids.
        ids: String,
    },

    /// Manifest, configuration or archive is not what the image specification prescribes.
    #[error("{what} is not a valid image: {reason}")]
    InvalidImage {
        /// Image, archive or document.
        what: String,
        /// What is wrong with it.
        reason: String,
    },

    /// The image exists, but not for this machine.
    #[error("{reference} has no image for {platform}; it has {available}")]
    NoMatchingPlatform {
        /// Image asked for.
        reference: String,
        /// This machine's platform.
        platform: String,
        /// Platforms on offer.
        available: String,
    },

    /// Content differs from its digest: damaged on the way, or tampered with. Retryable.
    #[error("{what} has digest {actual}, expected {expected}")]
    DigestMismatch {
        /// The document or layer.
        what: String,
        /// The digest it was asked for by.
        expected: Digest,
        /// The digest of what came.
        actual: Digest,
    },

    /// A layer could not be unpacked.
    #[error("layer {layer} cannot be unpacked")]
    Unpack {
        /// The layer's diff id.
        layer: Digest,
        /// What it holds that cannot be.
        source: UnpackError,
    },

    /// The file system is full. Retryable once there is room.
    #[error("no space left for images in {}; remove images or make room there", path.display())]
    NoSpace {
        /// The file or folder that could not grow.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },

    /// Credentials are kept in a program outside of the Docker config file.
    #[error(
        "{} keeps the credentials for {registry} in the helper {helper:?}, which is not supported; \
         put an \"auths\" entry into that file", path.display()
    )]
    CredentialHelper {
        /// The config file.
        path: PathBuf,
        /// Registry host.
        registry: String,
        /// Helper's name.
        helper: String,
    },

    /// The Docker config file cannot be understood.
    #[error("{} is not a valid Docker config file: {reason}", path.display())]
    DockerConfig {
        /// The config file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },

    /// The image is part of the program and cannot be removed.
    #[error("image {reference} is built in and cannot be removed")]
    Pinned {
        /// Name or id given.
        reference: String,
    },

    /// A lease holder's name cannot be a file name.
    #[error("invalid lease holder {holder:?}: use letters, digits, '-', '_' and '.', at most 200")]
    InvalidHolder {
        /// What was given.
        holder: String,
    },

    /// The store was written by a newer release.
    #[error("{} was written by a newer release (format {found}); upgrade, or use another folder", path.display())]
    NewerFormat {
        /// The index file.
        path: PathBuf,
        /// Its format number.
        found: u32,
    },

    /// The store's own files are damaged.
    #[error("{} is damaged; remove the image store's folder and pull again", path.display())]
    Damaged {
        /// The unreadable file.
        path: PathBuf,
        /// Why it is unreadable.
        source: serde_json::Error,
    },

    /// Others kept removing layers of this image while it was being added. Retryable.
    #[error("layers of {reference} were removed while it was being added; try again")]
    Contended {
        /// The image.
        reference: String,
    },

    /// A background task of the process was stopped, which happens at shutdown only.
    #[error("interrupted while working on {reference}")]
    Interrupted {
        /// The image.
        reference: String,
    },

    /// A system call failed.
    #[error("cannot {operation} {}", path.display())]
    Io {
        /// What was tried, as a verb.
        operation: &'static str,
        /// On which file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

impl Error {
    /// A failed system call on `path`; a full disk gets its own variant.
    pub(crate) fn io(operation: &'static str, path: &Path, source: impl Into<io::Error>) -> Self {
        let source = source.into();
        let path = path.to_path_buf();
        if is_no_space(&source) { Self::NoSpace { path, source } } else { Self::Io { operation, path, source } }
    }

    /// An unpacking failure of the layer `layer` in `dir`; a full disk gets its own variant.
    pub(crate) fn unpack(layer: &Digest, dir: &Path, source: UnpackError) -> Self {
        match source {
            UnpackError::Io { source, .. } if is_no_space(&source) => Self::NoSpace { path: dir.to_path_buf(), source },
            source => Self::Unpack { layer: layer.clone(), source },
        }
    }

    /// What decides how to go on: where several hosts were asked, what the last one said.
    pub fn decisive(&self) -> &Self {
        match self {
            Self::NoHost { source, .. } => source.decisive(),
            own => own,
        }
    }

    /// Whether trying again at once may help.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(self.decisive(), Self::Unreachable { .. })
    }

    /// Whether another host may do better: it is not this machine that failed.
    pub(crate) fn is_of_host(&self) -> bool {
        !matches!(self, Self::NoSpace { .. } | Self::Io { .. } | Self::Interrupted { .. })
    }
}

fn is_no_space(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
