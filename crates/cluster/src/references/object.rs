//! Follows one ConfigMap or Secret by its name.

use k8s_openapi::NamespaceResourceScope;
use kube::api::ObjectMeta;
use kube::runtime::watcher::Event;
use kube::{Api, Client, Resource};
use reprise_core::objects::{ApiObject, ObjectKey};
use reprise_node::{Node, chain};
use tokio::sync::watch;

use crate::watching::{Watchable, Watching};

pub(super) async fn config_map(node: Node, client: Client, seconds: u32, key: ObjectKey, known: watch::Sender<bool>) {
    follow(node, client, seconds, key, known, ApiObject::ConfigMap).await;
}

pub(super) async fn secret(node: Node, client: Client, seconds: u32, key: ObjectKey, known: watch::Sender<bool>) {
    follow(node, client, seconds, key, known, ApiObject::Secret).await;
}

async fn follow<K>(
    node: Node,
    client: Client,
    seconds: u32,
    key: ObjectKey,
    known: watch::Sender<bool>,
    wrap: impl Fn(K) -> ApiObject,
) where
    K: Watchable + Resource<Scope = NamespaceResourceScope>,
{
    let api: Api<K> = Api::namespaced(client, &key.namespace);
    let name = format!("metadata.name={}", key.name);
    let mut watched = Watching::new(api, name, seconds, "an object of a Pod can't be watched");
    let mut listed = None;
    loop {
        match watched.next().await {
            Event::Init => listed = None,
            Event::InitApply(object) => listed = Some(object),
            Event::InitDone => {
                match listed.take() {
                    Some(object) => take(&node, wrap(lasting(object))).await,
                    None => forget(&node, &key).await,
                }
                known.send_replace(true);
            }
            Event::Apply(object) => take(&node, wrap(lasting(object))).await,
            Event::Delete(_) => forget(&node, &key).await,
        }
    }
}

/// Who wrote what is nothing to Pods.
fn lasting<K: Resource>(mut object: K) -> K {
    let metadata: &mut ObjectMeta = object.meta_mut();
    metadata.managed_fields = None;
    object
}

pub(super) async fn take(node: &Node, object: ApiObject) {
    let key = object.key();
    if let Err(error) = node.mirror_objects(vec![object]).await {
        tracing::warn!(%key, error = %chain(&error), "an object of a Pod can't be kept");
    }
}

pub(super) async fn forget(node: &Node, key: &ObjectKey) {
    if let Err(error) = node.remove_object(key.clone()).await {
        tracing::warn!(%key, error = %chain(&error), "an object that is gone stays");
    }
}
