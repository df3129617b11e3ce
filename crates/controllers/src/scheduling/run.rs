//! The scheduler at work: one task takes in all changes and decides, others write what it has decided.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Namespace, Node, PersistentVolume, PersistentVolumeClaim, Pod};
use kube::Client;
use reprise_core::unset::text;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::cluster::Cluster;
use super::decision::choose;
use super::volumes;
use super::waiting::{self, Waiting};
use super::writes::{self, Placement};
use crate::cache::{Cache, Change, ObjectKey};
use crate::caches::Caches;
use crate::error::Error;
use crate::recorder::Recorder;

/// So many decisions are being written at once.
const WRITES: usize = 64;

/// Finds nodes for Pods.
pub(crate) struct Scheduler {
    client: Client,
    recorder: Recorder,
    claims: Cache<PersistentVolumeClaim>,
    volumes: Cache<PersistentVolume>,
    cluster: Cluster,
    waiting: Waiting,
    /// UIDs of Pods that count on a node although the API has not told that they are there.
    assumed: HashSet<String>,
    first: usize,
    writes: JoinSet<(Written, Result<(), Error>)>,
}

/// What was written.
enum Written {
    Placement { key: ObjectKey, uid: String },
    Refusal,
}

struct Changes {
    pods: UnboundedReceiver<Change<Pod>>,
    nodes: UnboundedReceiver<Change<Node>>,
    namespaces: UnboundedReceiver<Change<Namespace>>,
    claims: UnboundedReceiver<Change<PersistentVolumeClaim>>,
    volumes: UnboundedReceiver<Change<PersistentVolume>>,
}

impl Scheduler {
    pub(crate) fn new(client: Client, caches: &Caches, recorder: Recorder) -> Self {
        Self {
            client,
            recorder,
            claims: caches.claims.clone(),
            volumes: caches.volumes.clone(),
            cluster: Cluster::default(),
            waiting: Waiting::default(),
            assumed: HashSet::new(),
            first: 0,
            writes: JoinSet::new(),
        }
    }

    /// Works for ever.
    pub(crate) async fn run(mut self, caches: Caches) {
        tokio::join!(caches.pods.ready(), caches.nodes.ready(), caches.namespaces.ready());
        tokio::join!(caches.claims.ready(), caches.volumes.ready());
        let mut changes = Changes {
            pods: caches.pods.subscribe(),
            nodes: caches.nodes.subscribe(),
            namespaces: caches.namespaces.subscribe(),
            claims: caches.claims.subscribe(),
            volumes: caches.volumes.subscribe(),
        };
        loop {
            if self.take_in(&mut changes) {
                self.waiting.changed(Instant::now());
            }
            if self.writes.len() < WRITES
                && let Some(pod) = self.waiting.take(Instant::now())
            {
                self.decide(&pod);
                // Others may need this thread.
                tokio::task::yield_now().await;
                continue;
            }
            self.wait(&mut changes).await;
        }
    }

    /// Waits until there is something to do. No arm loses anything when another one is first.
    async fn wait(&mut self, changes: &mut Changes) {
        let next = self.waiting.next_at().filter(|_| self.writes.len() < WRITES);
        let matters = tokio::select! {
            Some(change) = changes.pods.recv() => self.pod_changed(change),
            Some(change) = changes.nodes.recv() => self.node_changed(&change),
            Some(change) = changes.namespaces.recv() => self.namespace_changed(&change),
            Some(_) = changes.claims.recv() => true,
            Some(_) = changes.volumes.recv() => true,
            Some(ended) = self.writes.join_next() => {
                if let Ok((written, result)) = ended {
                    self.written(written, result);
                }
                false
            }
            () = sleep_until(next) => false,
        };
        if matters {
            self.waiting.changed(Instant::now());
        }
    }

