//! `reprise fleet` against `reprise up --no-node`: a small fleet with a JobSet that restarts in place.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Instant;

use k8s_openapi::api::core::v1::Pod;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, ListParams, PostParams};
use kube::{Api, Client, ResourceExt};
use reprise_testkit::Node;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::client_libraries::up::Up;
use crate::scene::LIMIT;

const NODES: u64 = 20;

/// A running `reprise fleet`.
struct Fleet {
    child: Child,
    commands: ChildStdin,
    counts: Receiver<Value>,
}

impl Fleet {
    fn start(node: &Node, up: &Up) -> Self {
        let mut command = node.command();
        command.args(["fleet", "--output", "json", "--nodes", &NODES.to_string(), "--kubeconfig"]).arg(up.kubeconfig());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (sender, counts) = channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || {
            let lines =
                output.lines().map_while(Result::ok).filter_map(|line| serde_json::from_str::<Value>(&line).ok());
            lines.map(|mut line| line["counts"].take()).try_for_each(|counts| sender.send(counts))
        });
        Self { commands: child.stdin.take().unwrap(), child, counts }
    }

    fn until(&self, what: &str, holds: impl Fn(&Value) -> bool) {
        let (end, mut last) = (Instant::now() + LIMIT, Value::Null);
        while !holds(&last) {
            match self.counts.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(counts) => last = counts,
                Err(error) => panic!("{what}: {error}; last: {last}"),
            }
        }
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        kill_process(Pid::from_child(&self.child), Signal::INT).ok();
        self.child.wait().ok();
    }
}

fn job_set() -> Value {
    let field = |path: &str| json!({"fieldRef": {"fieldPath": path}});
    let restart = |operator: &str, code: i32| json!([{"action": "RestartAllContainers", "exitCodes": {"operator": operator, "values": [code]}}]);
    let agent = json!({
        "name": "restart-agent", "image": "reprise.dev/restart-agent", "restartPolicy": "Always",
        "restartPolicyRules": restart("In", 88),
        "env": [
            {"name": "JOBSET_NAME", "valueFrom": field("metadata.annotations['jobset.sigs.k8s.io/jobset-name']")},
            {"name": "POD_NAME", "valueFrom": field("metadata.name")},
            {"name": "IN_PLACE_RESTART_EXIT_CODE", "value": "88"},
        ],
        "startupProbe": {"httpGet": {"path": "/barrier-is-down", "port": 8081}, "periodSeconds": 1, "failureThreshold": 1000},
    });
    let worker = json!({
        "name": "worker", "image": "example.org/worker", "restartPolicy": "Never", "restartPolicyRules": restart("NotIn", 0),
    });
    let pod = json!({"restartPolicy": "Never", "initContainers": [agent], "containers": [worker]});
    let job = json!({
        "parallelism": NODES, "completions": NODES, "completionMode": "Indexed", "backoffLimit": i32::MAX,
        "podReplacementPolicy": "Failed", "template": {"spec": pod},
    });
    json!({
        "apiVersion": "jobset.x-k8s.io/v1alpha2", "kind": "JobSet", "metadata": {"name": "training"},
        "spec": {
            "failurePolicy": {"maxRestarts": 3, "restartStrategy": "InPlaceRestart"},
            "replicatedJobs": [{"name": "workers", "replicas": 1, "template": {"spec": job}}],
        },
    })
}

async fn uids(client: &Client) -> BTreeSet<String> {
    let pods: Api<Pod> = Api::default_namespaced(client.clone());
    pods.list(&ListParams::default()).await.unwrap().iter().filter_map(ResourceExt::uid).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fleet_restarts_in_place_after_a_scripted_fault() {
    let node = Node::new();
    let up = Up::start(&node, &["--no-node"]);
    let mut fleet = Fleet::start(&node, &up);
    fleet.until("all nodes are ready", |counts| counts["nodesReady"] == NODES);
    let client = up.client(None).await;
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("jobset.x-k8s.io", "v1alpha2", "JobSet"));
    let job_sets: Api<DynamicObject> = Api::default_namespaced_with(client.clone(), &kind);
    let wanted: DynamicObject = serde_json::from_value(job_set()).unwrap();
    job_sets.create(&PostParams::default(), &wanted).await.unwrap();
    fleet.until("all workers run", |counts| counts["workersRunning"] == NODES);
    let before = uids(&client).await;
    assert_eq!(before.len() as u64, NODES);

    writeln!(fleet.commands, "exit 3 1 worker").unwrap();
    fleet.until("all workers run again", |counts| {
        counts["workersRunning"] == NODES && counts["workersBegun"].as_u64() >= Some(2 * NODES)
    });
    assert_eq!(uids(&client).await, before, "no Pod was recreated");
    // A node that is late to tell of a restart may cause one more.
    let status = job_sets.get("training").await.unwrap().data["status"].take();
    let attempt = |name: &str| status[name].as_i64();
    let (current, previous) = (attempt("currentInPlaceRestartAttempt"), attempt("previousInPlaceRestartAttempt"));
    assert!(current >= Some(1) && previous >= Some(0), "{status}");
}
