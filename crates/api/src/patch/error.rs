//! Why a patch can't be applied.

use thiserror::Error;

use crate::status::ApiError;

/// Why a patch can't be applied.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PatchError {
    /// It is no patch.
    #[error("{0}")]
    Malformed(String),
    /// It is too long.
    #[error("{0}")]
    TooLarge(String),
    /// It does not fit this object.
    #[error("{0}")]
    DoesNotFit(String),
    /// A list has an item that can't be told from the others.
    #[error("{0}")]
    Unmergeable(String),
}

impl From<PatchError> for ApiError {
    fn from(error: PatchError) -> Self {
        let message = error.to_string();
        match error {
            PatchError::Malformed(_) => Self::bad_request(message),
            PatchError::TooLarge(_) => Self::new(413, "RequestEntityTooLarge", message),
            // The API server keeps the reason to itself.
            PatchError::DoesNotFit(_) => {
                Self::new(422, "Invalid", "the server rejected our request due to an error in our request")
            }
            PatchError::Unmergeable(_) => Self::new(500, "", message),
        }
    }
}
