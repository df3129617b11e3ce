//! What one try of a probe came to.

/// The result of one try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tried {
    /// It passed.
    Passed,
    /// It counts as passed, but somebody should know this.
    Warned(String),
    /// It failed.
    Failed(String),
    /// It could not be tried, which says nothing about the container.
    Errored(String),
}

impl Tried {
    /// Whether it counts as passed or failed; none if it does not count.
    pub(super) fn passed(&self) -> Option<bool> {
        match self {
            Self::Passed | Self::Warned(_) => Some(true),
            Self::Failed(_) => Some(false),
            Self::Errored(_) => None,
        }
    }
}
