//! What can be asked of the store, and why it may refuse.

use jiff::Timestamp;
use serde_json::Value;

use super::object::{Fields, Key, Stored};

/// What must be there for a change to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// Nothing under this key.
    Absent,
    /// The object as it was at this revision.
    Revision(u64),
    /// Whatever is there, or nothing.
    Any,
}

/// One change.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// The object is to be so.
    Put {
        /// Its key.
        key: Key,
        /// What must be there before.
        expect: Expect,
        /// The object. The store sets its `metadata.resourceVersion`, whatever is in it.
        object: Value,
        /// What field selectors can ask for.
        fields: Fields,
        /// When the store is to delete it by itself, as it does with Events.
        expires_at: Option<Timestamp>,
    },
    /// The object is to be gone.
    Delete {
        /// Its key.
        key: Key,
        /// What must be there before.
        expect: Expect,
    },
}

impl Change {
    /// The object that it is about.
    #[must_use]
    pub fn key(&self) -> &Key {
        match self {
            Self::Put { key, .. } | Self::Delete { key, .. } => key,
        }
    }
}

/// Why a change was not made. Nothing of it is stored then, but see [`WriteError::Storage`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// Something is there, and nothing was expected.
    #[error("{} already exists", .0.key)]
    Exists(Stored),
    /// Nothing is there, and something was expected.
    #[error("{0} is not there")]
    NotFound(Key),
    /// The object is of another revision. Read it, and try again.
    #[error("{} has been modified", .0.key)]
    Conflict(Stored),
    /// The store doesn't have this resource: see `StoreOptions::resources`.
    #[error("the store is not told to keep {0}")]
    UnknownResource(&'static str),
    /// What is to be stored is no JSON object with `metadata`.
    #[error("{0} is no object with metadata")]
    NoObject(Key),
    /// It could not be sealed.
    #[error("can't encrypt {key}: {problem}")]
    Seal {
        /// What was to be stored.
        key: Key,
        /// What is wrong.
        problem: String,
    },
    /// The disk has failed or is full. Whether the change is made is open: it is made if it is seen later.
    #[error("can't write the database: {0}")]
    Storage(String),
    /// The store has been closed.
    #[error("the store is closed")]
    Closed,
}
