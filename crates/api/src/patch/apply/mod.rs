//! Server-side apply: what a client wants to own is laid over the object, and what it owned before and does not want any
//! more goes, unless others own it too.
//!
//! ```text
//! live + applied -> overlaid -> pruned (what the last apply had, and nobody has now) -> compared with live:
//!     what others own and has changed is a conflict, unless forced
//! ```

mod compare;
mod items;
mod last_applied;
mod overlay;
mod owned;
mod prune;
mod server_side;

pub use server_side::{ApplyError, server_side_apply};

pub(super) use compare::compare;

/// A list whose items can't be told apart.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {why}")]
pub struct Untyped {
    /// Where.
    path: String,
    /// Why.
    why: String,
}

impl Untyped {
    fn at(path: &[super::fields::Element], why: String) -> Self {
        Self { path: path.iter().map(ToString::to_string).collect(), why }
    }
}
