//! The node's image store: OCI and Docker images from registries and archives, unpacked for overlayfs.
//!
//! Three things can't go wrong here. An image is never half there: layers are unpacked aside,
//! proven by their digests, and appear together with the image in one rename ([`ImageStore`]).
//! What a container uses is never removed ([`ImageStore::lease`]). And an archive cannot write
//! outside of its layer, whatever names and symlinks it holds ([`UnpackError`]).

#![forbid(unsafe_code)]

mod built;
mod commit;
mod digest;
mod error;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod hosts;
mod image;
mod import;
mod index;
mod layer;
mod lease;
mod lock;
mod manifest;
mod pull;
mod reference;
mod remove;
mod store;
mod work;

pub use built::{BuiltContent, BuiltFile, BuiltImage};
pub use digest::Digest;
pub use error::{Error, Result};
pub use image::Image;
pub use layer::{Limits, UnpackError};
pub use lease::Lease;
pub use pull::{Credentials, DockerConfig, LayerProgress, Logins, Progress, ProgressSink};
pub use reference::{Reference, Version};
pub use remove::Removed;
pub use store::{ImageStore, Usage};

#[cfg(test)]
mod mount_tests;
#[cfg(test)]
mod store_tests;
#[cfg(test)]
mod testing;
