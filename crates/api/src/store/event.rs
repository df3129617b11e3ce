//! What watchers hear of a change: made once, shared by all of them.

use bytes::Bytes;

use super::object::Stored;

/// What has happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// It was not there before.
    Added,
    /// It was there, and is another now.
    Modified,
    /// It is gone.
    Deleted,
}

impl EventKind {
    /// As a watch has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Added => "ADDED",
            Self::Modified => "MODIFIED",
            Self::Deleted => "DELETED",
        }
    }

    /// What stands before the object in a line of a watch; [`AFTER_OBJECT`] stands behind it.
    #[must_use]
    pub fn before_object(self) -> &'static str {
        match self {
            Self::Added => r#"{"type":"ADDED","object":"#,
            Self::Modified => r#"{"type":"MODIFIED","object":"#,
            Self::Deleted => r#"{"type":"DELETED","object":"#,
        }
    }
}

/// What stands behind the object in a line of a watch.
pub const AFTER_OBJECT: &str = "}\n";

/// One change of one object.
#[derive(Debug)]
pub struct Event {
    /// What has happened.
    pub kind: EventKind,
    /// The object as it is now; if it is gone, its last state with the revision at which it went.
    pub object: Stored,
    /// The object as it was before; none if it is new.
    pub old: Option<Stored>,
    /// The line. The object's JSON is a part of these bytes, so the line costs nothing more.
    pub(super) line: Bytes,
}

impl Event {
    /// The revision of the change.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.object.revision
    }

    /// The bytes that are kept for it.
    pub(super) fn bytes(&self) -> usize {
        self.line.len() + self.old.as_ref().map_or(0, |old| old.json.len())
    }

    /// The line of a JSON watch, with its end: the same bytes for every watcher.
    #[must_use]
    pub fn line(&self) -> &Bytes {
        &self.line
    }
}
