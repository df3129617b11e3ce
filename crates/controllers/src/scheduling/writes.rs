//! What the scheduler writes: bindings, and why there is none.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Binding, ObjectReference, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::{ObjectMeta, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use reprise_core::unset::{list, text};
use serde_json::json;

use crate::cache::ObjectKey;
use crate::error::Error;
use crate::recorder::{Note, Recorder};

const MANAGER: &str = "kube-scheduler";

/// A Pod's node.
pub(super) struct Placement {
    pub(super) pod: Arc<Pod>,
    pub(super) node: String,
}

impl Placement {
    pub(super) async fn write(&self, client: &Client, recorder: &Recorder) -> Result<(), Error> {
        let key = ObjectKey::of(&*self.pod);
        let binding = Binding {
            metadata: ObjectMeta {
                name: Some(key.name.clone()),
                namespace: Some(key.namespace.clone()),
                uid: self.pod.metadata.uid.clone(),
                ..ObjectMeta::default()
            },
            target: ObjectReference {
                kind: Some("Node".to_owned()),
                name: Some(self.node.clone()),
                ..ObjectReference::default()
            },
        };
        let failed = || format!("a binding of Pod {key} to node {}", self.node);
        let api: Api<Pod> = Api::namespaced(client.clone(), &key.namespace);
        let parameters = PostParams::default();
        let answer = api.create_subresource::<_, serde_json::Value>("binding", &key.name, &parameters, &binding);
        answer.await.map_err(Error::call("create", failed()))?;
        let message = format!("Successfully assigned {key} to {}", self.node);
        recorder.tell(&*self.pod, Note::normal("Scheduled", message));
        Ok(())
    }
}

/// Tells why the Pod has no node.
pub(super) async fn refuse(
    client: &Client,
    recorder: &Recorder,
    pod: &Pod,
    message: &str,
    now: Timestamp,
) -> Result<(), Error> {
    recorder.tell(pod, Note::warning("FailedScheduling", message));
    let Some(condition) = condition(pod, message, now) else { return Ok(()) };
    let key = ObjectKey::of(pod);
    let patch = json!({"metadata": {"uid": pod.metadata.uid}, "status": {"conditions": [condition]}});
    let api: Api<Pod> = Api::namespaced(client.clone(), &key.namespace);
    let parameters = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
    let answer = api.patch_status(&key.name, &parameters, &Patch::Strategic(patch)).await;
    answer.map(|_| ()).map_err(Error::call("patch", format!("the status of Pod {key}")))
}

/// The condition that says so, if the Pod does not have it already.
fn condition(pod: &Pod, message: &str, now: Timestamp) -> Option<serde_json::Value> {
    let conditions = pod.status.as_ref().map(|status| list(&status.conditions)).unwrap_or_default();
    let old = conditions.iter().find(|condition| condition.type_ == "PodScheduled");
    let is_same = |old: &&k8s_openapi::api::core::v1::PodCondition| {
        old.status == "False" && text(&old.reason) == "Unschedulable" && text(&old.message) == message
    };
    if old.filter(is_same).is_some() {
        return None;
    }
    let since = old.filter(|old| old.status == "False").and_then(|old| old.last_transition_time.clone());
    Some(json!({
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": message,
        "lastProbeTime": null,
        "lastTransitionTime": since.unwrap_or(Time(now)),
        "observedGeneration": pod.metadata.generation,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_pod_says_already_is_not_written_again() {
        let now: Timestamp = "2026-01-02T00:00:00Z".parse().unwrap();
        let mut pod = Pod::default();
        let first = condition(&pod, "0/1 nodes are available: 1 Insufficient cpu.", now).unwrap();
        assert_eq!(first["lastTransitionTime"], "2026-01-02T00:00:00Z");
        pod.status = serde_json::from_value(json!({ "conditions": [first] })).unwrap();
        assert_eq!(condition(&pod, "0/1 nodes are available: 1 Insufficient cpu.", now), None);
        let later: Timestamp = "2026-01-03T00:00:00Z".parse().unwrap();
        let other = condition(&pod, "no nodes available to schedule pods", later).unwrap();
        assert_eq!(other["lastTransitionTime"], "2026-01-02T00:00:00Z", "it is as false as it was");
    }
}
