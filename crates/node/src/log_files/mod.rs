//! The files that the runtime writes containers' output to: read over all their parts, and rotated when they grow.

pub(crate) mod part;
pub(crate) mod rotate;
pub(crate) mod source;
