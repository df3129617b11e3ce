//! A node that runs nothing, but says of its Pods what a node would.

use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client};
use serde_json::json;

/// Pods run for so long.
const RUNS_FOR: Duration = Duration::from_millis(50);

/// Runs all Pods of the node until it is dropped. A Pod ends with the exit code in its label `exit`, or not at all.
pub struct FakeNode(tokio::task::JoinHandle<()>);

impl FakeNode {
    pub fn start(client: Client, name: &str) -> Self {
        let config = watcher::Config::default().fields(&format!("spec.nodeName={name}"));
        Self(tokio::spawn(async move {
            let pods = watcher(Api::<Pod>::all(client.clone()), config).default_backoff().touched_objects();
            let mut pods = pods.boxed();
            while let Some(pod) = pods.next().await {
                if let Ok(pod) = pod {
                    tokio::spawn(tend(client.clone(), pod));
                }
            }
        }))
    }
}

impl Drop for FakeNode {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What it can't write now it writes when it hears of the Pod again.
async fn tend(client: Client, pod: Pod) {
    let (name, namespace) = (pod.metadata.name.unwrap(), pod.metadata.namespace.unwrap());
    let pods: Api<Pod> = Api::namespaced(client, &namespace);
    let phase = pod.status.and_then(|status| status.phase).unwrap_or_default();
    let has_ended = ["Succeeded", "Failed"].contains(&phase.as_str());
    let exit = pod.metadata.labels.unwrap_or_default().get("exit").and_then(|code| code.parse::<i32>().ok());
    let status = |phase: &str, state: serde_json::Value| {
        let ready = if phase == "Running" { "True" } else { "False" };
        let container = json!({"name": "c", "image": "i", "imageID": "", "ready": phase == "Running", "restartCount": 0, "state": state});
        Patch::Strategic(json!({"status": {"phase": phase, "containerStatuses": [container],
            "conditions": [{"type": "Ready", "status": ready}]}}))
    };
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let ended = |code: i32| {
        let state = json!({"terminated": {"exitCode": code, "finishedAt": now}});
        status(if code == 0 { "Succeeded" } else { "Failed" }, state)
    };
    if pod.metadata.deletion_timestamp.is_some() {
        if !has_ended {
            let _ = pods.patch_status(&name, &PatchParams::default(), &ended(143)).await;
        }
        let _ = pods.delete(&name, &DeleteParams::default().grace_period(0)).await;
    } else if phase == "Pending" {
        let running = status("Running", json!({"running": {"startedAt": now}}));
        let _ = pods.patch_status(&name, &PatchParams::default(), &running).await;
    } else if let Some(code) = exit.filter(|_| !has_ended) {
        tokio::time::sleep(RUNS_FOR).await;
        let _ = pods.patch_status(&name, &PatchParams::default(), &ended(code)).await;
    }
}
