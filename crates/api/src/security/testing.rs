//! A store for tests.

use serde_json::{Value, json};
use tempfile::TempDir;

use super::follow;
use crate::store::{Change, Expect, Fields, Key, Store, StoreOptions};

/// An empty store, and the folder that it is in.
pub(super) fn store() -> (Store, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let resources = vec![
        follow::PODS,
        follow::NODES,
        follow::SERVICE_ACCOUNTS,
        follow::SECRETS,
        follow::VOLUMES,
        follow::CLUSTER_ROLES,
        follow::CLUSTER_ROLE_BINDINGS,
        follow::ROLES,
        follow::ROLE_BINDINGS,
    ];
    (Store::open(&folder.path().join("store"), StoreOptions::new(resources)).unwrap(), folder)
}

/// Stores an object, whatever was there.
pub(super) async fn put(store: &Store, resource: &'static str, object: Value) {
    let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
    let key = Key { resource, namespace: text("namespace"), name: text("name") };
    let change = Change::Put { key, expect: Expect::Any, object, fields: Fields::default(), expires_at: None };
    store.write(change).await.unwrap();
}

/// Deletes an object.
pub(super) async fn delete(store: &Store, resource: &'static str, namespace: &str, name: &str) {
    let key = Key { resource, namespace: namespace.to_owned(), name: name.to_owned() };
    store.write(Change::Delete { key, expect: Expect::Any }).await.unwrap();
}

/// A service account.
pub(super) fn account(namespace: &str, name: &str) -> Value {
    json!({"metadata": {"namespace": namespace, "name": name, "uid": format!("{name}-uid")}})
}
