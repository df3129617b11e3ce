//! Admission answers as a real API server does: every recorded case, word by word (see `data/README.md`).

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use reprise_core::admission::{Fresh, Policy, admit};
use reprise_core::gates::FeatureGates;
use reprise_core::manifest::decode_pod;
use serde::Deserialize;
use serde_json::Value;

const CASES: &str = include_str!("data/pod-validation.json");

/// Where we differ on purpose (semantics section 1): released Kubernetes rejects the published spelling
/// `onExit`; we accept it with a warning, or, where the rule behind it is not allowed, say that instead.
const DIFFERENT: [&str; 3] = ["onExit-main", "onExit-init", "onExit-sidecar"];

#[derive(Deserialize)]
struct Case {
    name: String,
    gates: FeatureGates,
    pod: Value,
    code: u16,
    status: Option<Status>,
}

fn cases() -> Vec<Case> {
    serde_json::from_str(CASES).unwrap_or_else(|error| panic!("tests/data/pod-validation.json: {error}"))
}

/// The code and the Status that we answer with; 201 for a Pod that is let in.
fn answer(case: &Case) -> (u16, Option<Status>, Vec<String>) {
    let policy = Policy { gates: case.gates, allow_privileged: false };
    let fresh = Fresh { uid: "u".to_owned(), suffix: "bcdfg".to_owned(), now: Timestamp::UNIX_EPOCH };
    match admit(decode_pod(&case.pod.to_string()), &policy, fresh) {
        Ok(admitted) => (201, None, admitted.warnings),
        Err(rejection) => (rejection.code, Some(*rejection.status), Vec::new()),
    }
}

#[test]
fn every_recorded_answer_is_given() {
    let cases = cases();
    assert_eq!(cases.len(), 213);
    let mut wrong = Vec::new();
    for case in cases.iter().filter(|case| !DIFFERENT.contains(&case.name.as_str())) {
        let (code, status, _) = answer(case);
        if (code, &status) != (case.code, &case.status) {
            let shown = |status: &Option<Status>| serde_json::to_string(status).unwrap();
            wrong.push(format!(
                "{} {:?}\n  recorded {} {}\n  ours     {code} {}",
                case.name,
                case.gates,
                case.code,
                shown(&case.status),
                shown(&status)
            ));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_published_spelling_is_judged_as_the_released_one() {
    let different: Vec<Case> = cases().into_iter().filter(|case| DIFFERENT.contains(&case.name.as_str())).collect();
    assert_eq!(different.len(), 9);
    for case in different {
        let published = answer(&case);
        let mut pod = case.pod.clone();
        release(&mut pod);
        let released = answer(&Case { pod, ..case });
        assert_eq!((published.0, &published.1), (released.0, &released.1));
        if published.0 == 201 {
            assert_eq!((published.2.len(), released.2.len()), (1, 0));
        }
    }
}

/// Turns every `onExit: {exitCodes: x}` into `exitCodes: x`.
fn release(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::Object(on_exit)) = fields.remove("onExit") {
                fields.extend(on_exit);
            }
            fields.values_mut().for_each(release);
        }
        Value::Array(items) => items.iter_mut().for_each(release),
        _ => {}
    }
}
