use super::*;
use crate::manifest::decode_pod;

const POLICY: Policy = Policy {
    gates: FeatureGates {
        container_restart_rules: true,
        restart_all_containers_on_container_exits: true,
        resource_health_status: true,
    },
    allow_privileged: true,
};
const WITHOUT_RESTART_ALL: Policy = Policy {
    gates: FeatureGates {
        container_restart_rules: true,
        restart_all_containers_on_container_exits: false,
        resource_health_status: true,
    },
    allow_privileged: true,
};

fn fresh() -> Fresh {
    Fresh { uid: "u-1".to_owned(), suffix: "bcd24".to_owned(), now: Timestamp::UNIX_EPOCH }
}

fn admitted(text: &str) -> Result<Admitted, Rejection> {
    admit(decode_pod(text), &POLICY, fresh())
}

const SPEC: &str = "spec: {containers: [{name: a, image: b}]}";
const RESTART_ALL: &str = "
metadata: {name: a}
spec:
  containers:
  - name: a
    image: b
    restartPolicy: Never
    restartPolicyRules:
    - {action: RestartAllContainers, exitCodes: {operator: In, values: [1]}}
";

#[test]
fn a_pod_gets_its_identity() {
    let pod = admitted(&format!("metadata: {{generateName: x-, uid: mine}}\n{SPEC}")).unwrap().pod;
    assert_eq!(pod.metadata.name.as_deref(), Some("x-bcd24"));
    assert_eq!(pod.metadata.uid.as_deref(), Some("u-1"));
    assert_eq!(pod.metadata.creation_timestamp, Some(Time(Timestamp::UNIX_EPOCH)));
    let spec = pod.spec.unwrap();
    assert_eq!((spec.priority, spec.preemption_policy.as_deref()), (Some(0), Some("PreemptLowerPriority")));
}

#[test]
fn a_long_prefix_is_cut() {
    let text = format!("metadata: {{generateName: {}}}\n{SPEC}", "x".repeat(80));
    assert_eq!(admitted(&text).unwrap().pod.metadata.name.map(|name| name.len()), Some(63));
}

#[test]
fn warnings_of_the_old_spelling_come_through() {
    let text = RESTART_ALL.replace("exitCodes: {operator: In, values: [1]}", "onExit: {exitCodes: {operator: In}}");
    assert_eq!(admitted(&text).unwrap().warnings.len(), 1);
}

#[test]
fn our_annotations_are_checked_at_their_path() {
    let text = format!("metadata: {{name: a, annotations: {{reprise.dev/restart-backoff: fast}}}}\n{SPEC}");
    assert_eq!(
        admitted(&text).unwrap_err().messages(),
        ["metadata.annotations[reprise.dev/restart-backoff]: Invalid value: \"fast\": \
          must be `none` or `<initial>..<max>` with two durations (e.g. `10s..5m`)"]
    );
}

#[test]
fn a_pod_that_uses_restart_all_keeps_it_when_the_gate_goes_off() {
    let old = admitted(RESTART_ALL).unwrap().pod;
    assert!(admit(decode_pod(RESTART_ALL), &WITHOUT_RESTART_ALL, fresh()).is_err());
    let new = admit_update(decode_pod(RESTART_ALL), &old, &WITHOUT_RESTART_ALL).unwrap().pod;
    assert_eq!(new.spec.unwrap().containers, old.spec.unwrap().containers);
}

#[test]
fn an_update_may_not_begin_to_use_what_is_off() {
    let old = admitted(&format!("metadata: {{name: a}}\n{SPEC}")).unwrap().pod;
    let messages = admit_update(decode_pod(RESTART_ALL), &old, &WITHOUT_RESTART_ALL).unwrap_err().messages();
    assert_eq!(
        messages,
        ["spec.containers[0].restartPolicyRules[0].action: Unsupported value: \"RestartAllContainers\": \
          supported values: \"Restart\""]
    );
}

#[test]
fn priority_follows_from_the_class() {
    let with = |fields: &str| {
        admitted(&format!("metadata: {{name: a}}\nspec: {{{fields}, containers: [{{name: a, image: b}}]}}"))
    };
    let pod = with("priorityClassName: system-node-critical").unwrap().pod;
    assert_eq!(pod.spec.unwrap().priority, Some(2_000_001_000));
    let unknown = with("priorityClassName: gold").unwrap_err();
    assert_eq!(unknown.to_string(), "pods \"a\" is forbidden: no PriorityClass with name gold was found");
    assert_eq!(unknown.code, 403);
}

#[test]
fn a_pod_without_spec_is_refused_and_not_a_panic() {
    let rejection = admitted("metadata: {name: a}").unwrap_err();
    assert_eq!(rejection.messages(), ["spec.containers: Required value"]);
}
