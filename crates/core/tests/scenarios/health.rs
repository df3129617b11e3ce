//! Probes and hooks, alone and over restarts.

use reprise_core::hook::HookResult;
use reprise_core::probe::ProbeKind::{Liveness, Readiness, Startup};
use serde_json::{Value, json};

use super::stage::{Node, on};

fn probe() -> Value {
    json!({"tcpSocket": {"port": 80}})
}

fn hook() -> Value {
    json!({"sleep": {"seconds": 1}})
}

fn one(fields: Value) -> Node {
    let mut main = json!({"name": "main"});
    main.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    Node::start(json!({"containers": [main], "terminationGracePeriodSeconds": 30}))
}

fn is_ready(node: &Node) -> bool {
    node.condition("Ready").unwrap().status == "True"
}

#[test]
fn a_container_is_ready_only_while_its_readiness_probe_passes() {
    let mut node = one(json!({"readinessProbe": probe()}));
    assert!(!is_ready(&node) && node.container("main").started == Some(true));
    node.probe("main", Readiness, true);
    assert!(is_ready(&node));
    node.probe("main", Readiness, false);
    assert!(!is_ready(&node) && node.runs("main"));
}

#[test]
fn the_other_probes_wait_for_the_startup_probe_which_then_ends() {
    let mut node = one(json!({"startupProbe": probe(), "livenessProbe": probe(), "readinessProbe": probe()}));
    assert_eq!((node.probed("main"), node.container("main").started), (vec![Startup], Some(false)));
    node.probe("main", Startup, true);
    assert_eq!((node.probed("main"), node.container("main").started), (vec![Liveness, Readiness], Some(true)));
}

#[test]
fn a_liveness_failure_ends_the_container_with_the_probes_own_grace_period_and_the_policy_starts_it_again() {
    let mut liveness = probe();
    liveness["terminationGracePeriodSeconds"] = json!(7);
    let mut node = one(json!({"livenessProbe": liveness, "lifecycle": {"preStop": hook()}}));
    let first = node.probes[0].id.clone();
    node.probe("main", Liveness, false);
    assert_eq!(node.kills, [(first.clone(), Some(7), true)]);
    assert!(node.runs("main") && node.last("main").0 == 1);
    assert_ne!(node.probes[0].id, first, "the new run has a probe of its own");
}

#[test]
fn a_startup_failure_under_never_fails_the_pod() {
    let mut node = Node::start(json!({
        "restartPolicy": "Never",
        "containers": [{"name": "main", "startupProbe": probe()}],
    }));
    node.probe("main", Startup, false);
    assert_eq!(node.phase(), "Failed");
}

#[test]
fn the_verdict_of_a_run_that_is_gone_changes_nothing() {
    let main = json!({"name": "main", "livenessProbe": probe(), "readinessProbe": probe(),
        "restartPolicy": "Never", "restartPolicyRules": on(88)});
    let mut node = Node::start(json!({"containers": [main]}));
    node.probe("main", Readiness, true);
    let old = node.probes[0].id.clone();
    node.exit("main", 88);
    assert!(!is_ready(&node), "readiness of an older epoch does not count");
    let late = reprise_core::probe::ProbeVerdict { passes: false, message: String::new() };
    node.observed.probes.insert((old, Liveness), late);
    node.settle();
    assert!(node.runs("main") && node.kills.is_empty() && node.last("main").0 == 1);
}

#[test]
fn an_in_place_restart_runs_no_hook_before_its_kills_and_each_post_start_again() {
    let hooks = json!({"postStart": hook(), "preStop": hook()});
    let mut node = Node::start(json!({
        "restartPolicy": "Never",
        "containers": [
            {"name": "main", "lifecycle": hooks},
            {"name": "trigger", "restartPolicy": "Never", "restartPolicyRules": on(88)},
        ],
    }));
    let hooked = node.observed.post_start.len();
    node.exit("trigger", 88);
    assert!(matches!(node.kills.as_slice(), [(_, None, false)]));
    assert_eq!((node.observed.post_start.len(), node.runs("main")), (hooked + 1, true));
}

#[test]
fn a_sidecar_has_come_up_when_hook_and_startup_probe_are_through_and_only_then_the_next_starts() {
    let sidecar = json!({"name": "side", "restartPolicy": "Always", "startupProbe": probe(),
        "lifecycle": {"postStart": hook()}});
    let mut node = Node::start(json!({"initContainers": [sidecar], "containers": [{"name": "main"}]}));
    assert!(node.runs("side") && !node.runs("main"));
    node.probe("side", Startup, true);
    assert!(node.runs("main"));
}

#[test]
fn a_post_start_hook_holds_up_the_containers_after_it() {
    let mut node = Node::start(json!({
        "initContainers": [{"name": "setup"}],
        "containers": [{"name": "proxy", "lifecycle": {"postStart": hook()}}, {"name": "main"}],
    }));
    node.ends("setup", 0);
    while !node.pass().actions.iter().any(|a| matches!(a, reprise_core::action::Action::RunPostStart { .. })) {
        assert!(node.observed.containers.iter().all(|c| c.name != "main"), "main did not wait");
        node.step();
    }
    node.settle();
    assert!(node.runs("main"));
}

#[test]
fn a_failed_post_start_hook_ends_its_container() {
    let mut node = Node::start_hooked(
        [("main".to_owned(), HookResult::Failed("exited with 1".to_owned()))],
        json!({"restartPolicy": "Never", "containers": [{"name": "main", "lifecycle": {"postStart": hook()}}]}),
    );
    node.settle();
    assert_eq!((node.phase(), node.last("main").0), ("Failed", 0));
}

#[test]
fn a_pod_that_is_deleted_runs_pre_stop_hooks_and_keeps_only_readiness_probes() {
    let mut node = one(json!({"livenessProbe": probe(), "readinessProbe": probe(), "lifecycle": {"preStop": hook()}}));
    node.delete_within(20);
    assert_eq!(node.probed("main"), [Readiness]);
    let kill = node.pass().actions.pop().unwrap();
    assert!(matches!(kill, reprise_core::action::Action::KillContainer { pre_stop: true, deadline: Some(_), .. }));
}

#[test]
fn readiness_gates_hold_the_pod_back_until_their_conditions_are_true() {
    let spec = json!({"containers": [{"name": "main"}], "readinessGates": [{"conditionType": "example.com/lb"}]});
    let mut node = Node::start(spec);
    let ready = node.condition("Ready").unwrap();
    assert_eq!((ready.status.as_str(), ready.reason.as_deref()), ("False", Some("ReadinessGatesNotReady")));
    assert_eq!(node.condition("ContainersReady").unwrap().status, "True");
    let set = json!({"conditions": [{"type": "example.com/lb", "status": "True"}]});
    node.pod.status = serde_json::from_value(set).unwrap();
    node.settle();
    assert!(is_ready(&node));
}
