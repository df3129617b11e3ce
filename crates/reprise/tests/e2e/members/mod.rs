//! Two nodes join `reprise up --no-node`: Pods and a Job run over both. One agent is killed and started again, one is cut off by
//! a firewall in its own network namespace and comes back; no Pod is lost, doubled or wrongly finished.

pub mod network;
mod scene;

use std::collections::BTreeSet;
use std::fs;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use crate::scene::eventually;
use scene::Members;

/// How many Pods that go on, and how many of the Job.
const PODS: usize = 4;
const COMPLETIONS: usize = 6;

fn worker(name: &str) -> Value {
    json!({"metadata": {"name": name, "labels": {"app": "worker"}}, "spec": {
        "terminationGracePeriodSeconds": 1,
        "topologySpreadConstraints": spread("worker"),
        "containers": [container(&["count", &format!("/ctl/{name}"), "forever"])],
        "volumes": []}})
}

/// As many Pods of this label on one node as on the other.
fn spread(app: &str) -> Value {
    json!([{"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": app}}}])
}

fn container(steps: &[&str]) -> Value {
    json!({"name": "main", "image": reprise_testkit::TESTLOAD_IMAGE, "imagePullPolicy": "IfNotPresent", "args": steps,
        "volumeMounts": [{"name": "ctl", "mountPath": "/ctl"}]})
}

/// Each Pod of the Job counts its run under its index, waits to be let go, and succeeds.
fn job() -> Value {
    let steps = ["count", "/ctl/job-$(JOB_COMPLETION_INDEX)", "wait-file", "/ctl/go"];
    json!({"metadata": {"name": "job"}, "spec": {"completionMode": "Indexed", "completions": COMPLETIONS, "parallelism": 4,
        "template": {"metadata": {"labels": {"app": "job"}}, "spec": {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1, "topologySpreadConstraints": spread("job"),
            "containers": [container(&steps)], "volumes": []}}}})
}

#[test]
fn no_pod_is_lost_doubled_or_wrongly_finished_when_an_agent_is_killed_and_another_cut_off() {
    let mut members = Members::start();
    let names: Vec<String> = (0..PODS).map(|n| format!("worker-{n}")).collect();
    names.iter().for_each(|name| members.create::<Pod>(members.with_ctl(worker(name), "/spec")));
    members.create::<Job>(members.with_ctl(job(), "/spec/template/spec"));
    let before = eventually("all workers run", || members.running("app=worker", PODS));
    let nodes: BTreeSet<String> = before.iter().map(|pod| pod.node.clone()).collect();
    assert_eq!(nodes.len(), 2, "the workers are spread over both nodes: {before:#?}");
    eventually("the first Pods of the Job run", || members.running("app=job", 4));

    members.kill_agent(0);
    members.cut_off(1);
    members.let_go();
    // What the Job's Pods did on both nodes while nobody could tell the API.
    eventually("Pods of the Job end on the node that is cut off", || members.has_ended_unseen(1));
    members.start_agent(0);
    eventually("the cluster misses a node", || (members.ready_nodes() == 1).then_some(()));
    members.restore(1);
    eventually("both nodes are ready", || (members.ready_nodes() == 2).then_some(()));

    let done = eventually("the Job is complete", || members.job_status().filter(|s| s.succeeded == Some(6)));
    assert_eq!(done.failed.unwrap_or(0), 0, "{done:#?}");
    let after = eventually("all workers run", || members.running("app=worker", PODS));
    assert_eq!(after, before, "the same Pods, on the same nodes, never restarted");
    for name in names.iter().cloned().chain((0..COMPLETIONS).map(|n| format!("job-{n}"))) {
        let count = fs::read_to_string(members.ctl().join(&name)).unwrap();
        assert_eq!(count.trim(), "1", "{name} ran more than once");
    }
    members.delete_all("app=worker");
    eventually("all workers are gone", || members.running("app=worker", 0));
    assert_eq!(members.refusals(), [] as [&str; 0], "nodes made calls that they may not make");
    let (calls, forbidden) = members.node_calls();
    assert!(
        calls > 0 && forbidden.is_empty(),
        "of {calls} calls of nodes, no cluster allows:\n{}",
        forbidden.join("\n")
    );
    members.end();
}
