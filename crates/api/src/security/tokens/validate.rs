//! Whose a token is, if it is good now.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::claims::{Bound, Claims};
use super::{ISSUER, Tokens, jwt};
use crate::access::User;
use crate::security::authentication::AUTHENTICATED;
use crate::security::follow::{NODES, PODS, SECRETS, SERVICE_ACCOUNTS};
use crate::store::{Key, Object};

/// A clock may be set a little back after a token was made.
const LEEWAY: i64 = 60;
/// A Pod that is to be gone keeps its token for so long after its time.
const AFTER_DELETION: SignedDuration = SignedDuration::from_secs(60);

/// Why a token tells nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is not one of ours.
    #[error("invalid bearer token")]
    Unknown,
    /// Its time is over, or has not come.
    #[error("service account token has expired")]
    Expired,
    /// It is for somebody else.
    #[error("token audiences are invalid for the target audiences")]
    Audience,
    /// The account, or what the token is bound to, is gone.
    #[error("service account token has been invalidated")]
    Invalidated,
}

/// Somebody whom a token tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenUser {
    /// Who it is.
    pub user: User,
    /// Those of the wanted audiences that the token is for.
    pub audiences: Vec<String>,
}

impl Tokens {
    /// Whose this token is; it must be for one of the audiences, or for the API if there are none.
    ///
    /// # Errors
    /// Why it is nobody's.
    pub fn user(&self, token: &str, audiences: &[String]) -> Result<TokenUser, TokenError> {
        let claims = jwt::claims(&self.key, token).filter(|claims| claims.iss == ISSUER).ok_or(TokenError::Unknown)?;
        let now = (self.now)();
        let seconds = now.as_second();
        if seconds >= claims.exp || seconds.saturating_add(LEEWAY) < claims.nbf {
            return Err(TokenError::Expired);
        }
        let own = [ISSUER.to_owned()];
        let wanted = if audiences.is_empty() { &own[..] } else { audiences };
        let audiences: Vec<String> = wanted.iter().filter(|one| claims.aud.contains(one)).cloned().collect();
        if audiences.is_empty() {
            return Err(TokenError::Audience);
        }
        self.check_objects(&claims, now)?;
        Ok(TokenUser { user: user(&claims), audiences })
    }

    /// Whether all that the token is bound to is still there.
    fn check_objects(&self, claims: &Claims, now: Timestamp) -> Result<(), TokenError> {
        let namespace = claims.kubernetes.namespace.as_str();
        let is_there = |resource, namespace: &str, bound: &Bound| {
            let key = Key { resource, namespace: namespace.to_owned(), name: bound.name.clone() };
            self.store.get(&key).is_some_and(|object| is_live(&object, &bound.uid, now))
        };
        let all = [
            (SERVICE_ACCOUNTS, namespace, Some(&claims.kubernetes.serviceaccount)),
            (PODS, namespace, claims.kubernetes.pod.as_ref()),
            (SECRETS, namespace, claims.kubernetes.secret.as_ref()),
            // The node of a Pod's token only tells where it was made for.
            (NODES, "", claims.kubernetes.node.as_ref().filter(|_| claims.kubernetes.pod.is_none())),
        ];
        let is_good = all
            .into_iter()
            .all(|(resource, namespace, bound)| bound.is_none_or(|bound| is_there(resource, namespace, bound)));
        if is_good { Ok(()) } else { Err(TokenError::Invalidated) }
    }
}

/// As much of an object as says whether it is still the same: each request with a token asks for it.
#[derive(Deserialize)]
struct Head {
    metadata: Life,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Life {
    uid: Option<String>,
    deletion_timestamp: Option<Timestamp>,
}

fn is_live(stored: &Object, uid: &str, now: Timestamp) -> bool {
    let Ok(Head { metadata }) = serde_json::from_slice(&stored.json) else { return false };
    let over = |at: Timestamp| now >= at.saturating_add(AFTER_DELETION).unwrap_or(at);
    metadata.uid.as_deref() == Some(uid) && !metadata.deletion_timestamp.is_some_and(over)
}

fn user(claims: &Claims) -> User {
    let Claims { kubernetes, jti, .. } = claims;
    let mut extra = vec![("authentication.kubernetes.io/credential-id".to_owned(), vec![format!("JTI={jti}")])];
    for (kind, bound) in [("node", &kubernetes.node), ("pod", &kubernetes.pod)] {
        if let Some(Bound { name, uid }) = bound {
            extra.push((format!("authentication.kubernetes.io/{kind}-name"), vec![name.clone()]));
            extra.push((format!("authentication.kubernetes.io/{kind}-uid"), vec![uid.clone()]));
        }
    }
    extra.sort();
    User {
        name: format!("system:serviceaccount:{}:{}", kubernetes.namespace, kubernetes.serviceaccount.name),
        uid: kubernetes.serviceaccount.uid.clone(),
        groups: vec![
            "system:serviceaccounts".to_owned(),
            format!("system:serviceaccounts:{}", kubernetes.namespace),
            AUTHENTICATED.to_owned(),
        ],
        extra,
    }
}
