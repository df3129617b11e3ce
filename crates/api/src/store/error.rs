//! Why a store can't be opened.

use std::path::PathBuf;

use super::object::Key;
use super::seal::SealError;

/// Why a store can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("{} is in use by another API server: stop that one, or use another --data-dir", .0.display())]
    InUse(PathBuf),
    /// The file can't be read or written.
    #[error("can't open the database {}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no database of ours, or not what was written into it.
    #[error("the database {} is damaged: {problem}; put a copy of it back, or move it away to begin with no objects", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A newer version of this program has written it.
    #[error("the database {} is of a newer version of this program ({problem}): use that one", .path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// What is newer.
        problem: String,
    },
    /// An object can't be decrypted.
    #[error("can't decrypt {key} in {}: {problem}", .path.display())]
    Sealed {
        /// The file.
        path: PathBuf,
        /// The object.
        key: Key,
        /// What is wrong.
        problem: SealError,
    },
    /// The writer's thread can't be started.
    #[error("can't start a thread for the database")]
    Thread(#[source] std::io::Error),
}

/// Why a record can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum RecordError {
    #[error("it ends too early")]
    Cut,
    #[error("its layout {0} is not known")]
    Layout(u8),
    #[error("its revision {0} is not that of its object")]
    Revision(u64),
    #[error(transparent)]
    Sealed(#[from] SealError),
}
