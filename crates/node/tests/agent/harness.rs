//! An agent with a fake runtime in a folder of its own, and waiting for what it tells.

use std::time::Duration;

use jiff::SignedDuration;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod, PodStatus};
use reprise_core::backoff::BackoffLimits;
use reprise_core::plan::Stage;
use reprise_core::timeline::Happened;
use reprise_node::{News, Node, NodeConfig, NodeEvent, PodKey};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::fake_runtime::Fake;

/// Nothing in these tests takes longer.
const LIMIT: Duration = Duration::from_secs(10);

pub struct Agent {
    pub node: Node,
    pub events: UnboundedReceiver<NodeEvent>,
    pub runtime: Fake,
    pub config: NodeConfig,
    pub folder: TempDir,
}

impl Agent {
    pub async fn start() -> Self {
        Self::start_with(|_, _| {}).await
    }

    /// An agent whose settings and runtime are changed first. Delays are short.
    pub async fn start_with(change: impl FnOnce(&mut NodeConfig, &Fake)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let runtime = Fake::start(folder.path()).await;
        runtime.state().exits.insert("setup".to_owned(), 0);
        let mut config = NodeConfig::new(folder.path().join("data"), &runtime.socket);
        config.limits =
            BackoffLimits { initial: SignedDuration::from_millis(20), max: SignedDuration::from_millis(100) };
        config.host_ip = Some("192.0.2.1".to_owned());
        change(&mut config, &runtime);
        let (node, events) = Node::start_subscribed(config.clone()).await.unwrap();
        Self { node, events, runtime, config, folder }
    }

    /// The agent is gone from one moment to the next, and another takes its place.
    pub async fn crash_and_restart(self) -> Self {
        self.crash_do_restart(|_| {}).await
    }

    pub async fn crash_do_restart(self, meanwhile: impl FnOnce(&Fake)) -> Self {
        let Self { node, events, runtime, config, folder } = self;
        node.abandon().await;
        drop((node, events));
        meanwhile(&runtime);
        let (node, events) = Node::start_subscribed(config.clone()).await.unwrap();
        Self { node, events, runtime, config, folder }
    }

    /// The machine goes down in an orderly way and comes up again with nothing in the runtime.
    pub async fn reboot(self) -> Self {
        self.node.shutdown().await;
        self.crash_do_restart(|runtime| {
            let mut state = runtime.state();
            state.containers.clear();
            state.sandboxes.clear();
        })
        .await
    }

    /// Waits for news for which `wanted` gives something.
    pub async fn next<T>(&mut self, what: &str, wanted: impl Fn(&NodeEvent) -> Option<T>) -> T {
        let waiting = async {
            loop {
                let event = self.events.recv().await.expect("the agent tells no more");
                if let Some(found) = wanted(&event) {
                    return found;
                }
            }
        };
        match tokio::time::timeout(LIMIT, waiting).await {
            Ok(found) => found,
            Err(_) => panic!("not within {LIMIT:?}: {what}; calls: {:#?}", self.runtime.calls()),
        }
    }

    /// Waits until something happens.
    pub async fn happens(&mut self, what: &str) -> Happened {
        self.next(what, |e| match &e.news {
            News::Entry(entry) if entry.happened.name() == what => Some(entry.happened.clone()),
            _ => None,
        })
        .await
    }

    /// Waits for a Kubernetes Event with this reason and gives its message.
    pub async fn event(&mut self, reason: &str) -> String {
        self.next(reason, |e| match &e.news {
            News::Event(event) if event.reason == reason => Some(event.message.clone()),
            _ => None,
        })
        .await
    }

    /// Waits for a status for which `holds`.
    pub async fn status(&mut self, what: &str, holds: impl Fn(&PodStatus) -> bool) -> PodStatus {
        self.next(what, |e| match &e.news {
            News::Status { status, .. } if holds(status) => Some(PodStatus::clone(status)),
            _ => None,
        })
        .await
    }

    pub async fn ready(&mut self) -> PodStatus {
        self.status("ready", |s| condition(s, "Ready") == Some("True")).await
    }

    pub async fn stage(&mut self, wanted: Stage) -> PodStatus {
        self.next("the stage", |e| match &e.news {
            News::Status { status, stage, .. } if *stage == wanted => Some(PodStatus::clone(status)),
            _ => None,
        })
        .await
    }

    pub async fn end(self) {
        self.node.shutdown().await;
    }
}

pub fn key() -> PodKey {
    "p".parse().unwrap()
}

pub fn condition<'a>(status: &'a PodStatus, kind: &str) -> Option<&'a str> {
    status.conditions.iter().flatten().find(|c| c.type_ == kind).map(|c| c.status.as_str())
}

/// The status of one container, in whichever list it is.
pub fn container<'a>(status: &'a PodStatus, name: &str) -> &'a ContainerStatus {
    let lists = [&status.container_statuses, &status.init_container_statuses, &status.ephemeral_container_statuses];
    lists.into_iter().flatten().flatten().find(|c| c.name == name).unwrap()
}

/// Why a container waits.
pub fn waiting<'a>(status: &'a PodStatus, name: &str) -> Option<&'a str> {
    container(status, name).state.as_ref()?.waiting.as_ref()?.reason.as_deref()
}

/// A Pod with a setup, a sidecar whose exit 88 restarts all, and a main container.
pub fn watched_pod() -> Pod {
    pod(json!({
        "initContainers": [
            {"name": "setup", "image": "busybox:1"},
            {"name": "watcher", "image": "busybox:1", "restartPolicy": "Always", "restartPolicyRules": [
                {"action": "RestartAllContainers", "exitCodes": {"operator": "In", "values": [88]}}]}],
        "containers": [{"name": "main", "image": "busybox:1"}]
    }))
}

pub fn pod(spec: Value) -> Pod {
    let mut spec = spec;
    spec["restartPolicy"] = spec.get("restartPolicy").cloned().unwrap_or_else(|| json!("Never"));
    let metadata = json!({"name": "p", "namespace": "default"});
    serde_json::from_value(json!({"metadata": metadata, "spec": spec})).unwrap()
}
