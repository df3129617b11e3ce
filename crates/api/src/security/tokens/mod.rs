//! Service accounts' tokens: signed by our own key, good for a time, an audience and an object, and only while that object and
//! the account are there.

mod binding;
mod claims;
mod jwt;
mod key;
mod request;
mod validate;

use std::sync::Arc;

use jiff::Timestamp;

use crate::store::Store;

pub use claims::Bound;
pub use key::{SigningKey, SigningKeyError};
pub use validate::{TokenError, TokenUser};

/// Who issues tokens, and whom they are for if nobody says otherwise.
pub const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";

/// Issues and checks tokens.
pub struct Tokens {
    key: SigningKey,
    store: Store,
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

impl Tokens {
    /// With this key, for the accounts in this store.
    #[must_use]
    pub fn new(key: SigningKey, store: Store, now: Arc<dyn Fn() -> Timestamp + Send + Sync>) -> Self {
        Self { key, store, now }
    }
}

#[cfg(test)]
mod tests;
