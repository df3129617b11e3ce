use serde_json::json;

use super::*;

/// A Pod with one init container, one sidecar and two containers.
fn pod(status: Value) -> Value {
    json!({
        "kind": "Pod",
        "metadata": {"name": "p"},
        "spec": {
            "initContainers": [{"name": "prepare"}, {"name": "proxy", "restartPolicy": "Always"}],
            "containers": [{"name": "a"}, {"name": "b"}],
        },
        "status": status,
    })
}

fn running(name: &str, restarts: u32) -> Value {
    let mut status =
        json!({"name": name, "ready": true, "started": true, "restartCount": restarts, "state": {"running": {}}});
    if restarts > 0 {
        let finished = format!("2026-01-01T00:00:{restarts:02}Z");
        status["lastState"] = json!({"terminated": {"exitCode": 1, "finishedAt": finished}});
    }
    status
}

fn waiting(name: &str, reason: &str) -> Value {
    json!({"name": name, "restartCount": 0, "state": {"waiting": {"reason": reason}}})
}

fn exited(name: &str, code: i32, reason: &str) -> Value {
    json!({"name": name, "restartCount": 0, "state": {"terminated": {"exitCode": code, "reason": reason}}})
}

fn status_of(phase: &str, init: &[Value], containers: &[Value]) -> String {
    PodLine::of(&pod(json!({"phase": phase, "initContainerStatuses": init, "containerStatuses": containers}))).status
}

#[test]
fn a_pod_that_is_being_initialized_says_how_far_it_is() {
    let both = [waiting("a", "PodInitializing"), waiting("b", "PodInitializing")];
    let first = [waiting("prepare", "PodInitializing"), waiting("proxy", "PodInitializing")];
    assert_eq!(status_of("Pending", &first, &both), "Init:0/2");
    let second = [exited("prepare", 0, "Completed"), waiting("proxy", "PodInitializing")];
    assert_eq!(status_of("Pending", &second, &both), "Init:1/2");
    let done = [exited("prepare", 0, "Completed"), running("proxy", 0)];
    assert_eq!(status_of("Pending", &done, &both), "PodInitializing");
}

#[test]
fn an_init_container_that_failed_says_so() {
    assert_eq!(status_of("Pending", &[exited("prepare", 1, "Error")], &[]), "Init:Error");
    assert_eq!(status_of("Pending", &[exited("prepare", 3, "")], &[]), "Init:ExitCode:3");
    assert_eq!(status_of("Pending", &[waiting("prepare", "CrashLoopBackOff")], &[]), "Init:CrashLoopBackOff");
    let signal = json!({"name": "prepare", "state": {"terminated": {"exitCode": 137, "signal": 9}}});
    assert_eq!(status_of("Pending", &[signal], &[]), "Init:Signal:9");
}

#[test]
fn the_first_container_with_something_to_say_gives_the_word() {
    let init = [exited("prepare", 0, "Completed"), running("proxy", 0)];
    let of = |containers: &[Value]| status_of("Running", &init, containers);
    assert_eq!(of(&[running("a", 0), running("b", 0)]), "Running");
    assert_eq!(of(&[running("a", 0), waiting("b", "CrashLoopBackOff")]), "CrashLoopBackOff");
    assert_eq!(of(&[exited("a", 1, "Error"), waiting("b", "CrashLoopBackOff")]), "Error");
    assert_eq!(of(&[exited("a", 0, "Completed"), exited("b", 0, "Completed")]), "Completed");
    assert_eq!(of(&[exited("a", 137, ""), running("b", 0)]), "ExitCode:137");
}

#[test]
fn a_pod_with_a_completed_and_a_running_container_is_running_if_ready() {
    let status = |ready: &str| {
        json!({
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": ready}],
            "initContainerStatuses": [exited("prepare", 0, "Completed"), running("proxy", 0)],
            "containerStatuses": [exited("a", 0, "Completed"), running("b", 0)],
        })
    };
    assert_eq!(PodLine::of(&pod(status("True"))).status, "Running");
    assert_eq!(PodLine::of(&pod(status("False"))).status, "NotReady");
}

#[test]
fn ready_counts_sidecars_and_no_other_init_container() {
    let init = [exited("prepare", 0, "Completed"), running("proxy", 0)];
    let containers = [running("a", 0), waiting("b", "ContainerCreating")];
    let line = PodLine::of(&pod(json!({"initContainerStatuses": init, "containerStatuses": containers})));
    assert_eq!((line.ready, line.containers), (2, 3));
}

#[test]
fn restarts_of_init_containers_count_while_initializing_and_those_of_sidecars_always() {
    let mut prepare = running("prepare", 5);
    let status = |prepare: &Value, containers: &[Value]| {
        let init = [prepare.clone(), running("proxy", 2)];
        PodLine::of(&pod(json!({"initContainerStatuses": init, "containerStatuses": containers})))
    };
    // The first init container is under way: the sidecar after it is not looked at.
    assert_eq!(status(&prepare, &[]).restarts, 5);
    prepare["state"] = json!({"terminated": {"exitCode": 0, "reason": "Completed"}});
    let line = status(&prepare, &[running("a", 1), running("b", 4)]);
    assert_eq!(line.restarts, 7);
    assert_eq!(line.last_restart, "2026-01-01T00:00:04Z".parse().ok());
}

#[test]
fn an_initialized_pod_whose_init_containers_run_again_shows_its_containers() {
    let line = PodLine::of(&pod(json!({
        "phase": "Running",
        "conditions": [{"type": "Initialized", "status": "True"}],
        "initContainerStatuses": [waiting("prepare", "RestartingAllContainers")],
        "containerStatuses": [running("a", 0), running("b", 0)],
    })));
    assert_eq!(line.status, "Init:RestartingAllContainers");
    assert_eq!((line.ready, line.containers), (2, 3));
}

#[test]
fn the_pods_own_reason_comes_before_its_phase_and_deletion_before_both() {
    let mut evicted = pod(json!({"phase": "Failed", "reason": "Evicted"}));
    assert_eq!(PodLine::of(&evicted).status, "Evicted");
    evicted["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    assert_eq!(PodLine::of(&evicted).status, "Evicted", "it has ended already");
    let mut running = pod(json!({"phase": "Running"}));
    running["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    assert_eq!(PodLine::of(&running).status, "Terminating");
    running["status"]["reason"] = json!("NodeLost");
    assert_eq!(PodLine::of(&running).status, "Unknown");
}

#[test]
fn a_pod_that_waits_at_a_scheduling_gate_says_so() {
    let condition = json!({"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"});
    assert_eq!(PodLine::of(&pod(json!({"phase": "Pending", "conditions": [condition]}))).status, "SchedulingGated");
}
