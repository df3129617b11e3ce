//! The JobSet: a worker on each node.

use serde_json::{Value, json};

/// How a JobSet recovers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// Pods restart in place.
    InPlaceRestart,
    /// Jobs and Pods are made anew.
    Recreate,
}

/// How many Pods each Job has at most.
const PODS_PER_JOB: u32 = 500;

impl Strategy {
    /// As the API has it; also a part of the JobSet's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::InPlaceRestart => "InPlaceRestart",
            Self::Recreate => "Recreate",
        }
    }

    /// The JobSet's name.
    pub fn job_set(self) -> String {
        self.name().to_lowercase()
    }
}

/// A JobSet of so many workers, each of which requests `cpu`.
pub fn job_set(strategy: Strategy, workers: u32, cpu: &str) -> Value {
    // As many as leave no remainder.
    let replicas =
        (workers.div_ceil(PODS_PER_JOB)..=workers).find(|jobs| workers.is_multiple_of(*jobs)).unwrap_or(workers);
    let mut job = json!({
        "parallelism": workers / replicas,
        "completions": workers / replicas,
        "completionMode": "Indexed",
        "backoffLimit": 0,
        "template": { "spec": pod(strategy, cpu) },
    });
    if strategy == Strategy::InPlaceRestart {
        job["backoffLimit"] = json!(i32::MAX);
        job["podReplacementPolicy"] = json!("Failed");
    }
    json!({
        "apiVersion": "jobset.x-k8s.io/v1alpha2",
        "kind": "JobSet",
        "metadata": { "name": strategy.job_set(), "namespace": "default" },
        "spec": {
            "failurePolicy": { "maxRestarts": 10, "restartStrategy": strategy.name() },
            "replicatedJobs": [{ "name": "workers", "replicas": replicas, "template": { "spec": job } }],
        },
    })
}

/// In place, the restart agent is the sidecar whose startup probe is the barrier; a worker that fails restarts its Pod. For recreation there
/// is neither.
fn pod(strategy: Strategy, cpu: &str) -> Value {
    let mut worker = json!({
        "name": "worker",
        "image": "example.org/worker",
        "command": ["train"],
        "resources": { "requests": { "cpu": cpu } },
    });
    let mut spec = json!({ "restartPolicy": "Never", "terminationGracePeriodSeconds": 5 });
    if strategy == Strategy::InPlaceRestart {
        let restart = |codes: Value| json!([{ "action": "RestartAllContainers", "exitCodes": codes }]);
        worker["restartPolicy"] = json!("Never");
        worker["restartPolicyRules"] = restart(json!({ "operator": "NotIn", "values": [0] }));
        let field =
            |name: &str, path: &str| json!({ "name": name, "valueFrom": { "fieldRef": { "fieldPath": path } } });
        spec["initContainers"] = json!([{
            "name": "restart-agent",
            "image": "reprise.dev/restart-agent",
            "restartPolicy": "Always",
            "restartPolicyRules": restart(json!({ "operator": "In", "values": [88] })),
            "env": [
                field("JOBSET_NAME", "metadata.annotations['jobset.sigs.k8s.io/jobset-name']"),
                field("POD_NAME", "metadata.name"),
                { "name": "IN_PLACE_RESTART_EXIT_CODE", "value": "88" },
            ],
            "startupProbe": {
                "httpGet": { "path": "/barrier-is-down", "port": 8081 },
                "periodSeconds": 1,
                "failureThreshold": 100_000,
            },
        }]);
    }
    spec["containers"] = json!([worker]);
    spec
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_workers_are_in_equal_jobs() {
        for (workers, jobs) in [(1000, 2), (5000, 10), (10_000, 20), (20, 1), (1009, 1009)] {
            let set = job_set(Strategy::Recreate, workers, "1");
            let of = &set["spec"]["replicatedJobs"][0];
            assert_eq!(of["replicas"], json!(jobs), "{workers}");
            assert_eq!(of["template"]["spec"]["parallelism"], json!(workers / jobs), "{workers}");
        }
    }
}
