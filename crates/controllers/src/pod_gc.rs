//! Pods that nobody else would remove: those on nodes that are gone, those that were deleted before they had a node, and
//! those that ended long ago.

mod remains;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use kube::{Api, Client};
use reprise_core::unset::text;
use tokio::time::Instant;

use crate::cache::{Cache, ObjectKey};
use crate::caches::Caches;
use crate::disruption;
use crate::error::{Error, unless_gone};

use remains::Remains;

const PAUSE: Duration = Duration::from_secs(20);
/// A node must be gone for so long: it may only have been made anew.
const GONE_FOR: Duration = Duration::from_secs(40);

/// Removes them.
pub(crate) struct PodCollector {
    client: Client,
    pods: Cache<Pod>,
    nodes: Cache<Node>,
    most_ended: usize,
    /// Since when a node that Pods name has not been seen.
    missing: HashMap<String, Instant>,
}

impl PodCollector {
    pub(crate) fn new(client: Client, caches: &Caches, most_ended: usize) -> Self {
        Self { client, pods: caches.pods.clone(), nodes: caches.nodes.clone(), most_ended, missing: HashMap::new() }
    }

    /// Works for ever.
    pub(crate) async fn run(mut self) {
        tokio::join!(self.pods.ready(), self.nodes.ready());
        loop {
            let pods = self.pods.all();
            let gone = self.gone_nodes(&pods).await;
            for pod in remains::find(&pods, &self.nodes.all(), &gone, self.most_ended) {
                if let Err(error) = self.remove(&pod).await {
                    tracing::debug!("{error}; tried again in {PAUSE:?}");
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// The nodes that Pods name and that have not been there for a while; the API is asked once more for each.
    async fn gone_nodes(&mut self, pods: &[Arc<Pod>]) -> HashSet<String> {
        let named = pods.iter().filter_map(|pod| pod.spec.as_ref().map(|spec| text(&spec.node_name)));
        let unknown = named.filter(|name| !name.is_empty() && self.nodes.get(&ObjectKey::new("", *name)).is_none());
        let unknown: HashSet<String> = unknown.map(str::to_owned).collect();
        self.missing.retain(|name, _| unknown.contains(name));
        let mut gone = HashSet::new();
        for name in unknown {
            let since = *self.missing.entry(name.clone()).or_insert_with(Instant::now);
            let api: Api<Node> = Api::all(self.client.clone());
            if since.elapsed() >= GONE_FOR && matches!(api.get_metadata_opt(&name).await, Ok(None)) {
                gone.insert(name);
            }
        }
        gone
    }

    async fn remove(&self, remains: &Remains) -> Result<(), Error> {
        let key = ObjectKey::of(&*remains.pod);
        let api: Api<Pod> = Api::namespaced(self.client.clone(), &key.namespace);
        if let Some(why) = remains.why_failed {
            let patch = disruption::failed(&remains.pod, "DeletionByPodGC", why, Timestamp::now());
            let answer = api.patch_status(&key.name, &PatchParams::default(), &Patch::Strategic(patch)).await;
            let patched = unless_gone(answer.map_err(Error::call("patch", format!("the status of Pod {key}"))))?;
            patched.into_iter().for_each(|pod| self.pods.wrote(pod));
        }
        let conditions = Preconditions { uid: remains.pod.metadata.uid.clone(), resource_version: None };
        let parameters = DeleteParams::background().grace_period(0).preconditions(conditions);
        let answer = api.delete(&key.name, &parameters).await;
        unless_gone(answer.map_err(Error::call("delete", format!("Pod {key}")))).map(|_| ())
    }
}
