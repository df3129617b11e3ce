//! A Job with real Pods, as kubectl shows it.

use reprise_testkit::image::BUSYBOX_IMAGE;
use serde_json::{Value, json};

use super::cluster::{Cluster, Release};

super::with_each_kubectl!(a_job_runs_to_its_end, a_job_that_fails_ends_with_its_reason);

fn job(name: &str, script: &str, more: &Value) -> String {
    let container =
        json!({"name": "c", "image": BUSYBOX_IMAGE, "imagePullPolicy": "Never", "command": ["sh", "-c", script]});
    // A machine whose disk is nearly full has a taint, which is not what is tried here.
    let tolerations = json!([{"operator": "Exists"}]);
    let pod = json!({"restartPolicy": "Never", "containers": [container], "tolerations": tolerations});
    let mut job = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name},
        "spec": {"template": {"spec": pod}}});
    for (field, value) in more.as_object().unwrap() {
        job["spec"][field] = value.clone();
    }
    job.to_string()
}

fn a_job_runs_to_its_end(release: Release) {
    let cluster = Cluster::with_node(release);
    let indexed = json!({"completions": 3, "parallelism": 2, "completionMode": "Indexed"});
    let file = cluster.file(&job("train", "echo $JOB_COMPLETION_INDEX of $(hostname)", &indexed));
    cluster.says(&["apply", "-f", &file], "job.batch/train created");
    cluster.says(&["wait", "--for=condition=complete", "job/train", "--timeout=80s"], "job.batch/train condition met");
    let status = &cluster.json(&["get", "job", "train"])["status"];
    assert_eq!((&status["succeeded"], &status["completedIndexes"]), (&json!(3), &json!("0-2")), "{status:#}");
    let listed = cluster.ok(&["get", "jobs"]);
    let line: Vec<&str> = listed.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(line[..3], ["train", "Complete", "3/3"], "{listed}");
    let logs = cluster.ok(&["logs", "-l", "batch.kubernetes.io/job-name=train"]);
    let mut logs: Vec<&str> = logs.lines().collect();
    logs.sort_unstable();
    assert_eq!(logs, ["0 of train-0", "1 of train-1", "2 of train-2"]);
    let described = cluster.ok(&["describe", "job", "train"]);
    for part in ["SuccessfulCreate", "Completed", "0 Active (0 Ready) / 3 Succeeded / 0 Failed"] {
        assert!(described.contains(part), "no {part:?} in {described}");
    }
    cluster.ok(&["delete", "job", "train", "--cascade=foreground"]);
    assert_eq!(cluster.json(&["get", "pods"])["items"], json!([]));
}

fn a_job_that_fails_ends_with_its_reason(release: Release) {
    let cluster = Cluster::with_node(release);
    let policy = json!({"rules": [{"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}}]});
    let file = cluster.file(&job("bad", "exit 42", &json!({ "podFailurePolicy": policy })));
    cluster.says(&["apply", "-f", &file], "job.batch/bad created");
    cluster.says(&["wait", "--for=condition=failed", "job/bad", "--timeout=80s"], "job.batch/bad condition met");
    let status = cluster.json(&["get", "job", "bad"])["status"].clone();
    let conditions = status["conditions"].as_array().unwrap();
    let failed = conditions.iter().find(|condition| condition["type"] == "Failed").unwrap();
    assert_eq!((&failed["reason"], &status["failed"]), (&json!("PodFailurePolicy"), &json!(1)), "{status:#}");
    let message = failed["message"].as_str().unwrap();
    assert!(message.ends_with("failed with exit code 42 matching FailJob rule at index 0"), "{message}");
}
