//! Clears away what is left in the runtime, and of logs, of Pods that are gone.

use std::collections::HashMap;

use reprise_core::remains::{Labelled, log_folders, of_gone_pods};
use reprise_cri::CriError;

use crate::error::chain;
use crate::log_files::part::names_in;
use crate::node::Node;
use crate::runtime_calls::{Listing, labels};
use crate::volumes::teardown;

/// What the kubelet gives a container that is nobody's, in seconds.
const GRACE: i64 = 30;

pub(super) async fn clear(node: &Node) {
    if let Err(error) = clear_runtime(node).await {
        tracing::warn!(error = %chain(&error), "what is left of pods that are gone can't be looked for");
    }
    clear_logs(node).await;
}

async fn clear_runtime(node: &Node) -> Result<(), CriError> {
    // Listed before it is asked which Pods there are: what a new Pod makes is not in it.
    let Listing { sandboxes, containers } = node.runtime().list(None).await?;
    let labelled = |id: &str, labels: &HashMap<String, String>| Labelled {
        id: id.to_owned(),
        node: labels.get(labels::NODE).cloned(),
        pod: labels.get(labels::POD_UID).cloned(),
    };
    let sandboxes: Vec<Labelled> = sandboxes.iter().map(|s| labelled(&s.id, &s.labels)).collect();
    let containers: Vec<Labelled> = containers.iter().map(|c| labelled(&c.id, &c.labels)).collect();
    let pods = node.uids();
    let containers = of_gone_pods(&containers, node.id(), &pods).into_iter();
    futures::future::join_all(containers.map(|container| end(node, container))).await;
    for sandbox in of_gone_pods(&sandboxes, node.id(), &pods) {
        if is_gone(node, sandbox) {
            tell("a sandbox", sandbox, node.runtime().remove_sandbox(&sandbox.id).await);
            remove_cgroup(node, sandbox).await;
        }
    }
    Ok(())
}

async fn remove_cgroup(node: &Node, sandbox: &Labelled) {
    let Some(uid) = sandbox.pod.clone() else { return };
    // No Pod is taken on meanwhile.
    let _applying = node.applying().await;
    if !is_gone(node, sandbox) {
        return;
    }
    let shared = node.shared();
    match tokio::task::spawn_blocking(move || shared.cgroups.remove_gone(&uid)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(error = %chain(&error), "the cgroup of a pod that is gone stays"),
        Err(panic) => tracing::error!(%panic, "the cgroup of a pod that is gone stays"),
    }
}

async fn end(node: &Node, container: &Labelled) {
    let mut ended = node.runtime().stop_container(&container.id, GRACE).await;
    // A static Pod that is back has the UID that it had.
    if ended.is_ok() && is_gone(node, container) {
        ended = node.runtime().remove_container(&container.id).await;
    }
    tell("a container", container, ended);
}

fn is_gone(node: &Node, object: &Labelled) -> bool {
    object.pod.as_ref().is_some_and(|uid| !node.uids().contains(uid))
}

fn tell(what: &str, object: &Labelled, outcome: Result<(), CriError>) {
    let (id, uid) = (&object.id, object.pod.as_deref().unwrap_or_default());
    match outcome {
        Ok(()) => tracing::info!(id, uid, "{what} of a pod that is gone was removed"),
        Err(error) => tracing::warn!(id, uid, error = %chain(&error), "{what} of a pod that is gone can't be removed"),
    }
}

async fn clear_logs(node: &Node) {
    // No Pod is taken on meanwhile.
    let _applying = node.applying().await;
    let (folder, pods) = (node.paths().log_folders(), node.uids());
    let cleared = tokio::task::spawn_blocking(move || {
        let names = names_in(&folder).map_err(|e| e.to_string())?;
        let removed = |name: &&str| teardown::remove_logs(&folder.join(name)).map_err(|e| chain(&e));
        log_folders(&names, &pods).iter().try_for_each(removed)
    });
    match cleared.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(error, "logs of pods that are gone stay"),
        Err(panic) => tracing::error!(%panic, "logs of pods that are gone stay"),
    }
}
