//! Encryption at rest: what is written passes through a [`Seal`], what is read through it again.

use std::borrow::Cow;

use super::object::Key;

/// Encrypts what is stored. Keys (resource, namespace, name), revisions and times of expiry are not sealed.
pub trait Seal: Send + Sync {
    /// What is to be on disk for this object. `key` must be bound to it, so that no object can be put in another's place.
    ///
    /// # Errors
    /// If it can't be encrypted: the change is refused.
    fn seal<'a>(&self, key: &Key, plain: &'a [u8]) -> Result<Cow<'a, [u8]>, SealError>;

    /// What was sealed. It also takes what was stored before this resource was sealed, if it can tell.
    ///
    /// # Errors
    /// If it was not sealed with a key that is known, or is damaged: the store does not open then.
    fn open<'a>(&self, key: &Key, sealed: &'a [u8]) -> Result<Cow<'a, [u8]>, SealError>;
}

/// Why something could not be sealed or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SealError(pub String);

/// No encryption.
#[derive(Debug, Clone, Copy, Default)]
pub struct Plain;

impl Seal for Plain {
    fn seal<'a>(&self, _key: &Key, plain: &'a [u8]) -> Result<Cow<'a, [u8]>, SealError> {
        Ok(Cow::Borrowed(plain))
    }

    fn open<'a>(&self, _key: &Key, sealed: &'a [u8]) -> Result<Cow<'a, [u8]>, SealError> {
        Ok(Cow::Borrowed(sealed))
    }
}
