//! The node as those parts of it see it that take care of more than one Pod.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::MutexGuard;

use super::Node;
use crate::events::PodEvent;
use crate::paths::NodePaths;
use crate::runtime_calls::Runtime;
use crate::worker::Shared;

impl Node {
    pub(crate) fn id(&self) -> &str {
        &self.inner.shared.node_id
    }

    pub(crate) fn paths(&self) -> &NodePaths {
        &self.inner.shared.paths
    }

    /// What all Pods of the node share.
    pub(crate) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.inner.shared)
    }

    pub(crate) fn runtime(&self) -> &Runtime {
        &self.inner.shared.runtime
    }

    /// The UIDs of all Pods, from before anything of them is made until nothing is left of them.
    pub(crate) fn uids(&self) -> BTreeSet<String> {
        self.inner.workers().values().map(|worker| worker.uid.clone()).collect()
    }

    /// No Pod is taken on while this is held.
    pub(crate) async fn applying(&self) -> MutexGuard<'_, ()> {
        self.inner.applying.lock().await
    }

    /// Tells a Kubernetes Event about the node itself.
    pub(crate) fn tell_event(&self, event: PodEvent) {
        self.inner.shared.publisher.tell_node_event(&self.config().node_name, event);
    }
}
