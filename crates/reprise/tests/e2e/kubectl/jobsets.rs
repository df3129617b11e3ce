//! JobSets with real Pods, as kubectl shows them, and their controller as a program of its own.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Stdio;

use reprise_testkit::image::BUSYBOX_IMAGE;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::cluster::{Cluster, Release, lines, said};

super::with_each_kubectl!(a_job_set_runs_to_its_end, a_job_set_that_fails_says_why);

fn entry(name: &str, replicas: u32, script: &str) -> Value {
    let container =
        json!({"name": "c", "image": BUSYBOX_IMAGE, "imagePullPolicy": "Never", "command": ["sh", "-c", script]});
    // A machine whose disk is nearly full has a taint, which is not what is tried here.
    let tolerations = json!([{"operator": "Exists"}]);
    let pod = json!({"restartPolicy": "Never", "containers": [container], "tolerations": tolerations});
    json!({"name": name, "replicas": replicas, "template": {"spec": {"completions": 1, "parallelism": 1, "backoffLimit": 0,
        "template": {"spec": pod}}}})
}

fn set(name: &str, spec: &Value) -> String {
    json!({"apiVersion": "jobset.x-k8s.io/v1alpha2", "kind": "JobSet", "metadata": {"name": name}, "spec": spec})
        .to_string()
}

fn a_job_set_runs_to_its_end(release: Release) {
    let cluster = Cluster::with_node(release);
    // Each finds the leader by its name.
    let find = "for i in $(seq 200); do ping -c 1 -w 1 train-leader-0-0.train | grep -q '(' && echo found && exit 0; sleep 0.1; \
         done; exit 1";
    let mut workers = entry("workers", 2, find);
    workers["dependsOn"] = json!([{"name": "leader", "status": "Ready"}]);
    let targets = json!({"operator": "All", "targetReplicatedJobs": ["workers"]});
    let spec = json!({"replicatedJobs": [entry("leader", 1, "exec sleep 1000"), workers], "successPolicy": targets});
    let file = cluster.file(&set("train", &spec));
    cluster.says(&["apply", "-f", &file], "jobset.jobset.x-k8s.io/train created");
    cluster.says(
        &["wait", "--for=condition=Completed", "jobset/train", "--timeout=80s"],
        "jobset.jobset.x-k8s.io/train condition met",
    );
    let logs = cluster.ok(&["logs", "-l", "jobset.sigs.k8s.io/replicatedjob-name=workers"]);
    assert_eq!(logs, "found\nfound\n");
    let listed = cluster.table(&["get", "jobsets"]);
    assert_eq!(listed[1][..4], ["train", "Completed", "0", "True"], "{listed:?}");
    cluster.ok(&["wait", "--for=delete", "job/train-leader-0", "--timeout=80s"]);
    let described = cluster.ok(&["describe", "jobset", "train"]);
    assert!(described.contains("AllJobsCompleted"), "{described}");
}

fn a_job_set_that_fails_says_why(release: Release) {
    let cluster = Cluster::with_node(release);
    let rules = json!([{"name": "again", "action": "RestartJobSet", "targetReplicatedJobs": ["workers"]}]);
    let spec =
        json!({"replicatedJobs": [entry("workers", 1, "exit 3")], "failurePolicy": {"maxRestarts": 1, "rules": rules}});
    let file = cluster.file(&set("bad", &spec));
    cluster.says(&["apply", "-f", &file], "jobset.jobset.x-k8s.io/bad created");
    cluster.says(
        &["wait", "--for=condition=Failed", "jobset/bad", "--timeout=80s"],
        "jobset.jobset.x-k8s.io/bad condition met",
    );
    let status = cluster.json(&["get", "jobset", "bad"])["status"].clone();
    assert_eq!((&status["restarts"], &status["terminalState"]), (&json!(1), &json!("Failed")), "{status:#}");
    let conditions = status["conditions"].as_array().unwrap();
    let failed = conditions.iter().find(|condition| condition["type"] == "Failed").unwrap();
    assert_eq!(failed["reason"], "ReachedMaxRestarts", "{status:#}");
    let metrics = cluster.ok(&["get", "--raw", "/metrics"]);
    assert!(metrics.contains("jobset_failed_total{jobset_name=\"bad\",namespace=\"default\"} 1\n"), "{metrics}");
}

#[test]
fn the_controller_works_while_it_holds_its_lease_and_gives_it_back() {
    let cluster = Cluster::api(Release::Newer);
    let kubeconfig = cluster.kubeconfig().to_str().unwrap();
    let mut command = cluster.node.command();
    command.args(["controller", "--kubeconfig", kubeconfig, "--metrics-address", "127.0.0.1:0"]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = lines(child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let address = said(&lines, |line| line.strip_prefix("metrics at http://").map(str::to_owned));
    said(&lines, |line| line.starts_with("running the JobSets of https://").then_some(()));
    let (lease, holder) = ("lease/reprise-jobset-controller", ".spec.holderIdentity");
    let field = |path: &str| cluster.ok(&["-n", "kube-system", "get", lease, "-o", &format!("jsonpath={{{path}}}")]);
    assert!(!field(holder).is_empty());
    let mut connection = TcpStream::connect(address.trim_end_matches("/metrics")).unwrap();
    connection.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut metrics = String::new();
    connection.read_to_string(&mut metrics).unwrap();
    assert!(
        metrics.starts_with("HTTP/1.1 200 OK") && metrics.contains("# TYPE jobset_failed_total counter"),
        "{metrics}"
    );
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(field(holder), "");
}

#[test]
fn the_controller_prints_the_definition_of_its_kind() {
    let node = reprise_testkit::Node::new();
    let printed = node.verb(&["controller", "crd"]).ok().json();
    assert_eq!(printed["metadata"]["name"], "jobsets.jobset.x-k8s.io");
    let schema = &printed["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"];
    assert!(schema["replicatedJobs"].is_object());
}
