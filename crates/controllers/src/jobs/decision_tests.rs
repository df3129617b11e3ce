use serde_json::{Value, json};

use super::simulation::Simulation;

fn begun(spec: Value) -> Simulation {
    let mut simulation = Simulation::new(spec);
    simulation.settle();
    simulation
}

fn end_all(simulation: &mut Simulation, code: i32) {
    for name in simulation.alive() {
        simulation.end(&name, code);
    }
    simulation.settle();
}

fn reasons(simulation: &Simulation) -> Vec<&str> {
    simulation.notes.iter().map(|note| note.reason.as_str()).collect()
}

#[test]
fn pods_are_made_up_to_parallelism_until_enough_have_succeeded() {
    let mut simulation = begun(json!({"parallelism": 2, "completions": 3}));
    assert_eq!(simulation.status(), json!({"active": 2, "ready": 0, "terminating": 0}));
    end_all(&mut simulation, 0);
    assert_eq!(simulation.status(), json!({"active": 1, "ready": 0, "terminating": 0, "succeeded": 2}));
    end_all(&mut simulation, 0);
    let conditions =
        json!([["SuccessCriteriaMet", "True", "CompletionsReached"], ["Complete", "True", "CompletionsReached"]]);
    assert_eq!(simulation.status(), json!({"ready": 0, "terminating": 0, "succeeded": 3, "conditions": conditions}));
    assert_eq!(reasons(&simulation), ["Completed"]);
    assert!(simulation.job.status.unwrap().completion_time.is_some());
}

#[test]
fn failures_are_replaced_with_growing_delays_until_the_limit() {
    let mut simulation = begun(json!({"parallelism": 1, "completions": 1, "backoffLimit": 2}));
    for (failures, delay) in [(1, 10), (2, 20)] {
        end_all(&mut simulation, 1);
        assert_eq!(simulation.alive(), [""; 0]);
        assert_eq!(simulation.decide().look_again.map(|wait| wait.as_secs()), Some(delay), "after {failures}");
        simulation.pass(i64::try_from(delay).unwrap());
        simulation.settle();
        assert_eq!(simulation.alive().len(), 1);
    }
    end_all(&mut simulation, 1);
    let conditions =
        json!([["FailureTarget", "True", "BackoffLimitExceeded"], ["Failed", "True", "BackoffLimitExceeded"]]);
    assert_eq!(simulation.status(), json!({"ready": 0, "terminating": 0, "failed": 3, "conditions": conditions}));
    assert_eq!(reasons(&simulation), ["BackoffLimitExceeded"]);
}

#[test]
fn a_job_that_fails_waits_for_its_pods_to_end() {
    let mut simulation = begun(json!({"parallelism": 2, "completions": 2, "backoffLimit": 0}));
    let alive = simulation.alive();
    simulation.end(&alive[0], 1);
    simulation.settle();
    let conditions = json!([["FailureTarget", "True", "BackoffLimitExceeded"]]);
    assert_eq!(simulation.status(), json!({"ready": 0, "terminating": 1, "failed": 2, "conditions": conditions}));
    end_all(&mut simulation, 137);
    assert!(simulation.is_finished());
    assert_eq!(simulation.status()["failed"], 2);
}

#[test]
fn each_index_succeeds_once() {
    let mut simulation = begun(json!({"parallelism": 2, "completions": 4, "completionMode": "Indexed"}));
    assert_eq!(simulation.alive(), ["j-0-001", "j-1-002"]);
    simulation.end("j-1-002", 0);
    simulation.settle();
    assert_eq!(simulation.alive(), ["j-0-001", "j-2-003"]);
    assert_eq!(simulation.status()["completedIndexes"], "1");
    simulation.end("j-0-001", 1);
    simulation.settle();
    simulation.pass(10);
    simulation.settle();
    assert_eq!(simulation.alive(), ["j-0-004", "j-2-003"]);
    end_all(&mut simulation, 0);
    end_all(&mut simulation, 0);
    assert_eq!(simulation.status()["completedIndexes"], "0-3");
    assert_eq!((&simulation.status()["succeeded"], &simulation.status()["failed"]), (&json!(4), &json!(1)));
    assert!(simulation.is_finished());
}

#[test]
fn indexes_fail_on_their_own_with_a_limit_for_each() {
    let mut simulation = begun(json!({
        "parallelism": 2, "completions": 2, "completionMode": "Indexed", "backoffLimit": 2147483647, "backoffLimitPerIndex": 1
    }));
    simulation.end("j-0-001", 1);
    simulation.settle();
    assert_eq!(simulation.status()["failedIndexes"], "");
    assert_eq!(simulation.decide().look_again.map(|wait| wait.as_secs()), Some(10));
    simulation.pass(10);
    simulation.settle();
    let next = &simulation.pods["j-0-003"].metadata.annotations;
    assert_eq!(next.as_ref().unwrap()[super::INDEX_FAILURES], "1");
    simulation.end("j-0-003", 1);
    simulation.settle();
    assert_eq!((&simulation.status()["failedIndexes"], &simulation.status()["failed"]), (&json!("0"), &json!(2)));
    assert!(!simulation.is_finished());
    simulation.end("j-1-002", 0);
    simulation.settle();
    let conditions = json!([["FailureTarget", "True", "FailedIndexes"], ["Failed", "True", "FailedIndexes"]]);
    assert_eq!(simulation.status()["conditions"], conditions);
    assert_eq!(simulation.status()["completedIndexes"], "1");
}

