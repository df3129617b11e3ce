//! Who may use the node's HTTP API: the cluster says whose a token is (TokenReview) and what its owner may do with this Node
//! (SubjectAccessReview). Answers are kept for a short time, as a dashboard asks every second.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use kube::api::PostParams;
use kube::{Api, Client};
use reprise_node::{AccessReview, Identity, chain};

use crate::call::call;

/// How long answers count, the kubelet's times.
const TOKEN_TIME: Duration = Duration::from_secs(120);
const ALLOWED_TIME: Duration = Duration::from_secs(300);
const REFUSED_TIME: Duration = Duration::from_secs(30);
/// More clients than a node has.
const MOST: usize = 1024;

/// The cluster's answers.
pub(crate) struct ClusterAccess {
    client: Client,
    node: String,
    tokens: Kept<String, Option<Identity>>,
    rights: Kept<(Identity, String, String), bool>,
}

impl std::fmt::Debug for ClusterAccess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClusterAccess").field("node", &self.node).finish_non_exhaustive()
    }
}

impl ClusterAccess {
    pub(crate) fn new(client: Client, node: String) -> Self {
        Self { client, node, tokens: Kept::default(), rights: Kept::default() }
    }

    async fn review_token(&self, token: &str) -> Result<Option<Identity>, String> {
        if let Some(known) = self.tokens.get(&token.to_owned()) {
            return Ok(known);
        }
        let spec = TokenReviewSpec { token: token.to_owned(), audiences: None };
        let review = TokenReview { spec, ..TokenReview::default() };
        let api: Api<TokenReview> = Api::all(self.client.clone());
        let answer = call(api.create(&PostParams::default(), &review)).await.map_err(|error| chain(&error))?;
        let status = answer.status.unwrap_or_default();
        let user = status.user.filter(|_| status.authenticated == Some(true)).map(|user| Identity {
            name: user.username.unwrap_or_default(),
            uid: user.uid.unwrap_or_default(),
            groups: user.groups.unwrap_or_default(),
            extra: user.extra.unwrap_or_default(),
        });
        let time = if user.is_some() { TOKEN_TIME } else { REFUSED_TIME };
        self.tokens.put(token.to_owned(), user.clone(), time);
        Ok(user)
    }

    async fn review_access(&self, who: &Identity, verb: &str, subresource: &str) -> Result<bool, String> {
        let key = (who.clone(), verb.to_owned(), subresource.to_owned());
        if let Some(known) = self.rights.get(&key) {
            return Ok(known);
        }
        let attributes = ResourceAttributes {
            verb: Some(verb.to_owned()),
            version: Some("v1".to_owned()),
            resource: Some("nodes".to_owned()),
            subresource: Some(subresource.to_owned()),
            name: Some(self.node.clone()),
            ..ResourceAttributes::default()
        };
        let spec = SubjectAccessReviewSpec {
            user: Some(who.name.clone()),
            uid: Some(who.uid.clone()).filter(|uid| !uid.is_empty()),
            groups: Some(who.groups.clone()),
            extra: Some(who.extra.clone()),
            resource_attributes: Some(attributes),
            ..SubjectAccessReviewSpec::default()
        };
        let review = SubjectAccessReview { spec, ..SubjectAccessReview::default() };
        let api: Api<SubjectAccessReview> = Api::all(self.client.clone());
        let answer = call(api.create(&PostParams::default(), &review)).await.map_err(|error| chain(&error))?;
        let allowed = answer.status.is_some_and(|status| status.allowed);
        self.rights.put(key, allowed, if allowed { ALLOWED_TIME } else { REFUSED_TIME });
        Ok(allowed)
    }
}

impl AccessReview for ClusterAccess {
    fn identify<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Option<Identity>, String>> {
        self.review_token(token).boxed()
    }

    fn allows<'a>(
        &'a self,
        who: &'a Identity,
        verb: &'a str,
        subresource: &'a str,
    ) -> BoxFuture<'a, Result<bool, String>> {
        self.review_access(who, verb, subresource).boxed()
    }
}

/// Answers with the time until which they count.
struct Kept<K, V>(Mutex<HashMap<K, (V, Instant)>>);

impl<K, V> Default for Kept<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K, V> std::fmt::Debug for Kept<K, V> {
    /// Without what is kept: tokens are among it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Kept")
    }
}

impl<K: Eq + Hash, V: Clone> Kept<K, V> {
    fn get(&self, key: &K) -> Option<V> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(key).filter(|(_, until)| *until > Instant::now()).map(|(value, _)| value.clone())
    }

    fn put(&self, key: K, value: V, time: Duration) {
        let (now, mut kept) = (Instant::now(), self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if kept.len() >= MOST {
            kept.retain(|_, (_, until)| *until > now);
        }
        if kept.len() >= MOST {
            // Somebody tries tokens: nothing is kept for them.
            kept.clear();
        }
        kept.insert(key, (value, now + time));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_counts_for_its_time_and_there_is_an_end_to_what_is_kept() {
        let kept: Kept<usize, usize> = Kept::default();
        kept.put(1, 1, Duration::from_secs(60));
        kept.put(2, 2, Duration::ZERO);
        assert_eq!((kept.get(&1), kept.get(&2)), (Some(1), None));
        (10..10 + 3 * MOST).for_each(|key| kept.put(key, key, Duration::from_secs(60)));
        assert!(kept.0.lock().unwrap().len() <= MOST);
    }
}
