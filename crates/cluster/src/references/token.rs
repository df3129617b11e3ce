//! A token of a Pod's service account: bound to the Pod, and renewed before it is too old.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::authentication::v1::{BoundObjectReference, TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::PostParams;
use kube::{Api, Client};
use reprise_core::objects::TokenKey;
use reprise_node::{Node, PodKey};
use tokio::sync::watch;

use crate::backoff::{Backoff, Trouble};
use crate::call::{CallError, call};

/// A token is renewed when this much of its life is over, in hundredths, as with the kubelet.
const RENEW_AT: u32 = 80;
/// But after a day at the latest.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Which token.
#[derive(Debug, Clone)]
pub(super) struct TokenOf {
    pub pod: PodKey,
    pub uid: String,
    pub account: String,
    pub key: TokenKey,
}

/// Has the node's Pod have a good token for as long as this is not aborted.
pub(super) async fn keep(node: Node, client: Client, of: TokenOf, known: watch::Sender<bool>) {
    let mut backoff = Backoff::of_calls();
    let mut trouble = Trouble::new("a token for a Pod can't be had");
    loop {
        match ask(&client, &of).await {
            Ok((token, life)) => {
                trouble.over();
                backoff.reset();
                node.put_token(&of.uid, of.key.clone(), token);
                known.send_replace(true);
                tokio::time::sleep(renewal(life)).await;
            }
            Err(error) => {
                trouble.tell(&error);
                tokio::time::sleep(backoff.pause()).await;
            }
        }
    }
}

/// A new token and how long it is good.
async fn ask(client: &Client, of: &TokenOf) -> Result<(String, Duration), CallError> {
    let spec = TokenRequestSpec {
        audiences: Some(Some(of.key.audience.clone()).filter(|audience| !audience.is_empty()).into_iter().collect()),
        expiration_seconds: Some(of.key.expiration_seconds),
        bound_object_ref: Some(BoundObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("Pod".to_owned()),
            name: Some(of.pod.name.clone()),
            uid: Some(of.uid.clone()),
        }),
    };
    let request = TokenRequest { spec: Some(spec), ..TokenRequest::default() };
    let api: Api<ServiceAccount> = Api::namespaced(client.clone(), &of.pod.namespace);
    let answer: TokenRequest =
        call(api.create_subresource("token", &of.account, &PostParams::default(), &request)).await?;
    let status = answer.status.unwrap_or_default();
    let Some((token, until)) = status.token.zip(status.expiration_timestamp) else {
        return Err(CallError::Away { why: "the answer has no token".to_owned() });
    };
    let left = until.0.duration_since(Timestamp::now());
    Ok((token, Duration::try_from(left).unwrap_or_default()))
}

/// When to ask again, with some chance in it: all Pods of a node began at once.
fn renewal(life: Duration) -> Duration {
    const LEAST: Duration = Duration::from_secs(1);
    let at = (life * RENEW_AT / 100).min(LONGEST).max(LEAST);
    at.saturating_sub(Duration::from_secs_f64(fastrand::f64() * at.as_secs_f64().min(100.0) / 10.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_with_a_fifth_of_its_life_left() {
        let hour = renewal(Duration::from_secs(3600));
        assert!(hour <= Duration::from_secs(2880) && hour >= Duration::from_secs(2870), "{hour:?}");
        assert!(renewal(Duration::from_secs(30 * 24 * 60 * 60)) <= LONGEST);
        assert!(renewal(Duration::ZERO) > Duration::ZERO);
    }
}
