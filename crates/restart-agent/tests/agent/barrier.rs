//! A sidecar: the attempt, the barrier, the restart, and the bypass.

use rustix::process::Signal;
use serde_json::json;

use crate::scene::Scene;

#[test]
fn the_first_start_notes_attempt_0_and_waits_until_the_job_set_is_there_too() {
    let scene = Scene::new(json!({}));
    let agent = scene.sidecar();
    assert_eq!(scene.api.attempts(1), ["0"]);
    let watch = scene.api.watches(1);
    assert!(watch.path.starts_with("/apis/jobset.x-k8s.io/v1alpha2/namespaces/team/jobsets?"), "{watch:?}");
    assert!(watch.path.contains("fieldSelector=metadata.name%3Dtraining"), "it watches its JobSet only: {watch:?}");
    assert_eq!(scene.probe("/barrier-is-down"), None, "behind the barrier nobody listens");

    scene.api.set_status(json!({"currentInPlaceRestartAttempt": 0}));
    scene.is_lifted();
    assert_eq!(scene.probe("/other"), Some(404));
    agent.signal(Signal::TERM);
    assert_eq!(agent.ends(), 143);
}

#[test]
fn the_attempt_is_applied_under_the_agents_name_on_its_own_pod() {
    let scene = Scene::new(json!({"currentInPlaceRestartAttempt": 4, "previousInPlaceRestartAttempt": 3}));
    let _agent = scene.sidecar();
    assert_eq!(scene.api.attempts(1), ["5"]);
    let applied = scene.api.asked(1, |asked| asked.method == "PATCH");
    assert_eq!(applied.path, "/api/v1/namespaces/team/pods/worker-3?fieldManager=in-place-restart-agent&force=true");
    assert_eq!(applied.headers["content-type"], "application/apply-patch+yaml");
    assert_eq!(applied.headers["authorization"], "Bearer first-token");
    let body: serde_json::Value = serde_json::from_str(&applied.body).unwrap();
    let annotations = json!({"jobset.sigs.k8s.io/in-place-restart-attempt": "5"});
    let metadata = json!({"name": "worker-3", "namespace": "team", "annotations": annotations});
    assert_eq!(body, json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata}), "nothing else is applied");
}

#[test]
fn an_outdated_attempt_ends_with_the_exit_code_for_restarts_before_and_after_the_barrier() {
    let scene = Scene::new(json!({"currentInPlaceRestartAttempt": 0}));
    let waiting = scene.sidecar();
    assert_eq!(scene.api.attempts(1), ["1"]);
    // Its attempt was the current one, and another Pod has gone ahead, before it has heard of the first.
    scene.api.set_status(json!({"currentInPlaceRestartAttempt": 1, "previousInPlaceRestartAttempt": 1}));
    assert_eq!(waiting.ends(), 1);
    assert_eq!(scene.probe("/barrier-is-down"), None);

    let mut command = scene.command();
    command.env("IN_PLACE_RESTART_EXIT_CODE", "77").env("STARTUP_PROBE_PORT", scene.port.to_string());
    let mut lifted = scene.start(command);
    assert_eq!(scene.api.attempts(2), ["1", "2"]);
    scene.api.set_status(json!({"currentInPlaceRestartAttempt": 2, "previousInPlaceRestartAttempt": 1}));
    scene.is_lifted();
    assert!(lifted.is_running());
    scene.api.set_status(json!({"currentInPlaceRestartAttempt": 2, "previousInPlaceRestartAttempt": 2}));
    assert_eq!(lifted.ends(), 77);
}

#[test]
fn without_in_place_restart_the_barrier_is_lifted_at_once_and_nothing_restarts() {
    let other = |scene: &Scene| {
        scene.api.change(|job_set| job_set["spec"]["failurePolicy"]["restartStrategy"] = json!("Recreate"));
    };
    let annotated = |scene: &Scene| {
        let annotations = json!({"jobset.sigs.k8s.io/disable-in-place-restart": "true"});
        scene.api.change(|job_set| job_set["metadata"]["annotations"] = annotations);
    };
    for bypassed in [&other as &dyn Fn(&Scene), &annotated] {
        let scene = Scene::new(json!({"previousInPlaceRestartAttempt": 7}));
        bypassed(&scene);
        let mut agent = scene.sidecar();
        scene.is_lifted();
        scene.api.set_status(json!({"previousInPlaceRestartAttempt": 8}));
        assert!(agent.is_running());
        assert_eq!(scene.api.attempts(0), [""; 0], "no attempt is noted");
        agent.signal(Signal::TERM);
        assert_eq!(agent.ends(), 143);
    }
}

#[test]
fn in_place_restart_that_is_disabled_later_lifts_the_barrier_and_restarts_nothing_more() {
    let scene = Scene::new(json!({}));
    let mut agent = scene.sidecar();
    scene.api.watches(1);
    let annotations = json!({"jobset.sigs.k8s.io/disable-in-place-restart": ""});
    scene.api.change(|job_set| job_set["metadata"]["annotations"] = annotations);
    scene.is_lifted();
    scene.api.set_status(json!({"previousInPlaceRestartAttempt": 3}));
    // The next watch begins where the agent has seen all.
    scene.api.cut();
    crate::fake_api::eventually("the change is seen", || {
        scene.api.cut();
        scene.api.watches(2).path.ends_with("resourceVersion=30").then_some(())
    });
    assert!(agent.is_running());
    agent.signal(Signal::TERM);
    assert_eq!(agent.ends(), 143);
}
