//! What the status of a Pod says when it does not end on its own.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};

/// The condition `DisruptionTarget`, as a strategic merge patch of the status.
pub(crate) fn target(pod: &Pod, reason: &str, message: &str, now: Timestamp) -> Value {
    let condition = json!({
        "type": "DisruptionTarget",
        "status": "True",
        "reason": reason,
        "message": message,
        "lastProbeTime": null,
        "lastTransitionTime": Time(now),
        "observedGeneration": pod.metadata.generation,
    });
    json!({"metadata": {"uid": pod.metadata.uid}, "status": {"conditions": [condition]}})
}

/// The same for a Pod of which nobody will say any more how it ended.
pub(crate) fn failed(pod: &Pod, reason: &str, message: &str, now: Timestamp) -> Value {
    let mut patch = target(pod, reason, message, now);
    patch["status"]["phase"] = json!("Failed");
    patch
}