#[test]
fn too_many_failed_indexes_end_the_job() {
    let mut simulation = begun(json!({
        "parallelism": 3, "completions": 3, "completionMode": "Indexed", "backoffLimitPerIndex": 0, "maxFailedIndexes": 1
    }));
    simulation.end("j-0-001", 1);
    simulation.settle();
    assert!(simulation.job.status.as_ref().unwrap().conditions.is_none());
    simulation.end("j-1-002", 1);
    simulation.settle();
    assert_eq!(simulation.status()["conditions"], json!([["FailureTarget", "True", "MaxFailedIndexesExceeded"]]));
    end_all(&mut simulation, 137);
    assert!(simulation.is_finished());
    assert_eq!(simulation.status()["failedIndexes"], "0,1");
}

#[test]
fn the_failure_policy_says_what_a_failure_means() {
    let policy = json!({"rules": [
        {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}},
        {"action": "Ignore", "onExitCodes": {"operator": "In", "values": [143]}},
    ]});
    let spec = json!({"parallelism": 1, "completions": 1, "backoffLimit": 0, "podFailurePolicy": policy});
    let mut simulation = begun(spec);
    end_all(&mut simulation, 143);
    assert_eq!(simulation.status(), json!({"ready": 0, "terminating": 0}));
    simulation.pass(600);
    simulation.settle();
    end_all(&mut simulation, 42);
    let conditions = json!([["FailureTarget", "True", "PodFailurePolicy"], ["Failed", "True", "PodFailurePolicy"]]);
    assert_eq!(simulation.status()["conditions"], conditions);
    let message = &simulation.notes.last().unwrap().message;
    assert!(message.starts_with("Container c for pod n/j-002 failed with exit code 42 matching FailJob"), "{message}");
}

#[test]
fn a_success_policy_ends_the_job_before_all_indexes_are_done() {
    let mut simulation = begun(json!({
        "parallelism": 3, "completions": 3, "completionMode": "Indexed", "successPolicy": {"rules": [{"succeededIndexes": "0"}]}
    }));
    simulation.end("j-0-001", 0);
    simulation.settle();
    assert_eq!(simulation.status()["conditions"], json!([["SuccessCriteriaMet", "True", "SuccessPolicy"]]));
    assert_eq!(simulation.status()["terminating"], 2);
    for name in simulation.alive() {
        simulation.delete(&name);
    }
    simulation.settle();
    end_all(&mut simulation, 0);
    let conditions = json!([["SuccessCriteriaMet", "True", "SuccessPolicy"], ["Complete", "True", "SuccessPolicy"]]);
    assert_eq!(simulation.status()["conditions"], conditions);
    assert_eq!(simulation.status().get("failed"), None, "who was stopped has not failed");
}

#[test]
fn a_suspended_job_has_no_pods_and_its_time_begins_anew() {
    let mut simulation = begun(json!({"parallelism": 2, "completions": 2, "activeDeadlineSeconds": 100}));
    simulation.pass(60);
    simulation.job.spec.as_mut().unwrap().suspend = Some(true);
    simulation.settle();
    assert_eq!(simulation.status()["conditions"], json!([["Suspended", "True", "JobSuspended"]]));
    end_all(&mut simulation, 143);
    assert_eq!(simulation.status().get("failed"), None, "nobody failed");
    simulation.pass(1000);
    simulation.job.spec.as_mut().unwrap().suspend = Some(false);
    simulation.settle();
    assert_eq!(simulation.status()["conditions"], json!([["Suspended", "False", "JobResumed"]]));
    assert_eq!((simulation.status()["active"].as_i64(), reasons(&simulation)), (Some(2), vec!["Suspended", "Resumed"]));
    assert_eq!(simulation.decide().look_again.map(|wait| wait.as_secs()), Some(100));
    simulation.pass(100);
    simulation.settle();
    assert_eq!(simulation.status()["conditions"][1], json!(["FailureTarget", "True", "DeadlineExceeded"]));
}

#[test]
fn a_pod_that_is_deleted_is_replaced_at_once_or_when_it_has_ended() {
    let mut simulation = begun(json!({"parallelism": 1, "completions": 1}));
    let first = simulation.alive();
    simulation.delete(&first[0]);
    simulation.pass(10);
    simulation.settle();
    assert_eq!(simulation.alive().len(), 2);
    let mut simulation = begun(json!({"parallelism": 1, "completions": 1, "podReplacementPolicy": "Failed"}));
    let first = simulation.alive();
    simulation.delete(&first[0]);
    simulation.pass(10);
    simulation.settle();
    assert_eq!((simulation.alive(), &simulation.status()["terminating"]), (first.clone(), &json!(1)));
    simulation.end(&first[0], 143);
    simulation.settle();
    simulation.pass(10);
    simulation.settle();
    assert_eq!((simulation.alive().len(), &simulation.status()["failed"]), (1, &json!(1)));
}

#[test]
fn a_job_of_another_controller_is_left_alone() {
    let simulation = begun(json!({"managedBy": "example.com/other"}));
    assert!(simulation.pods.is_empty() && simulation.job.status.is_none());
}

#[test]
fn fewer_in_parallel_and_nothing_to_do_are_respected() {
    let mut simulation = begun(json!({"parallelism": 3, "completions": 5}));
    simulation.job.spec.as_mut().unwrap().parallelism = Some(1);
    simulation.settle();
    let active: Vec<_> = simulation.pods.values().filter(|pod| pod.metadata.deletion_timestamp.is_none()).collect();
    assert_eq!(active.len(), 1);
    assert!(begun(json!({"parallelism": 1, "completions": 0})).is_finished());
}
