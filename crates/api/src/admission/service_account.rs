//! The service account of a new Pod: which it is, and the volume with its token, as Kubernetes' ServiceAccount admission adds it.

use std::time::Duration;

use reprise_core::admission::{SUFFIX_LENGTH, SUFFIX_LETTERS};
use serde_json::{Value, json};

use crate::status::ApiError;
use crate::store::{Key, Store};
use crate::verbs::metadata::text;

const DEFAULT: &str = "default";
/// Where containers find their token.
const MOUNT_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
const VOLUME_PREFIX: &str = "kube-api-access-";
/// An hour, and 7 seconds by which others can tell that nobody has chosen it.
const TOKEN_SECONDS: i64 = 3607;
const MIRROR: &str = "kubernetes.io/config.mirror";
/// How long a Pod waits for the default account of a namespace that is new.
const PATIENCE: Duration = Duration::from_secs(1);

/// Waits until the namespace has its default account, if this Pod needs that; a while at most, as it may never come.
pub(crate) async fn wait_for_default(store: &Store, pod: &Value) {
    if is_mirror(pod) || !matches!(account_name(pod), "" | DEFAULT) {
        return;
    }
    let namespace = text(pod, "namespace");
    let Ok((_, _, mut news)) = store.list_and_watch("serviceaccounts", Some(namespace)) else { return };
    let there = async {
        while account(store, namespace, DEFAULT).is_none() {
            if news.next().await.is_err() {
                return;
            }
        }
    };
    // That it did not come is told by the admission.
    let _ = tokio::time::timeout(PATIENCE, there).await;
}

/// Gives a new Pod its account, and what comes with that.
///
/// # Errors
/// 403 for an account that is not there.
pub(super) fn inject(store: &Store, pod: &mut Value) -> Result<(), ApiError> {
    if is_mirror(pod) {
        return check_mirror(pod);
    }
    if !pod["spec"].is_object() {
        // What is no Pod is told by its validation.
        return Ok(());
    }
    let name = match account_name(pod) {
        "" => DEFAULT.to_owned(),
        name => name.to_owned(),
    };
    let namespace = text(pod, "namespace").to_owned();
    let Some(account) = account(store, &namespace, &name) else {
        let why = format!("error looking up service account {namespace}/{name}: serviceaccount {name:?} not found");
        return Err(ApiError::forbidden("", "pods", text(pod, "name"), &why));
    };
    pod["spec"]["serviceAccountName"] = json!(name);
    if automounts(pod, &account) {
        mount_token(pod);
    }
    let has_own = pod["spec"]["imagePullSecrets"].as_array().is_some_and(|own| !own.is_empty());
    if let (false, Some(secrets)) = (has_own, account["imagePullSecrets"].as_array().filter(|all| !all.is_empty())) {
        pod["spec"]["imagePullSecrets"] = json!(secrets);
    }
    Ok(())
}

fn is_mirror(pod: &Value) -> bool {
    !pod["metadata"]["annotations"][MIRROR].is_null()
}

/// A mirror's Pod runs already, without an account.
fn check_mirror(pod: &Value) -> Result<(), ApiError> {
    let refused = |why| Err(ApiError::forbidden("", "pods", text(pod, "name"), why));
    if !account_name(pod).is_empty() {
        return refused("a mirror pod may not reference service accounts");
    }
    let draws_token = |volume: &Value| {
        let sources = volume["projected"]["sources"].as_array();
        sources.into_iter().flatten().any(|source| !source["serviceAccountToken"].is_null())
    };
    if pod["spec"]["volumes"].as_array().into_iter().flatten().any(draws_token) {
        return refused("a mirror pod may not use ServiceAccountToken volume projections");
    }
    Ok(())
}

/// The account that the Pod names; it has two fields for that.
fn account_name(pod: &Value) -> &str {
    let name = |field: &str| pod["spec"][field].as_str().unwrap_or_default();
    if name("serviceAccountName").is_empty() { name("serviceAccount") } else { name("serviceAccountName") }
}

fn account(store: &Store, namespace: &str, name: &str) -> Option<Value> {
    let key = Key { resource: "serviceaccounts", namespace: namespace.to_owned(), name: name.to_owned() };
    serde_json::from_slice(&store.get(&key)?.json).ok()
}

/// What the Pod says counts, then what the account says.
fn automounts(pod: &Value, account: &Value) -> bool {
    let said = |of: &Value| of["automountServiceAccountToken"].as_bool();
    said(&pod["spec"]).or_else(|| said(account)).unwrap_or(true)
}

/// Mounts the token into each container that has nothing at its place.
fn mount_token(pod: &mut Value) {
    let volumes = pod["spec"]["volumes"].as_array().into_iter().flatten();
    let names: Vec<&str> = volumes.filter_map(|volume| volume["name"].as_str()).collect();
    let kept = names.iter().find(|name| name.starts_with(VOLUME_PREFIX)).map(|&name| name.to_owned());
    let volume = kept.clone().unwrap_or_else(|| new_name(&names));
    let mount = json!({"name": volume, "readOnly": true, "mountPath": MOUNT_PATH});
    let mut mounted = false;
    for field in ["initContainers", "containers"] {
        let Some(containers) = pod["spec"].get_mut(field).and_then(Value::as_array_mut) else { continue };
        for container in containers.iter_mut().filter(|container| container.is_object()) {
            let mounts = container["volumeMounts"].as_array().cloned().unwrap_or_default();
            if mounts.iter().any(|mount| mount["mountPath"] == MOUNT_PATH) {
                continue;
            }
            container["volumeMounts"] = mounts.into_iter().chain([mount.clone()]).collect();
            mounted = true;
        }
    }
    if mounted && kept.is_none() {
        let volumes = pod["spec"]["volumes"].as_array().cloned().unwrap_or_default();
        pod["spec"]["volumes"] = volumes.into_iter().chain([token_volume(&volume)]).collect();
    }
}

fn new_name(taken: &[&str]) -> String {
    loop {
        let letter = || char::from(SUFFIX_LETTERS[fastrand::usize(..SUFFIX_LETTERS.len())]);
        let suffix: String = std::iter::repeat_with(letter).take(SUFFIX_LENGTH).collect();
        let name = format!("{VOLUME_PREFIX}{suffix}");
        if !taken.contains(&name.as_str()) {
            return name;
        }
    }
}

fn token_volume(name: &str) -> Value {
    let namespace = json!({"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}});
    json!({
        "name": name,
        "projected": {
            "defaultMode": 420,
            "sources": [
                {"serviceAccountToken": {"expirationSeconds": TOKEN_SECONDS, "path": "token"}},
                {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
                {"downwardAPI": {"items": [namespace]}},
            ],
        },
    })
}

#[cfg(test)]
#[path = "service_account_tests.rs"]
mod tests;
