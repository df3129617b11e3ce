//! A document that stays the same while the server runs, and how a client knows that it has it already.

use std::fmt::Write as _;

use bytes::Bytes;
use serde_json::Value;
use sha2::{Digest as _, Sha512};

/// JSON that clients keep: they ask for it again only if it has changed.
#[derive(Debug, Clone)]
pub struct Document {
    body: Bytes,
    digest: String,
}

impl Document {
    /// Of a value.
    #[must_use]
    pub fn of(value: &Value) -> Self {
        let body = Bytes::from(value.to_string());
        let mut digest = String::new();
        for byte in Sha512::digest(&body) {
            // Writing to a string can't fail.
            let _: std::fmt::Result = write!(digest, "{byte:02X}");
        }
        Self { body, digest }
    }

    /// The JSON.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// What differs if the content does: hexadecimal digits.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The value of the header `ETag`.
    #[must_use]
    pub fn etag(&self) -> String {
        format!("\"{}\"", self.digest)
    }

    /// Whether a client that sent this `If-None-Match` has it: the answer is 304 then.
    #[must_use]
    pub fn is_known(&self, if_none_match: Option<&str>) -> bool {
        let etag = self.etag();
        let known = if_none_match.unwrap_or_default().split(',').map(str::trim);
        known.into_iter().any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == etag)
    }
}
