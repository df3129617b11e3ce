//! JobSets from their start to their end.

#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::simulation::{Simulation, Write, writes};

fn entry(name: &str, replicas: i32, more: Value) -> Value {
    let template =
        json!({"spec": {"parallelism": 2, "completions": 2, "template": {"spec": {"containers": [{"name": "c"}]}}}});
    let mut entry = json!({"name": name, "replicas": replicas, "template": template});
    entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    entry
}

fn simulation(more: Value) -> Simulation {
    let mut spec = json!({"replicatedJobs": [entry("driver", 1, json!({})), entry("workers", 2, json!({}))]});
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let mut simulation = Simulation::new(spec);
    simulation.settle();
    simulation
}

fn jobs(simulation: &Simulation) -> Vec<&str> {
    simulation.jobs.keys().map(String::as_str).collect()
}

/// The UIDs of all Jobs.
fn uids(simulation: &Simulation) -> Vec<String> {
    simulation.jobs.values().map(|job| job.metadata.uid.clone().unwrap()).collect()
}

fn reasons(simulation: &Simulation) -> Vec<&str> {
    simulation.notes.iter().map(|note| note.reason.as_str()).collect()
}

#[test]
fn all_jobs_that_succeed_are_the_end() {
    let mut set = simulation(json!({"ttlSecondsAfterFinished": 60}));
    assert_eq!(jobs(&set), ["s-driver-0", "s-workers-0", "s-workers-1"]);
    for job in ["s-driver-0", "s-workers-0"] {
        set.end_job(job, "Complete", "");
        set.settle();
    }
    assert!(!set.is_finished());
    let counts = set.status().replicated_jobs_status;
    assert_eq!((counts[0].succeeded, counts[1].succeeded), (1, 1));
    set.end_job("s-workers-1", "Complete", "");
    set.settle();
    assert_eq!(set.conditions(), ["Completed=True AllJobsCompleted"]);
    assert_eq!(set.status().terminal_state.as_deref(), Some("Completed"));
    assert_eq!(reasons(&set), ["AllJobsCompleted"]);
    assert_eq!(jobs(&set).len(), 3, "what has ended stays");
    set.pass(59);
    assert!(!set.decide().delete_set && set.decide().look_again.is_some());
    set.pass(1);
    set.settle();
    assert!(set.set.metadata.deletion_timestamp.is_some());
}

#[test]
fn any_of_the_targets_is_enough_where_the_policy_says_so() {
    let mut set = simulation(json!({"successPolicy": {"operator": "Any", "targetReplicatedJobs": ["workers"]}}));
    set.end_job("s-driver-0", "Complete", "");
    set.settle();
    assert!(!set.is_finished());
    set.end_job("s-workers-1", "Complete", "");
    set.settle();
    assert!(set.is_finished());
    assert_eq!(jobs(&set), ["s-driver-0", "s-workers-1"], "what still ran is deleted");
}

#[test]
fn without_a_policy_a_failed_job_is_the_end() {
    let mut set = simulation(json!({}));
    set.end_job("s-workers-1", "Failed", "BackoffLimitExceeded");
    set.settle();
    assert_eq!(set.conditions(), ["Failed=True FailedJobs"]);
    let message = &set.status().conditions[0].message;
    assert_eq!(message, "jobset failed due to one or more job failures (first failed job: s-workers-1)");
    assert_eq!(jobs(&set), ["s-workers-1"]);
}

#[test]
fn a_set_is_made_anew_until_its_budget_is_spent() {
    let mut set = simulation(json!({"failurePolicy": {"maxRestarts": 1}}));
    let first = uids(&set);
    set.end_job("s-driver-0", "Failed", "x");
    set.settle();
    assert_eq!((set.status().restarts, set.status().restarts_count_towards_max), (1, Some(1)));
    assert!(uids(&set).iter().all(|uid| !first.contains(uid)));
    assert_eq!(set.jobs["s-driver-0"].metadata.labels.as_ref().unwrap()["jobset.sigs.k8s.io/restart-attempt"], "1");
    assert_eq!(set.conditions(), ["RestartingJobSet=True DefaultFailurePolicy"]);
    for job in ["s-driver-0", "s-workers-0", "s-workers-1"] {
        set.ready_job(job);
    }
    set.settle();
    assert_eq!(set.conditions(), ["RestartingJobSet=False JobsReady"]);
    set.end_job("s-driver-0", "Failed", "x");
    set.settle();
    assert!(set.conditions().contains(&"Failed=True ReachedMaxRestarts".to_owned()));
    let message = "jobset failed due to reaching max number of restarts (first failed job: s-driver-0)";
    assert!(set.status().conditions.iter().any(|own| own.message == message));
    let restart = "RestartJobSetFailurePolicyAction";
    assert_eq!(reasons(&set).iter().filter(|reason| **reason == restart).count(), 1);
}

