//! From a layer's tar stream to a folder that overlayfs can use as a lower layer.
//!
//! Archives come from strangers, and unpacking runs as root. Two things keep it safe: every
//! operation is relative to a directory descriptor inside the target, resolved by the kernel with
//! `openat2` so that no name and no symlink can lead outside ([`tree`]); and entry count, sizes and
//! header lengths are bounded ([`Limits`]), so that a small archive cannot fill memory or disk.

mod archive;
mod decompress;
mod header_field;
mod metadata;
mod name;
mod pax;
mod stage;
mod tree;
mod unpack;

use std::io;

pub(crate) use archive::{Archive, Kind};
pub(crate) use decompress::decompress;
pub(crate) use metadata::Metadata;
pub(crate) use name::EntryName;
pub(crate) use stage::{Blob, StagedLayer, make_root, stage};
pub(crate) use tree::Tree;

/// Bounds for one layer.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Entries of the archive, and folders that are needed for them.
    pub entries: u64,
    /// Bytes of the uncompressed archive.
    pub bytes: u64,
}

impl Default for Limits {
    /// Far above any layer seen in practice: two million files, 256 GiB.
    fn default() -> Self {
        Self { entries: 2_000_000, bytes: 256 << 30 }
    }
}

/// Why a layer cannot be unpacked. Trying again gives the same answer, except for `Io`.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// An entry's name starts with `/`.
    #[error("entry {name:?} has an absolute name")]
    AbsoluteName {
        /// The entry.
        name: String,
    },
    /// An entry's name has a `..` in it.
    #[error("entry {name:?} leads out of the layer")]
    ParentName {
        /// The entry.
        name: String,
    },
    /// An entry's name cannot be a file name, or is a malformed whiteout.
    #[error("entry {name:?} has an impossible name")]
    ImpossibleName {
        /// The entry.
        name: String,
    },
    /// A parent of the entry is a file or a symlink that leads nowhere.
    #[error("entry {name:?} lies in something that is not a directory")]
    NotADirectory {
        /// The entry.
        name: String,
    },
    /// A hard link to a folder, or to something that the layer does not hold.
    #[error("entry {name:?} is a hard link to {target:?}, which is no file of the layer")]
    HardLinkTarget {
        /// The entry.
        name: String,
        /// What it links to.
        target: String,
    },
    /// A kind of entry that layers do not have.
    #[error("entry {name:?} is of type {kind:?}, which layers cannot hold")]
    UnsupportedEntry {
        /// The entry.
        name: String,
        /// The tar type flag.
        kind: char,
    },
    /// More entries than [`Limits::entries`].
    #[error("it has more than {limit} entries")]
    TooManyEntries {
        /// The bound.
        limit: u64,
    },
    /// More bytes than [`Limits::bytes`].
    #[error("it has more than {limit} bytes")]
    TooLarge {
        /// The bound.
        limit: u64,
    },
    /// Folders lie deeper in each other than any honest ones.
    #[error("entry {name:?} lies more than {limit} folders deep")]
    TooDeep {
        /// The entry, or the start of its name.
        name: String,
        /// The bound.
        limit: usize,
    },
    /// The names of folders would fill memory.
    #[error("the names of its folders have more than {limit} bytes")]
    TooManyNames {
        /// The bound.
        limit: usize,
    },
    /// An extended header longer than any honest one.
    #[error("it has an extended header of {size} bytes")]
    HeaderTooLarge {
        /// Its length.
        size: u64,
    },
    /// Not a tar archive, or a damaged one.
    #[error("it is not a sound tar archive: {reason}")]
    Malformed {
        /// What is wrong.
        reason: &'static str,
    },
    /// The compressed stream is damaged, or ended early.
    #[error("its data cannot be read")]
    Read {
        /// The decoder's error.
        source: io::Error,
    },
    /// The layer's own digest is not what the manifest says.
    #[error("its {what} digest is {actual}, expected {expected}")]
    Digest {
        /// `compressed` or `uncompressed`.
        what: &'static str,
        /// From the manifest or configuration.
        expected: crate::Digest,
        /// Of the content.
        actual: crate::Digest,
    },
    /// A system call failed.
    #[error("cannot {operation} {name:?}")]
    Io {
        /// What was tried, as a verb.
        operation: &'static str,
        /// The entry.
        name: String,
        /// The system's error.
        source: io::Error,
    },
}

impl UnpackError {
    pub(crate) fn io(operation: &'static str, name: impl AsRef<std::path::Path>, source: impl Into<io::Error>) -> Self {
        Self::Io { operation, name: name.as_ref().to_string_lossy().into_owned(), source: source.into() }
    }
}

/// Unpacks a layer of unknown digest into the empty folder `root`; gives the bytes and files that it counted.
#[cfg(feature = "fuzzing")]
pub(crate) fn unpack_unproven(layer: &[u8], root: &std::path::Path, limits: Limits) -> Result<(u64, u64), UnpackError> {
    let stream = decompress(layer).map_err(|source| UnpackError::Read { source })?;
    unpack::unpack(stream, Tree::open(root)?, limits).map(|unpacked| (unpacked.bytes, unpacked.inodes))
}

#[cfg(test)]
mod tests;
