//! What is there from the first start on: namespaces with their default accounts, and the priority classes of the system.

use serde_json::{Value, json};

mod kubernetes_service;

use std::net::SocketAddr;

use jiff::Timestamp;

use crate::error::StartError;
use crate::resources::find_stored;
use crate::server::Server;
use crate::store::{Expect, Key, WriteError};
use crate::verbs::{metadata, put};

const NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];
const CLASSES: [(&str, i32, &str); 2] = [
    ("system-cluster-critical", 2_000_000_000, "For what the cluster can't do without, on whichever node it is."),
    ("system-node-critical", 2_000_001_000, "For what a node can't do without, and which can't be on another."),
];

/// Stores what is not there yet. Pods reach the server at `address`, if they do.
pub(crate) async fn complete(server: &Server, address: Option<SocketAddr>) -> Result<(), StartError> {
    server.security.store_roles(Timestamp::now()).await?;
    for (resource, object) in objects() {
        let name = metadata::text(&object, "name").to_owned();
        let failed = |problem: String| StartError::Bootstrap { what: format!("{resource} {name}"), problem };
        let row = find_stored(resource).ok_or_else(|| failed("there is no such resource".to_owned()))?;
        let namespace = metadata::text(&object, "namespace").to_owned();
        let key = Key { resource: row.stored_as, namespace, name: name.clone() };
        if server.store.get(&key).is_some() {
            continue;
        }
        match put(server, row, key, Expect::Absent, object).await {
            Ok(_) | Err(WriteError::Exists(_)) => {}
            Err(error) => return Err(failed(error.to_string())),
        }
    }
    kubernetes_service::keep(server, address).await
}

fn objects() -> Vec<(&'static str, Value)> {
    let namespaces = NAMESPACES.map(|name| {
        let mut object = json!({
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}},
            "spec": {"finalizers": ["kubernetes"]},
            "status": {"phase": "Active"},
        });
        settle(&mut object);
        ("namespaces", object)
    });
    let classes = CLASSES.map(|(name, value, description)| {
        let mut object = json!({
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": {"name": name, "generation": 1},
            "value": value,
            "description": description,
            "preemptionPolicy": "PreemptLowerPriority",
        });
        settle(&mut object);
        ("priorityclasses.scheduling.k8s.io", object)
    });
    // A Pod can be made as soon as the server answers.
    let accounts = NAMESPACES.map(|namespace| {
        let metadata = json!({"name": "default", "namespace": namespace});
        let mut object = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata});
        settle(&mut object);
        ("serviceaccounts", object)
    });
    namespaces.into_iter().chain(classes).chain(accounts).collect()
}

fn settle(object: &mut Value) {
    metadata::set(object, "uid", uuid::Uuid::new_v4().to_string());
    metadata::set(object, "creationTimestamp", metadata::time(Timestamp::now()));
}
