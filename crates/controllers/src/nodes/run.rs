//! Watching over nodes.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Node, Pod, Taint};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::{Patch, PatchParams};
use kube::runtime::watcher::Config;
use kube::{Api, Client};
use reprise_core::unset::{list, text};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::health;
use super::heartbeat::{Beat, Heartbeats};
use super::taints;
use crate::cache::{Cache, ObjectKey};
use crate::caches::{Caches, on_node};
use crate::error::{Error, unless_gone};
use crate::recorder::{Note, Recorder};

const LEASES: &str = "kube-node-lease";
const PAUSE: Duration = Duration::from_secs(5);
/// A change of a node is looked at so soon at the earliest.
const SHORT_PAUSE: Duration = Duration::from_millis(50);
/// A node that has never said anything gets more time.
const STARTUP: Duration = Duration::from_secs(60);

/// Says of silent nodes that nothing is known of them, and keeps taints as conditions are.
pub(crate) struct NodeHealth {
    client: Client,
    recorder: Recorder,
    grace: Duration,
    nodes: Cache<Node>,
    pods: Cache<Pod>,
    leases: Cache<Lease>,
    heartbeats: Heartbeats,
}

impl NodeHealth {
    pub(crate) fn new(client: Client, caches: &Caches, recorder: Recorder, grace: Duration) -> Self {
        Self {
            client,
            recorder,
            grace,
            nodes: caches.nodes.clone(),
            pods: caches.pods.clone(),
            leases: Cache::new(),
            heartbeats: Heartbeats::default(),
        }
    }

    /// Works for ever.
    pub(crate) async fn run(mut self) {
        let mut tasks = JoinSet::new();
        let (leases, api) = (self.leases.clone(), Api::namespaced(self.client.clone(), LEASES));
        tasks.spawn(async move { leases.run(api, Config::default()).await });
        tokio::join!(self.nodes.ready(), self.leases.ready(), self.pods.ready());
        let mut changes = self.nodes.subscribe();
        loop {
            self.look().await;
            // Nothing is lost if the change is not waited for: all nodes are looked at each time.
            let changed = tokio::time::timeout(PAUSE, changes.recv()).await.is_ok();
            if changed {
                tokio::time::sleep(SHORT_PAUSE).await;
                while changes.try_recv().is_ok() {}
            }
        }
    }

    async fn look(&mut self) {
        let nodes = self.nodes.all();
        let known: Vec<&str> = nodes.iter().map(|node| text(&node.metadata.name)).collect();
        self.heartbeats.retain(|name| known.contains(&name));
        let now = Instant::now();
        for node in &nodes {
            if self.is_silent(node, now)
                && let Err(error) = self.write_unknown(node).await
            {
                tracing::debug!("{error}; tried again in {PAUSE:?}");
            }
        }
        let nodes = self.nodes.all();
        // If all are lost, it is more likely that something else is wrong: nobody has to leave.
        let evicts = nodes.iter().any(|node| health::ready(node) == "True");
        for node in &nodes {
            if let Some(taints) = taints::wanted(node, evicts, Timestamp::now())
                && let Err(error) = self.write_taints(node, taints).await
            {
                tracing::debug!("{error}; tried again in {PAUSE:?}");
            }
        }
    }

    fn is_silent(&mut self, node: &Node, now: Instant) -> bool {
        let name = text(&node.metadata.name);
        let lease = self.leases.get(&ObjectKey::new(LEASES, name));
        let renewed = lease.and_then(|lease| lease.spec.as_ref()?.renew_time.as_ref().map(|time| time.0));
        let beat = Beat { renewed, reported: health::reported(node) };
        let since = self.heartbeats.hear(name, beat, now);
        let never = beat.renewed.is_none() && beat.reported.is_none() && health::ready(node).is_empty();
        let grace = if never { self.grace.max(STARTUP) } else { self.grace };
        now.duration_since(since) > grace
    }

    /// Asks the API once more: it may be the watch that is silent.
    async fn has_renewed(&self, node: &Node) -> Result<bool, Error> {
        let name = text(&node.metadata.name);
        let api: Api<Lease> = Api::namespaced(self.client.clone(), LEASES);
        let lease = api.get_opt(name).await.map_err(Error::call("get", format!("the lease of Node {name}")))?;
        let known = self.leases.get(&ObjectKey::new(LEASES, name));
        let renewed = |lease: &Lease| lease.spec.as_ref().and_then(|spec| spec.renew_time.clone());
        let is_new = lease.as_ref().and_then(renewed) != known.as_deref().and_then(renewed);
        lease.into_iter().for_each(|lease| self.leases.wrote(lease));
        Ok(is_new)
    }

    async fn write_unknown(&self, node: &Arc<Node>) -> Result<(), Error> {
        let conditions = health::unknown(node, Timestamp::now());
        if conditions.is_empty() || self.has_renewed(node).await? {
            return Ok(());
        }
        let was_ready = health::ready(node) == "True";
        let name = text(&node.metadata.name);
        tracing::info!("node {name} has not renewed its lease for {:?}: nothing is known of it", self.grace);
        let patch = json!({"status": {"conditions": conditions}});
        let api: Api<Node> = Api::all(self.client.clone());
        let answer = api.patch_status(name, &PatchParams::default(), &Patch::Strategic(patch)).await;
        let patched = unless_gone(answer.map_err(Error::call("patch", format!("the status of Node {name}"))))?;
        patched.into_iter().for_each(|node| self.nodes.wrote(node));
        if was_ready {
            self.recorder
                .tell(&**node, Note::normal("NodeNotReady", format!("Node {name} status is now: NodeNotReady")));
            self.write_pods_not_ready(name).await;
        }
        Ok(())
    }

    /// Nobody should rely on the node's Pods.
    async fn write_pods_not_ready(&self, node: &str) {
        for pod in self.pods.marked(&on_node(node)) {
            let conditions = pod.status.as_ref().map(|status| list(&status.conditions)).unwrap_or_default();
            if !conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True") {
                continue;
            }
            let key = ObjectKey::of(&*pod);
            let condition = json!({"type": "Ready", "status": "False", "lastTransitionTime": Time(Timestamp::now())});
            let patch = json!({"metadata": {"uid": pod.metadata.uid}, "status": {"conditions": [condition]}});
            let api: Api<Pod> = Api::namespaced(self.client.clone(), &key.namespace);
            match api.patch_status(&key.name, &PatchParams::default(), &Patch::Strategic(patch)).await {
                Ok(_) => self.recorder.tell(&*pod, Note::warning("NodeNotReady", "Node is not ready")),
                // The taints and what follows from them do not depend on it.
                Err(error) => tracing::debug!("Pod {key} could not be marked as not ready: {error}"),
            }
        }
    }

    async fn write_taints(&self, node: &Node, taints: Vec<Taint>) -> Result<(), Error> {
        let name = text(&node.metadata.name);
        // The version makes sure that no taint of somebody else is lost.
        let metadata = json!({"resourceVersion": node.metadata.resource_version, "uid": node.metadata.uid});
        let patch = json!({"metadata": metadata, "spec": {"taints": taints}});
        let api: Api<Node> = Api::all(self.client.clone());
        let answer = api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await;
        let patched = unless_gone(answer.map_err(Error::call("patch", format!("the taints of Node {name}"))))?;
        patched.into_iter().for_each(|node| self.nodes.wrote(node));
        Ok(())
    }
}
