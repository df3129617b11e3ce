use serde_json::{Value, json};

use super::*;
use crate::pod::testing::report as pod;

fn container(name: &str, state: Value) -> Value {
    let runs = state.get("running").is_some();
    json!({ "name": name, "image": "i", "imageID": "", "ready": runs, "started": runs, "restartCount": 1, "state": state })
}

fn waits(reason: &str) -> Value {
    json!({ "waiting": { "reason": reason } })
}

fn ended(code: i32, reason: &str) -> Value {
    json!({ "terminated": { "exitCode": code, "reason": reason } })
}

fn runs() -> Value {
    json!({ "running": {} })
}

#[test]
fn init_containers_show_how_far_they_are_or_why_not() {
    let init = |first: Value, second: Value| {
        let inits = [container("a", first), container("proxy", second)];
        let main = [container("main", waits("PodInitializing"))];
        status(&pod(json!({ "phase": "Pending", "initContainerStatuses": inits, "containerStatuses": main })))
    };
    assert_eq!(init(runs(), waits("PodInitializing")), "Init:0/2");
    assert_eq!(init(ended(0, "Completed"), waits("PodInitializing")), "Init:1/2");
    assert_eq!(init(ended(3, "Error"), waits("PodInitializing")), "Init:Error");
    assert_eq!(init(waits("CrashLoopBackOff"), waits("PodInitializing")), "Init:CrashLoopBackOff");
    assert_eq!(init(ended(0, "Completed"), runs()), "PodInitializing");
}

#[test]
fn regular_containers_show_what_they_wait_for_or_how_they_ended() {
    let main = |phase: &str, state: Value| {
        status(&pod(json!({ "phase": phase, "containerStatuses": [container("main", state)] })))
    };
    assert_eq!(main("Running", runs()), "Running");
    assert_eq!(main("Running", waits("CrashLoopBackOff")), "CrashLoopBackOff");
    assert_eq!(main("Pending", waits("ImagePullBackOff")), "ImagePullBackOff");
    assert_eq!(main("Succeeded", ended(0, "Completed")), "Completed");
    assert_eq!(main("Failed", ended(1, "Error")), "Error");
    assert_eq!(main("Failed", ended(7, "")), "ExitCode:7");
}

#[test]
fn a_pod_with_a_finished_container_beside_a_running_one_runs() {
    let containers = [container("done", ended(0, "Completed")), container("main", runs())];
    let view = pod(json!({
        "phase": "Running", "containerStatuses": containers, "conditions": [{ "type": "Ready", "status": "True" }],
    }));
    assert_eq!((status(&view).as_str(), ready(&view).as_str(), restarts(&view)), ("Running", "1/2", 2));
}

#[test]
fn a_pod_that_is_being_deleted_is_terminating_until_it_has_ended() {
    let mut view = pod(json!({ "phase": "Running", "containerStatuses": [container("main", runs())] }));
    view.terminating = true;
    assert_eq!(status(&view), "Terminating");
    let mut view =
        pod(json!({ "phase": "Succeeded", "containerStatuses": [container("main", ended(0, "Completed"))] }));
    view.terminating = true;
    assert_eq!(status(&view), "Completed");
}

#[test]
fn sidecars_count_as_ready_and_do_not_hide_how_the_pod_ended() {
    let statuses = json!({
        "phase": "Succeeded",
        "initContainerStatuses": [container("a", ended(0, "Completed")), container("proxy", ended(137, "Error"))],
        "containerStatuses": [container("main", ended(0, "Completed"))],
    });
    let view = pod(statuses);
    assert_eq!((status(&view).as_str(), ready(&view).as_str()), ("Completed", "0/2"));
}
