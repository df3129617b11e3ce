//! What is known of one Pod at one moment: an element of `ps -o json`, and what summaries are made of.

use std::collections::BTreeSet;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod, PodStatus};
use reprise_core::step::StepRecord;
use reprise_node::{PodKey, PodView};
use serde::Serialize;

/// One Pod.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PodReport {
    /// `namespace/name`.
    pub pod: String,
    pub namespace: String,
    pub name: String,
    pub uid: String,
    pub phase: String,
    /// How often it has been restarted in place.
    pub epoch: u64,
    /// Its primary address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// The runtime's id of its sandbox.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<String>,
    /// It is being deleted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub terminating: bool,
    /// When it was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// The names of its sidecars: the status alone doesn't tell them from other init containers.
    #[serde(skip)]
    pub sidecars: BTreeSet<String>,
    /// How many regular containers it has: the status of a Pod that was refused lists none.
    #[serde(skip)]
    pub regular: usize,
    pub status: PodStatus,
    /// Its in-place restarts, oldest first.
    pub steps: Vec<StepRecord>,
}

impl PodReport {
    /// The report of what a node says about a Pod.
    pub fn of(view: &PodView) -> Self {
        let PodKey { namespace, name } = PodKey::of(&view.pod);
        let sandbox = view.ledger.sandbox.as_ref();
        Self {
            pod: format!("{namespace}/{name}"),
            namespace,
            name,
            uid: view.pod.metadata.uid.clone().unwrap_or_default(),
            phase: view.status.phase.clone().unwrap_or_else(|| "Pending".to_owned()),
            epoch: view.ledger.epoch,
            ip: view.status.pod_ip.clone(),
            sandbox: sandbox.map(|sandbox| sandbox.id.clone()),
            terminating: view.pod.metadata.deletion_timestamp.is_some(),
            created_at: view.pod.metadata.creation_timestamp.as_ref().map(|time| time.0),
            sidecars: sidecars(&view.pod),
            regular: view.pod.spec.as_ref().map_or(0, |spec| spec.containers.len()),
            status: view.status.clone(),
            steps: view.all_steps(),
        }
    }

    /// Its name, with the namespace where that is not the usual one.
    pub fn short_name(&self) -> &str {
        if self.namespace == "default" { &self.name } else { &self.pod }
    }

    /// Whether it has succeeded or failed.
    pub fn has_ended(&self) -> bool {
        matches!(self.phase.as_str(), "Succeeded" | "Failed")
    }

    /// Whether its condition `Ready` is `True`.
    pub fn is_ready(&self) -> bool {
        let conditions = self.status.conditions.iter().flatten();
        conditions.into_iter().any(|c| c.type_ == "Ready" && c.status == "True")
    }

    /// Whether the init container `name` is a sidecar.
    pub fn is_sidecar(&self, name: &str) -> bool {
        self.sidecars.contains(name)
    }

    /// The statuses of its init containers, sidecars among them.
    pub fn init_containers(&self) -> &[ContainerStatus] {
        self.status.init_container_statuses.as_deref().unwrap_or_default()
    }

    /// The statuses of its regular containers.
    pub fn containers(&self) -> &[ContainerStatus] {
        self.status.container_statuses.as_deref().unwrap_or_default()
    }
}

fn sidecars(pod: &Pod) -> BTreeSet<String> {
    let init = pod.spec.as_ref().and_then(|spec| spec.init_containers.as_deref()).unwrap_or_default();
    let sidecars = init.iter().filter(|container| container.restart_policy.as_deref() == Some("Always"));
    sidecars.map(|container| container.name.clone()).collect()
}
