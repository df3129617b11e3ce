//! The API is away, cuts connections, forgets versions, or does not take the token of before.

use serde_json::json;

use crate::scene::Scene;

#[test]
fn an_api_that_is_away_at_first_is_waited_for() {
    let mut scene = Scene::new(json!({}));
    scene.api.go_away();
    let agent = scene.sidecar();
    agent.says("can't connect to 127.0.0.1:");
    scene.api.come_back();
    assert_eq!(scene.api.attempts(1), ["0"]);
    agent.says("the API answers again");
}

#[test]
fn a_watch_that_is_cut_goes_on_from_the_last_version_and_misses_nothing() {
    let mut scene = Scene::new(json!({}));
    let agent = scene.sidecar();
    scene.api.watches(1);
    scene.api.set_status(json!({"currentInPlaceRestartAttempt": 0}));
    scene.is_lifted();
    scene.api.go_away();
    scene.api.set_status(json!({"currentInPlaceRestartAttempt": 0, "previousInPlaceRestartAttempt": 0}));
    agent.says("trying again");
    scene.api.come_back();
    assert_eq!(agent.ends(), 1);
    assert!(scene.api.watches(2).path.ends_with("resourceVersion=20"), "the version that was seen last");
    assert_eq!(scene.api.attempts(1), ["0"], "the attempt is noted once");
}

#[test]
fn a_version_that_is_too_old_has_the_job_set_read_again() {
    let scene = Scene::new(json!({}));
    let agent = scene.sidecar();
    scene.api.watches(1);
    scene.api.forget_versions();
    let is_list = |asked: &crate::fake_api::Asked| asked.method == "GET" && !asked.path.contains("watch=true");
    scene.api.asked(2, is_list);
    scene.api.watches(2);
    assert_eq!(agent.log().matches("trying again").count(), 0, "that is no trouble: {}", agent.log());
    scene.api.set_status(json!({"currentInPlaceRestartAttempt": 0}));
    scene.is_lifted();
}

#[test]
fn a_renewed_token_is_used_from_then_on() {
    let scene = Scene::new(json!({}));
    scene.api.refuse(Some("first-token"));
    let agent = scene.sidecar();
    agent.says("reading the JobSet: 401 Unauthorized");
    scene.write("token", "second-token\n");
    assert_eq!(scene.api.attempts(1), ["0"]);
    let applied = scene.api.asked(1, |asked| asked.method == "PATCH");
    assert_eq!(applied.headers["authorization"], "Bearer second-token");
}

#[test]
fn a_job_set_that_is_not_there_yet_is_waited_for() {
    let scene = Scene::new(json!({}));
    scene.api.remove_job_set();
    let agent = scene.sidecar();
    agent.says("there is no JobSet training in the namespace team");
    scene.api.change(|job_set| {
        let policy = json!({"restartStrategy": "InPlaceRestart"});
        *job_set = json!({"metadata": {"name": "training"}, "spec": {"failurePolicy": policy}});
    });
    assert_eq!(scene.api.attempts(1), ["0"]);
}

#[test]
fn a_server_that_another_authority_vouches_for_is_not_talked_to() {
    let scene = Scene::new(json!({}));
    let other = Scene::new(json!({}));
    scene.write("ca.crt", &other.api.authority_pem);
    let agent = scene.sidecar();
    agent.says("invalid peer certificate");
    assert_eq!(scene.api.attempts(0), [""; 0]);
    scene.write("ca.crt", &scene.api.authority_pem);
    assert_eq!(scene.api.attempts(1), ["0"], "the authority is read anew");
}
