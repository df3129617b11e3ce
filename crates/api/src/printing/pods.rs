//! Columns of Pods.

use jiff::Timestamp;
use serde_json::Value;

use super::age::since;
use super::field::{has_condition, items, or, or_none, text};
use super::pod_status::PodLine;
use super::{Column, Columns};

/// Columns of Pods.
pub static PODS: Columns = Columns(&[
    Column::NAME,
    Column::text("Ready", "How many of the Pod's containers are ready.", ready),
    Column::text("Status", "What the Pod's containers are doing, in one word.", |pod, _| {
        PodLine::of(pod).status.into()
    }),
    Column::text("Restarts", "How often the Pod's containers were restarted, and when last.", restarts),
    Column::AGE,
    Column::text("IP", "The Pod's address; empty while it has none.", ip).wide(),
    Column::text("Node", "The node that the Pod was placed on.", |pod, _| or_none(pod, "/spec/nodeName")).wide(),
    Column::text("Nominated Node", "The node that room is being made on.", nominated).wide(),
    Column::text("Readiness Gates", "How many of the Pod's readiness gates are passed.", readiness_gates).wide(),
]);

fn ready(pod: &Value, _: Timestamp) -> Value {
    let line = PodLine::of(pod);
    format!("{}/{}", line.ready, line.containers).into()
}

fn restarts(pod: &Value, now: Timestamp) -> Value {
    let line = PodLine::of(pod);
    match line.last_restart {
        Some(time) if line.restarts != 0 => format!("{} ({} ago)", line.restarts, since(Some(time), now)),
        _ => line.restarts.to_string(),
    }
    .into()
}

fn ip(pod: &Value, _: Timestamp) -> Value {
    let first = text(pod, "/status/podIPs/0/ip");
    or(or(first, text(pod, "/status/podIP")), "<none>").into()
}

fn nominated(pod: &Value, _: Timestamp) -> Value {
    or_none(pod, "/status/nominatedNodeName")
}

fn readiness_gates(pod: &Value, _: Timestamp) -> Value {
    let gates = items(pod, "/spec/readinessGates");
    if gates.is_empty() {
        return "<none>".into();
    }
    let passed = gates.iter().filter(|gate| has_condition(pod, text(gate, "/conditionType"), "True")).count();
    format!("{passed}/{}", gates.len()).into()
}
