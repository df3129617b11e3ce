//! Where a list goes on: the `continue` of its metadata.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::status::ApiError;

const VERSION: &str = "meta.k8s.io/v1";

/// Where a list goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ContinueToken {
    #[serde(rename = "v")]
    version: String,
    /// The revision of the first page.
    #[serde(rename = "rv")]
    pub revision: u64,
    /// The last object of the page before: its namespace and name.
    pub namespace: String,
    pub name: String,
}

impl ContinueToken {
    pub fn new(revision: u64, namespace: &str, name: &str) -> Self {
        Self { version: VERSION.to_owned(), revision, namespace: namespace.to_owned(), name: name.to_owned() }
    }

    pub fn text(&self) -> String {
        // A struct of texts and a number is always JSON.
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    /// # Errors
    /// 400 for a text that no list has given.
    pub fn parse(text: &str) -> Result<Self, ApiError> {
        let bytes = URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok();
        let token: Option<Self> = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        token
            .filter(|token| token.version == VERSION)
            .ok_or_else(|| ApiError::bad_request("continue key is not valid: take the one of the list before as it is"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_back_as_it_was_and_nothing_else_is_one() {
        let token = ContinueToken::new(7, "a", "b");
        assert_eq!(ContinueToken::parse(&token.text()).unwrap(), token);
        for wrong in ["x", "e30", ""] {
            assert_eq!(ContinueToken::parse(wrong).unwrap_err().code(), 400, "{wrong}");
        }
    }
}
