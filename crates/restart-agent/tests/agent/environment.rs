//! An environment that the agent can't work in is named, with an exit code that restarts nothing.

use serde_json::json;

use crate::scene::Scene;

#[test]
fn a_bad_environment_ends_the_agent_with_2_and_says_what_is_wrong() {
    let scene = Scene::new(json!({}));
    for (name, value, words) in [
        ("JOBSET_NAME", "", "error: JOBSET_NAME is not set"),
        ("POD_NAME", "", "error: POD_NAME is not set"),
        ("STARTUP_PROBE_PORT", "http", "error: STARTUP_PROBE_PORT is \"http\": a port from 1 to 65535 is needed"),
        ("KUBERNETES_SERVICE_HOST", "", "error: KUBERNETES_SERVICE_HOST is not set"),
        ("SERVICE_ACCOUNT_FOLDER", "/none", "error: can't read /none/namespace"),
    ] {
        let mut command = scene.command();
        command.env(name, value);
        let agent = scene.start(command);
        agent.says(words);
        assert_eq!(agent.ends(), 2, "{name}");
    }
    let mut command = scene.command();
    command.env("WORKER_COMMAND", "true").env("STARTUP_PROBE_PORT", "8081");
    let agent = scene.start(command);
    agent.says("error: WORKER_COMMAND and STARTUP_PROBE_PORT are both set");
    assert_eq!(agent.ends(), 2);
    assert_eq!(scene.api.attempts(0), [""; 0]);
}

#[test]
fn a_probe_port_that_somebody_else_has_is_named() {
    let scene = Scene::new(json!({}));
    let _other = std::net::TcpListener::bind(("0.0.0.0", scene.port)).unwrap();
    let agent = scene.sidecar();
    scene.api.watches(1);
    scene.api.set_status(json!({"currentInPlaceRestartAttempt": 0}));
    agent.says(&format!("error: can't listen on port {}", scene.port));
    assert_eq!(agent.ends(), 2);
}