#[test]
fn jobs_are_blocked_until_all_of_the_attempt_before_are_gone() {
    let mut set = simulation(json!({"failurePolicy": {"maxRestarts": 1, "restartStrategy": "BlockingRecreate"}}));
    set.end_job("s-driver-0", "Failed", "x");
    let status = writes(set.decide());
    status.into_iter().for_each(|write| set.apply(write));
    // One of them is gone before the others.
    set.jobs.remove("s-driver-0");
    assert!(!writes(set.decide()).iter().any(|write| matches!(write, Write::Create(_))));
    set.settle();
    assert_eq!(jobs(&set).len(), 3);
}

#[test]
fn the_first_rule_that_fits_says_what_is_done() {
    let rules = json!([
        {"name": "host", "action": "RestartJobSetAndIgnoreMaxRestarts", "onJobFailureReasons": ["PodFailurePolicy"],
            "onJobFailureMessagePatterns": ["^s-workers-[0-9]+ "]},
        {"name": "driver", "action": "FailJobSet", "targetReplicatedJobs": ["driver"]},
        {"name": "alone", "action": "RestartJob"},
    ]);
    let begin = || simulation(json!({"failurePolicy": {"maxRestarts": 1, "rules": rules}}));
    let mut set = begin();
    set.end_job("s-workers-0", "Failed", "PodFailurePolicy");
    set.settle();
    assert_eq!((set.status().restarts, set.status().restarts_count_towards_max), (1, None));
    assert_eq!(set.conditions(), ["RestartingJobSet=True FailurePolicy_host"]);
    let mut set = begin();
    set.end_job("s-driver-0", "Failed", "PodFailurePolicy");
    set.settle();
    assert_eq!(set.conditions(), ["Failed=True FailJobSetFailurePolicyAction"]);
    let mut set = begin();
    let first = uids(&set);
    set.end_job("s-workers-1", "Failed", "DeadlineExceeded");
    set.settle();
    let second = uids(&set);
    assert_eq!((&second[..2], second[2] != first[2]), (&first[..2], true), "only the failed one is made anew");
    let counts = &set.status().replicated_jobs_status[1];
    assert_eq!((&counts.job_restarts, &counts.job_restarts_count_towards_max), (&vec![0, 1], &vec![0, 1]));
    assert_eq!(
        set.jobs["s-workers-1"].metadata.labels.as_ref().unwrap()["jobset.sigs.k8s.io/job-restart-attempt"],
        "1"
    );
    assert_eq!(set.status().restarts, 0);
    set.end_job("s-workers-0", "Failed", "DeadlineExceeded");
    set.settle();
    assert!(set.conditions().contains(&"Failed=True ReachedMaxRestarts".to_owned()));
}

#[test]
fn entries_start_in_their_order() {
    let mut set = simulation(json!({"startupPolicy": {"startupPolicyOrder": "InOrder"}}));
    assert_eq!(jobs(&set), ["s-driver-0"]);
    assert_eq!(set.conditions(), ["StartupPolicyInProgress=True InOrderStartupPolicyInProgress"]);
    set.ready_job("s-driver-0");
    set.settle();
    assert_eq!(jobs(&set).len(), 3);
    set.ready_job("s-workers-0");
    set.ready_job("s-workers-1");
    set.settle();
    let in_order = [
        "StartupPolicyInProgress=False InOrderStartupPolicyInProgress",
        "StartupPolicyCompleted=True InOrderStartupPolicyCompleted",
    ];
    assert_eq!(set.conditions(), in_order);
}

#[test]
fn what_depends_on_another_entry_comes_when_that_is_complete() {
    let depends = json!({"dependsOn": [{"name": "init", "status": "Complete"}]});
    let spec = json!({"replicatedJobs": [entry("init", 1, json!({})), entry("train", 1, depends)]});
    let mut set = simulation(spec);
    set.ready_job("s-init-0");
    set.settle();
    assert_eq!(jobs(&set), ["s-init-0"]);
    set.end_job("s-init-0", "Complete", "");
    set.settle();
    assert_eq!(jobs(&set), ["s-init-0", "s-train-0"]);
}

#[test]
fn a_suspended_set_has_suspended_jobs_until_it_goes_on() {
    let mut set = simulation(json!({"suspend": true}));
    assert!(set.pods.is_empty() && jobs(&set).len() == 3);
    assert_eq!(set.conditions(), ["Suspended=True SuspendedJobs"]);
    set.set.spec.as_mut().unwrap().suspend = Some(false);
    set.settle();
    assert_eq!((set.pods.len(), set.conditions()), (6, vec!["Suspended=False ResumeJobs".to_owned()]));
    set.set.spec.as_mut().unwrap().suspend = Some(true);
    set.settle();
    assert!(set.pods.is_empty());
    assert_eq!(reasons(&set), ["SuspendedJobs", "ResumeJobs", "SuspendedJobs"]);
}

#[test]
fn sets_of_other_managers_and_those_that_are_deleted_are_left_alone() {
    assert!(jobs(&simulation(json!({"managedBy": "acme.io/foo"}))).is_empty());
    let own = json!({"managedBy": "jobset.sigs.k8s.io/jobset-controller"});
    assert_eq!(jobs(&simulation(own)).len(), 3);
    let mut set = simulation(json!({}));
    set.set.metadata.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(set.now));
    set.jobs.clear();
    set.settle();
    assert!(set.jobs.is_empty());
}

