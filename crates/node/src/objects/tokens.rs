//! Tokens of service accounts, for the Pods that show them. They are in memory only: whoever has tokens asks for new ones after a
//! start, and until then the files of before stay.

use std::collections::BTreeMap;

use reprise_core::objects::TokenKey;

use super::{Change, Objects};

/// By the Pod's UID.
#[derive(Default)]
pub(crate) struct Tokens(BTreeMap<String, BTreeMap<TokenKey, String>>);

impl Tokens {
    pub(super) fn forget(&mut self, uid: &str) {
        self.0.remove(uid);
    }
}

impl Objects {
    /// Takes a token in for one Pod, which hears of it.
    pub(crate) fn put_token(&self, uid: &str, key: TokenKey, token: String) {
        let mut state = self.state();
        let known = state.tokens.0.entry(uid.to_owned()).or_default().insert(key, token.clone());
        if known.is_some_and(|known| known == token) {
            return;
        }
        if let Some(follower) = state.followers.get(uid) {
            (follower.tell)(Change::Token);
        }
    }

    /// The token that the Pod is to have now.
    pub(crate) fn token(&self, uid: &str, key: &TokenKey) -> Option<String> {
        self.state().tokens.0.get(uid)?.get(key).cloned()
    }
}
