//! Pods are admitted and refused as by a real API server, for each setting of the feature gates: the recorded cases
//! (`crates/core/tests/data/README.md`), asked over HTTP as they were recorded.

use std::collections::BTreeMap;

use reprise_api::{Api, ApiConfig};
use reprise_core::gates::FeatureGates;
use serde::Deserialize;
use serde_json::Value;

use crate::client::Server;

const CASES: &str = include_str!("../../../core/tests/data/pod-validation.json");
/// Where we differ on purpose, as core's own test of these cases explains.
const DIFFERENT: [&str; 3] = ["onExit-main", "onExit-init", "onExit-sidecar"];

#[derive(Deserialize)]
struct Case {
    name: String,
    gates: Value,
    pod: Value,
    code: u16,
    status: Option<Value>,
}

#[tokio::test]
async fn every_recorded_answer_is_given_over_http_for_each_setting_of_the_gates() {
    let cases: Vec<Case> = serde_json::from_str(CASES).unwrap();
    assert_eq!(cases.len(), 213);
    let mut by_gates: BTreeMap<String, Vec<Case>> = BTreeMap::new();
    for case in cases.into_iter().filter(|case| !DIFFERENT.contains(&case.name.as_str())) {
        by_gates.entry(case.gates.to_string()).or_default().push(case);
    }
    assert!(by_gates.len() > 1, "the gates were recorded in several settings");
    let mut wrong = Vec::new();
    for (gates, cases) in &by_gates {
        let server = start(serde_json::from_str(gates).unwrap()).await;
        let mut client = server.admin().await;
        for case in cases {
            let path = "/api/v1/namespaces/default/pods?dryRun=All&fieldValidation=Strict";
            let answer = client.post(path, &case.pod).await;
            let status = (answer.code != 201).then_some(&answer.body);
            if answer.code != case.code || !same(status, case.status.as_ref()) {
                let (name, recorded) = (&case.name, case.status.as_ref());
                wrong.push(format!("{name} {gates}\n  {} {recorded:?}\n  {} {status:?}", case.code, answer.code));
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

async fn start(gates: FeatureGates) -> Server {
    let folder = tempfile::tempdir().unwrap();
    let mut config = ApiConfig::new(folder.path());
    config.listen = "127.0.0.1:0".parse().unwrap();
    config.gates = gates;
    // As where the answers were recorded.
    config.allow_privileged = false;
    Server { api: Api::start(config).await.unwrap(), folder }
}

/// Whether two answers tell the same: code, reason, message and details.
fn same(ours: Option<&Value>, recorded: Option<&Value>) -> bool {
    let told = |status: &Value| ["code", "reason", "message", "details"].map(|field| status[field].clone());
    ours.map(told) == recorded.map(told)
}
