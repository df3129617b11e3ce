//! A claim and its volume. A node may get the claims of its Pods, and their volumes, but not watch them: it asks until they are
//! bound.

use std::time::Duration;

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use kube::{Api, Client};
use reprise_core::objects::{ApiObject, ObjectKey, binding};
use reprise_node::Node;
use tokio::sync::watch;

use super::object::{forget, take};
use crate::backoff::{Backoff, Trouble};
use crate::call::{CallError, call, found};

/// Pauses between questions.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

pub(super) async fn follow(node: Node, client: Client, key: ObjectKey, known: watch::Sender<bool>) {
    let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
    let mut trouble = Trouble::new("the claim of a Pod can't be had");
    loop {
        match ask(&node, &client, &key).await {
            Ok(is_bound) => {
                trouble.over();
                known.send_replace(true);
                if is_bound {
                    return;
                }
            }
            Err(error) => trouble.tell(&error),
        }
        tokio::time::sleep(backoff.pause()).await;
    }
}

/// Whether the claim is bound, and the node has it and its volume.
async fn ask(node: &Node, client: &Client, key: &ObjectKey) -> Result<bool, CallError> {
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(client.clone(), &key.namespace);
    let Some(mut claim) = found(call(claims.get(&key.name)).await)? else {
        forget(node, key).await;
        return Ok(false);
    };
    claim.metadata.managed_fields = None;
    let name = claim.spec.as_ref().and_then(|spec| spec.volume_name.clone()).unwrap_or_default();
    let mut is_bound = binding::is_bound(&claim);
    if is_bound {
        let volumes: Api<PersistentVolume> = Api::all(client.clone());
        match found(call(volumes.get(&name)).await)? {
            Some(mut volume) => {
                volume.metadata.managed_fields = None;
                // First: a claim that is bound has one.
                take(node, ApiObject::PersistentVolume(Box::new(volume))).await;
            }
            None => is_bound = false,
        }
    }
    take(node, ApiObject::PersistentVolumeClaim(Box::new(claim))).await;
    Ok(is_bound)
}
