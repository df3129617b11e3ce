//! What has changed in the store since one last looked. Whoever decides looks first, so a decision never lags behind what a
//! client was told is stored.

use std::sync::Arc;

use futures::FutureExt;
use serde_json::Value;

use crate::store::{Event, Key, Store, Stored, WatchStream};

pub(super) const PODS: &str = "pods";
pub(super) const NODES: &str = "nodes";
pub(super) const SERVICE_ACCOUNTS: &str = "serviceaccounts";
pub(super) const SECRETS: &str = "secrets";
pub(super) const VOLUMES: &str = "persistentvolumes";
pub(super) const CLUSTER_ROLES: &str = "clusterroles.rbac.authorization.k8s.io";
pub(super) const CLUSTER_ROLE_BINDINGS: &str = "clusterrolebindings.rbac.authorization.k8s.io";
pub(super) const ROLES: &str = "roles.rbac.authorization.k8s.io";
pub(super) const ROLE_BINDINGS: &str = "rolebindings.rbac.authorization.k8s.io";

/// Follows one resource.
pub(super) struct Follower {
    resource: &'static str,
    watch: Option<WatchStream>,
}

/// What is new.
pub(super) enum News {
    /// Nothing.
    Nothing,
    /// These changes, in their order.
    Changes(Vec<Arc<Event>>),
    /// So much that only this counts: all that there is.
    All(Vec<Stored>),
}

impl Follower {
    pub(super) fn new(resource: &'static str) -> Self {
        Self { resource, watch: None }
    }

    /// What has changed since the last time; all that there is the first time.
    pub(super) fn news(&mut self, store: &Store) -> News {
        let mut changes = Vec::new();
        if let Some(watch) = &mut self.watch {
            loop {
                match watch.next().now_or_never() {
                    Some(Ok(some)) => changes.extend(some),
                    None if changes.is_empty() => return News::Nothing,
                    None => return News::Changes(changes),
                    // Too far behind, or the end.
                    Some(Err(_)) => break,
                }
            }
        }
        match store.list_and_watch(self.resource, None) {
            Ok((all, _, watch)) => {
                self.watch = Some(watch);
                News::All(all)
            }
            Err(_) => {
                // The store does not keep this resource, so there is none of it.
                self.watch = None;
                News::All(Vec::new())
            }
        }
    }
}

/// An object as it is stored now.
pub(super) fn get(store: &Store, resource: &'static str, namespace: &str, name: &str) -> Option<Value> {
    let key = Key { resource, namespace: namespace.to_owned(), name: name.to_owned() };
    value(&*store.get(&key)?)
}

/// A stored object. What is stored is JSON.
pub(super) fn value(stored: &crate::store::Object) -> Option<Value> {
    let parsed = serde_json::from_slice(&stored.json);
    parsed.inspect_err(|error| tracing::error!(key = %stored.key, %error, "stored object can't be read")).ok()
}
