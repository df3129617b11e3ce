//! What is written.

use serde_json::{Value, json};

/// Where everything is.
pub const NAMESPACE: &str = "bench";

/// The folder of a resource's objects.
pub fn folder(resource: &str) -> String {
    match resource {
        "leases" => format!("/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases"),
        _ => format!("/api/v1/namespaces/{NAMESPACE}/{resource}"),
    }
}

/// The namespace.
pub fn namespace() -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
}

/// A small one.
pub fn config_map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"key": "a small value"}})
}

/// What a node renews. `version`: the one that it renews.
pub fn lease(name: &str, renewals: u32, version: Option<&str>) -> Value {
    json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name, "resourceVersion": version},
        "spec": {"holderIdentity": name, "leaseDurationSeconds": 40, "leaseTransitions": renewals},
    })
}

/// One of two containers, as large as Pods are: about 4 kB once it has its defaults. No scheduler looks for a node for it.
pub fn pod(name: &str) -> Value {
    let environment: Vec<Value> =
        (0..6).map(|number| json!({"name": format!("SETTING_{number}"), "value": format!("value-{number}")})).collect();
    let container = |name: &str| {
        json!({
            "name": name, "image": "registry.example.com/team/training-worker:2026.11.1", "command": ["/usr/bin/worker", "--serve"],
            "env": environment, "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
            "ports": [{"containerPort": 8080, "name": "http"}],
            "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 5},
        })
    };
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": name,
            "labels": {"app": "bench", "job-name": "training", "batch.kubernetes.io/job-completion-index": "7"},
            "annotations": {"example.com/checksum": "1b4f0e9851971998e732078544c96b36c3d01cedf7caa332359d6f1d83567014"},
        },
        "spec": {
            "schedulerName": "bench", "restartPolicy": "Never",
            "containers": [container("main"), container("sidecar")],
            "volumes": [{"name": "work", "emptyDir": {}}],
        },
    })
}
