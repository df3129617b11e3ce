//! Reports for unit tests.

use serde_json::Value;

use super::PodReport;

/// A report of the Pod `default/p` with this status; an init container named `proxy` is a sidecar.
pub fn report(status: Value) -> PodReport {
    PodReport {
        pod: "default/p".to_owned(),
        namespace: "default".to_owned(),
        name: "p".to_owned(),
        uid: "u".to_owned(),
        phase: status["phase"].as_str().unwrap().to_owned(),
        epoch: 0,
        ip: None,
        sandbox: None,
        terminating: false,
        created_at: None,
        sidecars: ["proxy".to_owned()].into(),
        status: serde_json::from_value(status).unwrap(),
        steps: Vec::new(),
    }
}