/// A fleet of four that runs in its first attempt.
fn fleet(more: Value) -> Simulation {
    let template =
        json!({"spec": {"parallelism": 4, "completions": 4, "template": {"spec": {"containers": [{"name": "c"}]}}}});
    let mut policy = json!({"maxRestarts": 3, "restartStrategy": "InPlaceRestart"});
    policy.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let mut set =
        Simulation::new(json!({"replicatedJobs": [{"name": "w", "template": template}], "failurePolicy": policy}));
    set.settle();
    run_all(&mut set);
    set
}

fn run_all(set: &mut Simulation) {
    for _ in 0..20 {
        set.settle();
        let moved: Vec<bool> = set.pod_names().iter().map(|name| set.step(name)).collect();
        if moved.iter().all(|moved| !moved) {
            return;
        }
    }
    panic!("no end: {:?}", set.pods);
}

fn attempts(set: &Simulation) -> (Option<i32>, Option<i32>) {
    (set.status().current_in_place_restart_attempt, set.status().previous_in_place_restart_attempt)
}

#[test]
fn a_worker_that_exits_takes_the_others_with_it_in_two_writes() {
    let mut set = fleet(json!({}));
    assert_eq!(attempts(&set), (Some(0), None));
    let (pods, writes) = (set.pod_names(), set.status_writes);
    set.exit(&pods[2]);
    set.settle();
    assert_eq!(attempts(&set), (Some(0), Some(0)), "before its agent has come again");
    run_all(&mut set);
    assert_eq!(attempts(&set), (Some(1), Some(0)));
    assert!(set.pods.values().all(|pod| pod.is_lifted && pod.attempt == Some(1)));
    assert_eq!((set.pod_names(), set.status_writes), (pods, writes + 2), "nothing is made anew");
}

#[test]
fn a_pod_that_is_lost_alone_is_made_anew() {
    let lose: [fn(&mut Simulation, &str); 2] = [Simulation::fail_pod, Simulation::delete_pod];
    for lose in lose {
        let mut set = fleet(json!({}));
        let pods = set.pod_names();
        lose(&mut set, &pods[1]);
        set.settle();
        assert_eq!(attempts(&set).1, Some(0), "the others restart at once");
        run_all(&mut set);
        assert_eq!(attempts(&set), (Some(1), Some(0)));
        let kept = pods.iter().filter(|name| set.pods.get(*name).is_some_and(|pod| pod.is_lifted));
        assert_eq!(kept.count(), 3);
    }
}

#[test]
fn a_failed_job_that_is_restarted_alone_leaves_the_pods_of_others() {
    let template =
        json!({"spec": {"parallelism": 2, "completions": 2, "template": {"spec": {"containers": [{"name": "c"}]}}}});
    let policy = json!({"maxRestarts": 3, "restartStrategy": "InPlaceRestart", "rules": [{"action": "RestartJob"}]});
    let mut set = Simulation::new(
        json!({"replicatedJobs": [{"name": "w", "replicas": 2, "template": template}], "failurePolicy": policy}),
    );
    run_all(&mut set);
    let kept: Vec<String> = set.pod_names().into_iter().filter(|name| name.starts_with("s-w-1")).collect();
    set.end_job("s-w-0", "Failed", "x");
    run_all(&mut set);
    assert_eq!(attempts(&set), (Some(1), Some(0)));
    assert!(kept.iter().all(|name| set.pods[name].is_lifted) && set.pods.len() == 4);
}

#[test]
fn the_budget_of_restarts_in_place_holds_whoever_counts() {
    let mut set = fleet(json!({"maxRestarts": 2}));
    for round in 1..=2 {
        let pods = set.pod_names();
        set.exit(&pods[round]);
        set.crash();
        run_all(&mut set);
        assert_eq!(attempts(&set).0, Some(i32::try_from(round).unwrap()));
    }
    let pods = set.pod_names();
    set.exit(&pods[0]);
    run_all(&mut set);
    assert_eq!(set.conditions(), ["Failed=True ReachedMaxRestarts"]);
    assert!(set.jobs.is_empty());
}

#[test]
fn with_the_annotation_nobody_waits_and_nobody_restarts() {
    let mut set = Simulation::new(json!({"replicatedJobs": [entry("w", 1, json!({}))],
        "failurePolicy": {"restartStrategy": "InPlaceRestart"}}));
    let disable = [(crate::names::DISABLE_IN_PLACE_RESTART.to_owned(), String::new())];
    set.set.metadata.annotations = Some(disable.into());
    run_all(&mut set);
    assert!(set.pods.values().all(|pod| pod.is_lifted && pod.attempt.is_none()));
    let pods = set.pod_names();
    set.exit(&pods[0]);
    run_all(&mut set);
    assert_eq!(attempts(&set), (None, None));
}