    /// Takes in all that is there. Whether some of it may make a node fit.
    fn take_in(&mut self, changes: &mut Changes) -> bool {
        let mut matters = false;
        while let Ok(change) = changes.nodes.try_recv() {
            matters |= self.node_changed(&change);
        }
        while let Ok(change) = changes.namespaces.try_recv() {
            matters |= self.namespace_changed(&change);
        }
        while let Ok(change) = changes.pods.try_recv() {
            matters |= self.pod_changed(change);
        }
        matters |= std::iter::from_fn(|| changes.claims.try_recv().ok()).count() > 0;
        matters |= std::iter::from_fn(|| changes.volumes.try_recv().ok()).count() > 0;
        while let Some(Ok((written, result))) = self.writes.try_join_next() {
            self.written(written, result);
        }
        matters
    }

    fn pod_changed(&mut self, change: Change<Pod>) -> bool {
        if let (Some(old), Some(new)) = (&change.old, &change.new)
            && old.metadata.uid != new.metadata.uid
        {
            // Another Pod of that name: the old one is gone.
            self.pod_gone(old);
        }
        match (change.old, change.new) {
            (_, Some(pod)) => self.pod_is(pod),
            (Some(old), None) => self.pod_gone(&old),
            (None, None) => false,
        }
    }

    fn pod_is(&mut self, pod: Arc<Pod>) -> bool {
        let (key, uid) = (ObjectKey::of(&*pod), text(&pod.metadata.uid).to_owned());
        if waiting::waits(&pod) {
            self.waiting.put(pod.clone());
        } else {
            self.waiting.remove(&key);
        }
        if let Some(node) = waiting::occupies(&pod) {
            self.assumed.remove(&uid);
            let is_new = self.cluster.node_of(&uid) != Some(node);
            self.cluster.put_pod(pod.clone(), node);
            return is_new;
        }
        // A Pod that has ended, or that waits; one that was placed and is not known to be there yet counts on.
        !self.assumed.contains(&uid) && self.cluster.remove_pod(&uid)
    }

    fn pod_gone(&mut self, pod: &Pod) -> bool {
        let uid = text(&pod.metadata.uid);
        self.waiting.remove(&ObjectKey::of(pod));
        self.assumed.remove(uid);
        self.cluster.remove_pod(uid)
    }

    fn node_changed(&mut self, change: &Change<Node>) -> bool {
        match (&change.old, &change.new) {
            (_, Some(node)) => self.cluster.put_node(node),
            (Some(old), None) => {
                self.cluster.remove_node(text(&old.metadata.name));
                false
            }
            (None, None) => false,
        }
    }

    fn namespace_changed(&mut self, change: &Change<Namespace>) -> bool {
        let Some(namespace) = change.newest() else { return false };
        let name = text(&namespace.metadata.name);
        match &change.new {
            Some(new) => self.cluster.put_namespace(name, new.metadata.labels.clone().unwrap_or_default()),
            None => self.cluster.remove_namespace(name),
        }
        true
    }

    fn decide(&mut self, pod: &Arc<Pod>) {
        let (key, uid) = (ObjectKey::of(&**pod), text(&pod.metadata.uid).to_owned());
        let volume = |name: &str| self.volumes.get(&ObjectKey::new("", name));
        let volumes = volumes::required_nodes(pod, |key| self.claims.get(key), volume);
        let (client, recorder, pod) = (self.client.clone(), self.recorder.clone(), pod.clone());
        match choose(&pod, &self.cluster, &volumes, self.first) {
            Ok((node, next)) => {
                self.first = next;
                self.cluster.put_pod(pod.clone(), &node);
                self.assumed.insert(uid.clone());
                let placement = Placement { pod, node };
                let write = async move { placement.write(&client, &recorder).await };
                self.writes.spawn(async move { (Written::Placement { key, uid }, write.await) });
            }
            Err(unfit) => {
                self.waiting.unfit(&key, Instant::now());
                let message = unfit.to_string();
                let write = async move { writes::refuse(&client, &recorder, &pod, &message, Timestamp::now()).await };
                self.writes.spawn(async move { (Written::Refusal, write.await) });
            }
        }
    }

    fn written(&mut self, written: Written, result: Result<(), Error>) {
        let Err(error) = result else { return };
        tracing::debug!("{error}");
        // A refusal is told again with the next try.
        let Written::Placement { key, uid } = written else { return };
        if self.assumed.remove(&uid) {
            self.cluster.remove_pod(&uid);
            self.waiting.failed(&key, Instant::now());
        }
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
