//! Reports for unit tests.

use serde_json::Value;

use super::PodReport;

/// A report of the Pod `default/p` with this status; an init container named `proxy` is a sidecar.
pub fn report(status: Value) -> PodReport {
    let statuses = |list: &str| status[list].as_array().cloned().unwrap_or_default();
    let init = statuses("initContainerStatuses").into_iter().map(|status| status["name"].clone());
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
        sidecars: init.filter(|name| name == "proxy").filter_map(|name| name.as_str().map(str::to_owned)).collect(),
        regular: statuses("containerStatuses").len(),
        status: serde_json::from_value(status).unwrap(),
        steps: Vec::new(),
    }
}
