//! Refusals, in the published words.

#![allow(clippy::unwrap_used)]

use reprise_core::field::Report;
use serde_json::{Value, json};

use super::check;
use crate::defaults::set_defaults;
use crate::types::JobSet;

fn errors(name: &str, spec: Value) -> Vec<String> {
    let mut set: JobSet = serde_json::from_value(json!({"metadata": {"name": name}, "spec": spec})).unwrap();
    set_defaults(&mut set);
    let mut report = Report::default();
    check(&set, &mut report);
    report.errors().iter().map(ToString::to_string).collect()
}

fn jobs(more: Value) -> Value {
    let mut job = json!({"name": "workers", "replicas": 2, "template": {"spec": {
        "completions": 2, "parallelism": 2, "template": {"spec": {"containers": [{"name": "c", "image": "i"}]}}}}});
    for (key, value) in more.as_object().unwrap() {
        job[key] = value.clone();
    }
    json!([{"name": "driver", "template": {"spec": {"template": {}}}}, job])
}

fn with(field: &str, value: Value) -> Vec<String> {
    errors("train", json!({"replicatedJobs": jobs(json!({})), field: value}))
}

#[test]
fn what_is_right_is_admitted() {
    assert_eq!(errors("train", json!({"replicatedJobs": jobs(json!({}))})), Vec::<String>::new());
    let depends = json!({"dependsOn": [{"name": "driver", "status": "Ready"}]});
    assert_eq!(errors("train", json!({"replicatedJobs": jobs(depends)})), Vec::<String>::new());
    let policy =
        json!({"maxRestarts": 3, "rules": [{"action": "RestartJob", "onJobFailureReasons": ["PodFailurePolicy"]}]});
    assert_eq!(with("failurePolicy", policy), Vec::<String>::new());
    assert_eq!(
        with("coordinator", json!({"replicatedJob": "workers", "jobIndex": 1, "podIndex": 1})),
        Vec::<String>::new()
    );
    assert_eq!(with("managedBy", json!("acme.io/foo")), Vec::<String>::new());
}

#[test]
fn names_that_cannot_be_looked_up_are_refused() {
    let long = "a".repeat(56);
    let told = errors(&long, json!({"replicatedJobs": jobs(json!({}))}));
    let job = format!("spec.replicatedJobs[1].name: Invalid value: \"{long}-workers-1\": ");
    assert!(
        told.contains(&format!(
            "{job}JobSet name is too long, job names generated for this JobSet will exceed 63 characters"
        )),
        "{told:?}"
    );
    assert!(
        told.contains(&format!(
            "{job}JobSet name is too long, pod names generated for this JobSet will exceed 63 characters"
        )),
        "{told:?}"
    );
    let told = with("network", json!({"subdomain": "a".repeat(64)}));
    assert!(told[0].ends_with(".spec.network.subdomain is too long, must be less than 63 characters"), "{told:?}");
    assert_eq!(errors("1st", json!({"replicatedJobs": jobs(json!({}))})).len(), 3);
}

#[test]
fn dependencies_are_on_what_comes_before() {
    let told =
        errors("train", json!({"replicatedJobs": jobs(json!({"dependsOn": [{"name": "workers", "status": "Done"}]}))}));
    assert_eq!(
        told,
        [
            "spec.replicatedJobs[1].dependsOn[0].name: Invalid value: \"workers\": replicatedJob: workers cannot depend on \
             replicatedJob: workers",
            "spec.replicatedJobs[1].dependsOn[0].status: Unsupported value: \"Done\": supported values: \"Complete\", \"Ready\"",
        ]
    );
    let first =
        json!([{"name": "a", "dependsOn": [{"name": "a", "status": "Ready"}], "template": {"spec": {"template": {}}}}]);
    let told = errors("train", json!({"replicatedJobs": first}));
    assert_eq!(
        told,
        ["spec.replicatedJobs[0].dependsOn: Forbidden: DependsOn can't be set for the first ReplicatedJob"]
    );
    let depends = json!({"dependsOn": [{"name": "driver", "status": "Ready"}]});
    let both = json!({"replicatedJobs": jobs(depends), "startupPolicy": {"startupPolicyOrder": "InOrder"}});
    assert_eq!(
        errors("train", both),
        ["spec: Invalid value: \"object\": StartupPolicy and DependsOn APIs are mutually exclusive"]
    );
}

