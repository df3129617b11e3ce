//! The node in the API: its Node object with status, its lease and its CSINode object.

mod conditions;
mod csi_node;
mod lease;
mod machine;
mod object;
mod status_patch;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Node as NodeObject, NodeStatus};
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, ResourceExt};
use reprise_node::{EventType, PodEvent};
use serde_json::json;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::backoff::{Backoff, Trouble};
use crate::call::{CallError, call, found};
use crate::context::Context;
use crate::events::Happened;
use conditions::Conditions;
use lease::Lease;
use machine::MachineFacts;

/// The version that the Node object names: the Kubernetes whose behaviour this node has.
pub const KUBELET_VERSION: &str = "v1.36.2+reprise";
/// How often the node is looked at, as with the kubelet (`nodeStatusUpdateFrequency`); the lease is renewed as often.
const PERIOD: Duration = Duration::from_secs(10);
/// A status that did not change is written again after this time (`nodeStatusReportFrequency`).
const REPORT_PERIOD: Duration = Duration::from_secs(5 * 60);

/// Registers the node and keeps what the API has of it up to date. `is_ready` turns true once the API has a status that says so.
pub(crate) async fn keep(
    context: Arc<Context>,
    is_ready: watch::Sender<bool>,
    happened: mpsc::UnboundedSender<Happened>,
) {
    let mut member = NodeObjectKeeper {
        facts: MachineFacts::read(),
        conditions: Conditions::default(),
        written: None,
        is_ready,
        happened,
        context,
    };
    let uid = member.register().await;
    member.context.node_uid.send_replace(Some(uid.clone()));
    let context = Arc::clone(&member.context);
    tokio::join!(
        csi_node::register(&context, &uid),
        Lease::new(Arc::clone(&context), uid.clone()).keep(),
        member.keep_status(),
    );
}

struct NodeObjectKeeper {
    context: Arc<Context>,
    facts: MachineFacts,
    conditions: Conditions,
    /// The last status that the API took, and when.
    written: Option<(NodeStatus, Instant)>,
    is_ready: watch::Sender<bool>,
    happened: mpsc::UnboundedSender<Happened>,
}

impl NodeObjectKeeper {
    fn api(&self) -> Api<NodeObject> {
        Api::all(self.context.client.clone())
    }

    /// Makes the Node object, or takes over the one that is there. Gives its UID.
    async fn register(&mut self) -> String {
        let mut backoff = Backoff::of_calls();
        let mut trouble = Trouble::new("the node can't be registered");
        loop {
            match self.try_register().await {
                Ok(uid) => {
                    trouble.over();
                    return uid;
                }
                Err(error) => trouble.tell(&error),
            }
            tokio::time::sleep(backoff.pause()).await;
        }
    }

    async fn try_register(&mut self) -> Result<String, CallError> {
        let status = self.status().await;
        let wanted = object::new(&self.context, status);
        let api = self.api();
        if let Some(there) = found(call(api.get(&self.context.name)).await)? {
            return self.adopt(there, &wanted).await;
        }
        let created = call(api.create(&PostParams::default(), &wanted)).await?;
        tracing::info!(node = self.context.name, "the node is registered");
        self.tell("Starting", "Starting kubelet.");
        Ok(created.uid().unwrap_or_default())
    }

    /// Labels and annotations that every node has are set again; all else of it is the cluster's.
    async fn adopt(&self, there: NodeObject, wanted: &NodeObject) -> Result<String, CallError> {
        let has_all = object::has_all(there.labels(), wanted.labels())
            && object::has_all(there.annotations(), wanted.annotations());
        if !has_all {
            let metadata = json!({ "labels": wanted.labels(), "annotations": wanted.annotations() });
            let patch = Patch::Strategic(json!({ "metadata": metadata }));
            call(self.api().patch(&self.context.name, &PatchParams::default(), &patch)).await?;
        }
        self.tell("Starting", "Starting kubelet.");
        Ok(there.uid().unwrap_or_default())
    }

    async fn keep_status(&mut self) {
        let mut trouble = Trouble::new("the node's status can't be written");
        let mut ticks = tokio::time::interval(PERIOD);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut backoff = Backoff::of_calls();
        loop {
            ticks.tick().await;
            while let Err(error) = self.write_status().await {
                trouble.tell(&error);
                tokio::time::sleep(backoff.pause()).await;
            }
            trouble.over();
            backoff.reset();
        }
    }

    /// Writes the status if it has changed or was not written for long.
    async fn write_status(&mut self) -> Result<(), CallError> {
        let status = self.status().await;
        let there = call(self.api().get(&self.context.name)).await?;
        // Others say that the node is not ready when they don't hear of it.
        let is_as_told =
            there.status.as_ref().is_some_and(|there| conditions::changes(Some(there), &status).is_empty());
        if let Some((written, at)) = &self.written
            && is_as_told
            && at.elapsed() < REPORT_PERIOD
            && status_patch::is_same(written, &status)
        {
            return Ok(());
        }
        let patch = Patch::Strategic(status_patch::of(self.written.as_ref().map(|(written, _)| written), &status));
        call(self.api().patch_status(&self.context.name, &PatchParams::default(), &patch)).await?;
        let before = self.written.replace((status.clone(), Instant::now()));
        for (reason, message) in conditions::changes(before.as_ref().map(|(before, _)| before), &status) {
            let node = &self.context.name;
            self.tell(&reason, &format!("Node {node} status is now: {message}"));
        }
        self.is_ready.send_if_modified(|ready| std::mem::replace(ready, conditions::is_ready(&status)) != *ready);
        Ok(())
    }

    async fn status(&mut self) -> NodeStatus {
        let report = self.context.node.report().await;
        let conditions = self.conditions.now(&report, Timestamp::now());
        object::status(&self.context.node, &self.facts, &report, conditions)
    }

    fn tell(&self, reason: &str, message: &str) {
        let event = PodEvent::new(Timestamp::now(), EventType::Normal, reason, message);
        if self.happened.send(Happened::ToNode { event }).is_err() {
            tracing::debug!("nobody sends events any more");
        }
    }
}
