//! Pods leave nodes with taints that they do not tolerate for ever.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use kube::{Api, Client};
use reprise_core::taints::{Stay, stay};
use reprise_core::unset::{list, text};
use tokio::task::JoinSet;

use crate::cache::{Cache, ObjectKey};
use crate::caches::{Caches, on_node};
use crate::disruption;
use crate::error::{Error, unless_gone};
use crate::queue::Queue;
use crate::recorder::{Note, Recorder};

const AT_ONCE: usize = 8;

/// Deletes them when their time is over.
pub(crate) struct Eviction {
    client: Client,
    recorder: Recorder,
    nodes: Cache<Node>,
    pods: Cache<Pod>,
    /// Taints that are older than this count from now: nodes must have had the time to say that they are back.
    started: Timestamp,
}

impl Eviction {
    pub(crate) fn new(client: Client, caches: &Caches, recorder: Recorder) -> Self {
        let (nodes, pods) = (caches.nodes.clone(), caches.pods.clone());
        Self { client, recorder, nodes, pods, started: Timestamp::now() }
    }

    /// Works for ever.
    pub(crate) async fn run(self) {
        tokio::join!(self.nodes.ready(), self.pods.ready());
        let (queue, mut tasks) = (Queue::new(), JoinSet::new());
        self.pods.enqueue(&mut tasks, &queue, |pod| vec![ObjectKey::of(&**pod)]);
        let pods = self.pods.clone();
        self.nodes.enqueue(&mut tasks, &queue, move |node| {
            pods.marked(&on_node(text(&node.metadata.name))).iter().map(|pod| ObjectKey::of(&**pod)).collect()
        });
        let own = Arc::new(self);
        queue.run(AT_ONCE, move |key| own.clone().look(key).boxed()).await;
    }

    async fn look(self: Arc<Self>, key: ObjectKey) -> Result<Option<Duration>, Error> {
        let Some(pod) = self.pods.get(&key) else { return Ok(None) };
        let node = pod.spec.as_ref().map(|spec| text(&spec.node_name)).unwrap_or_default();
        let Some(node) = self.nodes.get(&ObjectKey::new("", node)) else { return Ok(None) };
        let now = Timestamp::now();
        let Some(at) = leaves_at(&pod, &node, self.started) else { return Ok(None) };
        let left = at.duration_since(now);
        if left > SignedDuration::ZERO {
            return Ok(Some(Duration::try_from(left).unwrap_or_default()));
        }
        self.evict(&pod, now).await.map(|()| None)
    }

    async fn evict(&self, pod: &Pod, now: Timestamp) -> Result<(), Error> {
        let key = ObjectKey::of(pod);
        self.recorder.tell(pod, Note::normal("TaintManagerEviction", format!("Marking for deletion Pod {key}")));
        let api: Api<Pod> = Api::namespaced(self.client.clone(), &key.namespace);
        let why = "Taint manager: deleting due to NoExecute taint";
        let patch = disruption::target(pod, "DeletionByTaintManager", why, now);
        let answer = api.patch_status(&key.name, &PatchParams::default(), &Patch::Strategic(patch)).await;
        unless_gone(answer.map_err(Error::call("patch", format!("the status of Pod {key}"))))?;
        let conditions = Preconditions { uid: pod.metadata.uid.clone(), resource_version: None };
        let answer = api.delete(&key.name, &DeleteParams::background().preconditions(conditions)).await;
        unless_gone(answer.map_err(Error::call("delete", format!("Pod {key}")))).map(|_| ())
    }
}

/// When the Pod has to leave its node, if it has to and is not leaving yet.
fn leaves_at(pod: &Pod, node: &Node, started: Timestamp) -> Option<Timestamp> {
    let phase = pod.status.as_ref().map(|status| text(&status.phase)).unwrap_or_default();
    if pod.metadata.deletion_timestamp.is_some() || ["Succeeded", "Failed"].contains(&phase) {
        return None;
    }
    let taints = node.spec.as_ref().map(|spec| list(&spec.taints)).unwrap_or_default();
    let tolerations = pod.spec.as_ref().map(|spec| list(&spec.tolerations)).unwrap_or_default();
    let Stay::Seconds(seconds) = stay(tolerations, taints) else { return None };
    let expelling = taints.iter().filter(|taint| taint.effect == "NoExecute");
    let since = expelling.filter_map(|taint| taint.time_added.as_ref()).map(|time| time.0).max();
    let since = since.map_or(started, |since| since.max(started));
    since.checked_add(SignedDuration::from_secs(seconds)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn leaves(tolerations: &Value, phase: &str, started: i64) -> Option<i64> {
        let pod = json!({"spec": {"containers": [], "tolerations": tolerations}, "status": {"phase": phase}});
        let taint = json!({"key": "node.kubernetes.io/unreachable", "effect": "NoExecute", "timeAdded": "1970-01-01T00:01:00Z"});
        let node = json!({"spec": {"taints": [taint]}});
        let (pod, node) = (serde_json::from_value(pod).unwrap(), serde_json::from_value(node).unwrap());
        leaves_at(&pod, &node, at(started)).map(Timestamp::as_second)
    }

    #[test]
    fn a_pod_leaves_when_its_toleration_is_over_and_not_before_the_node_could_come_back() {
        let some = json!([{"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}]);
        assert_eq!(leaves(&some, "Running", 0), Some(360));
        assert_eq!(leaves(&some, "Running", 1000), Some(1300), "the controller was away");
        assert_eq!(leaves(&json!([]), "Running", 0), Some(60));
        assert_eq!(leaves(&json!([{"operator": "Exists"}]), "Running", 0), None);
        assert_eq!(leaves(&some, "Succeeded", 0), None);
    }
}