#[test]
fn rules_of_the_failure_policy_are_checked() {
    let rules = json!({"rules": [
        {"name": "a", "action": "Explode"},
        {"name": "a", "action": "FailJobSet", "targetReplicatedJobs": ["x"]},
        {"name": "1b", "action": "FailJobSet", "onJobFailureReasons": ["Tired"]},
    ]});
    let told = with("failurePolicy", rules);
    assert!(told[0].starts_with("spec.failurePolicy.rules[0].action: Unsupported value: \"Explode\""), "{told:?}");
    assert_eq!(
        told[1..],
        [
            "spec.failurePolicy.rules[1].targetReplicatedJobs[0]: Invalid value: \"x\": invalid replicatedJob name 'x' in failure \
             policy does not appear in .spec.ReplicatedJobs",
            "spec.failurePolicy.rules[2].name: Invalid value: \"1b\": invalid failure policy rule name '1b', a failure policy rule \
             name must start with an alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', \
             and must end with an alphanumeric character or '_'",
            "spec.failurePolicy.rules[2].onJobFailureReasons[0]: Invalid value: \"Tired\": invalid job failure reason 'Tired' in \
             failure policy is not a recognized job failure reason",
            "spec.failurePolicy.rules: Invalid value: \"a\": rule names are not unique, rules with indices [0 1] all have the same \
             name 'a'",
        ]
    );
    let many = json!({"replicatedJobs": jobs(json!({"replicas": 1025})), "failurePolicy": {"rules": [{"action": "RestartJob"}]}});
    let told = errors("train", many);
    assert!(told[0].ends_with("and a replicated job with replicas > 1024"), "{told:?}");
}

#[test]
fn in_place_restarts_need_jobs_that_never_fail_and_pods_that_are_all_there() {
    let in_place = json!({"restartStrategy": "InPlaceRestart"});
    let told = errors("train", json!({"replicatedJobs": [jobs(json!({}))[1]], "failurePolicy": in_place}));
    let path = "spec.replicatedJobs[0].template.spec";
    assert_eq!(
        told,
        [
            format!(
                "{path}.backoffLimit: Invalid value: null: replicatedJob workers: must be set to 2147483647 (MaxInt32) when \
                 in-place restart is enabled"
            ),
            format!(
                "{path}.podReplacementPolicy: Invalid value: null: replicatedJob workers: must be set to Failed when in-place \
                 restart is enabled"
            ),
        ]
    );
    let template = json!({"spec": {"completions": 3, "parallelism": 2, "backoffLimit": i32::MAX, "podReplacementPolicy": "Failed",
        "template": {}}});
    let uneven = json!({"replicatedJobs": [{"name": "w", "template": template}], "failurePolicy": in_place});
    let words = "completions and parallelism must be set and equal to each other when in-place restart is enabled";
    assert_eq!(errors("train", uneven), [format!("{path}.completions: Invalid value: 3: replicatedJob w: {words}")]);
}

#[test]
fn the_coordinator_is_one_of_the_pods() {
    let told = |coordinator: Value| with("coordinator", coordinator);
    let unknown = told(json!({"replicatedJob": "x"}));
    assert_eq!(
        unknown,
        ["spec.coordinator.replicatedJob: Invalid value: \"x\": coordinator replicatedJob x does not exist"]
    );
    let job = told(json!({"replicatedJob": "workers", "jobIndex": 2}));
    assert_eq!(
        job,
        ["spec.coordinator.jobIndex: Invalid value: 2: coordinator job index 2 is invalid for replicatedJob workers"]
    );
    let pod = told(json!({"replicatedJob": "workers", "podIndex": 2}));
    assert!(pod[0].ends_with("coordinator pod index 2 is invalid for replicatedJob workers job index 0"), "{pod:?}");
    let words = "job for coordinator pod must be indexed completion mode, and completions number must be set";
    assert!(told(json!({"replicatedJob": "driver"}))[0].ends_with(words));
}

#[test]
fn shared_claims_are_mounted_somewhere_and_named_once() {
    let claims = json!([{"templates": [{"metadata": {"name": "cache"}}]}]);
    let told = with("volumeClaimPolicies", claims);
    assert!(
        told[0].ends_with("replicatedJob containers don't have a matching volumeMount: cache from VolumeClaimPolicies"),
        "{told:?}"
    );
    let when = json!([{"templates": [], "retentionPolicy": {"whenDeleted": "Never"}}]);
    assert_eq!(with("volumeClaimPolicies", when).len(), 1);
}

#[test]
fn numbers_and_paths_are_checked() {
    assert_eq!(with("ttlSecondsAfterFinished", json!(-1)).len(), 1);
    assert_eq!(with("managedBy", json!("foo")).len(), 1);
    let long = format!("acme.io/{}", "a".repeat(60));
    assert_eq!(with("managedBy", json!(long)), ["spec.managedBy: Too long: may not be more than 63 bytes"]);
    let targets = with("successPolicy", json!({"operator": "Some", "targetReplicatedJobs": ["x"]}));
    assert_eq!(
        targets[1],
        "spec.successPolicy.targetReplicatedJobs[0]: Invalid value: \"x\": invalid replicatedJob name 'x' does \
        not appear in .spec.ReplicatedJobs"
    );
    let huge = json!({"replicatedJobs": jobs(json!({"replicas": 2_000_000_000}))});
    assert!(
        errors("t", huge)
            .iter()
            .any(|told| told.contains("the product of replicas and parallelism must not exceed 2147483647"))
    );
}
