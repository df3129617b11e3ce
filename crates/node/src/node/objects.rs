//! The objects that Pods refer to: taken in from whoever has them, kept as long as there are Pods.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;
use reprise_core::objects::node_selector::NodeFacts;
use reprise_core::objects::{ApiObject, ObjectKey, TokenKey};

use super::Node;
use crate::config::NodeConfig;
use crate::error::{NodeError, chain};
use crate::objects::Objects;
use crate::paths::NodePaths;
use crate::volumes::claim;

impl Node {
    /// Takes in objects that have been let in, each in the place of the one that has its name. They are on disk (Secrets:
    /// in memory) before this returns; Pods that use them follow.
    ///
    /// # Errors
    /// If one changes what may not change (then none is taken in), or can't be written.
    pub async fn apply_objects(&self, objects: Vec<ApiObject>) -> Result<(), NodeError> {
        let _one_at_a_time = self.inner.applying.lock().await;
        if let Some(error) = self.check_objects(&objects).into_iter().next() {
            return Err(error);
        }
        let all = self.inner.shared.objects.clone();
        tokio::task::spawn_blocking(move || all.put(objects)).await.unwrap_or(Err(NodeError::ShuttingDown))
    }

    /// Takes in objects as an API has them. They are on disk (Secrets: in memory) before this returns; Pods that use them follow.
    ///
    /// # Errors
    /// If one can't be written.
    pub async fn mirror_objects(&self, objects: Vec<ApiObject>) -> Result<(), NodeError> {
        let all = self.inner.shared.objects.clone();
        tokio::task::spawn_blocking(move || all.mirror(objects)).await.unwrap_or(Err(NodeError::ShuttingDown))
    }

    /// Forgets an object that the API does not have any more, or that no Pod here refers to.
    ///
    /// # Errors
    /// If it can't be removed.
    pub async fn remove_object(&self, key: ObjectKey) -> Result<(), NodeError> {
        let all = self.inner.shared.objects.clone();
        tokio::task::spawn_blocking(move || all.remove(&key)).await.unwrap_or(Err(NodeError::ShuttingDown))
    }

    /// An object as the node has it.
    #[must_use]
    pub fn object(&self, key: &ObjectKey) -> Option<Arc<ApiObject>> {
        self.inner.shared.objects.get(key)
    }

    /// Gives the Pod with this UID a token of its service account, in the place of the one before.
    pub fn put_token(&self, uid: &str, key: TokenKey, token: String) {
        self.inner.shared.objects.put_token(uid, key, token);
    }

    /// What [`Node::apply_objects`] would refuse as things are now.
    #[must_use]
    pub fn check_objects(&self, objects: &[ApiObject]) -> Vec<NodeError> {
        self.inner.shared.objects.check(objects)
    }

    /// Where no Pod is, nothing refers to anything.
    pub(super) fn forget_objects(&self) {
        if !self.inner.workers().is_empty() {
            return;
        }
        if let Err(error) = self.inner.shared.objects.clear() {
            tracing::warn!(error = %chain(&error), "objects of the last pods stay");
        }
    }
}

/// What the last agent has left, if it has left Pods.
pub(super) fn objects_for(config: &NodeConfig, paths: &NodePaths, pods: &[Pod]) -> Result<Objects, NodeError> {
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let objects = Objects::open(paths, NodeFacts::new(&config.node_name, arch), config.in_cluster)?;
    if pods.is_empty() {
        objects.clear()?;
    }
    for pod in pods {
        claim::take_again(pod, &paths.pod(pod), &objects);
    }
    Ok(objects)
}
