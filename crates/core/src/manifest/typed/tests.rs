use k8s_openapi::api::core::v1::Pod;

use super::*;
use crate::manifest::yaml;

fn problems(text: &str) -> Vec<String> {
    let node = yaml::documents(text).0.remove(0);
    read::<Pod>(&node).1.into_iter().map(|problem| problem.text).collect()
}

#[test]
fn wrong_types_are_worded_as_go_words_them() {
    let field = "json: cannot unmarshal";
    let cases = [
        ("5", "number into Go value of type v1.Pod"),
        ("spec: []", "array into Go struct field Pod.spec of type v1.PodSpec"),
        ("metadata: {labels: {a: 1}}", "number into Go struct field ObjectMeta.metadata.labels of type string"),
        ("metadata: {labels: [a]}", "array into Go struct field ObjectMeta.metadata.labels of type map[string]string"),
        ("spec: {containers: {}}", "object into Go struct field PodSpec.spec.containers of type []v1.Container"),
        ("spec: {containers: [x]}", "string into Go struct field PodSpec.spec.containers of type v1.Container"),
        ("spec: {restartPolicy: 1}", "number into Go struct field PodSpec.spec.restartPolicy of type v1.RestartPolicy"),
        ("spec: {hostNetwork: 'yes'}", "string into Go struct field PodSpec.spec.hostNetwork of type bool"),
        (
            "spec: {containers: [{command: x}]}",
            "string into Go struct field Container.spec.containers.command of type []string",
        ),
        (
            "spec: {containers: [{ports: [{containerPort: 99999999999}]}]}",
            "number 99999999999 into Go struct field ContainerPort.spec.containers.ports.containerPort of type int32",
        ),
        (
            "spec: {terminationGracePeriodSeconds: 1.5}",
            "number 1.5 into Go struct field PodSpec.spec.terminationGracePeriodSeconds of type int64",
        ),
        (
            "spec: {containers: [{resources: {limits: 5}}]}",
            "number into Go struct field ResourceRequirements.spec.containers.resources.limits of type v1.ResourceList",
        ),
        ("spec: {containers: [{livenessProbe: {tcpSocket: {port: true}}}]}", "bool into Go value of type int32"),
    ];
    for (text, message) in cases {
        assert_eq!(problems(text), [format!("{field} {message}")], "{text}");
    }
}

#[test]
fn unknown_and_duplicate_fields_have_their_whole_path() {
    let text =
        "spec:\n  foo: 1\n  containers:\n  - name: a\n    imagee: x\n    name: b\nmetadata: {labels: {a: x, a: z}}";
    assert_eq!(
        problems(text),
        [
            "unknown field \"spec.foo\"",
            "unknown field \"spec.containers[0].imagee\"",
            "duplicate field \"spec.containers[0].name\"",
            "duplicate field \"metadata.labels.a\"",
        ]
    );
}

#[test]
fn one_pass_finds_every_problem() {
    let text = "spec: {hostPID: 1, hostIPC: 2, containers: [{name: 1, bad: 2}]}";
    assert_eq!(problems(text).len(), 4);
}

#[test]
fn null_is_the_empty_value() {
    let text = "metadata: null\nspec: {containers: [{name: null, command: null, resources: null}], hostPID: null}";
    assert!(problems(text).is_empty());
}

#[test]
fn quantities_become_canonical_and_may_be_numbers() {
    let text = "spec: {containers: [{resources: {limits: {cpu: 1000m, memory: 1024Ki, x/y: 0.5, z/y: 2}}}]}";
    let node = yaml::documents(text).0.remove(0);
    let pod: Pod = read(&node).0.unwrap();
    let limits = pod.spec.unwrap().containers.remove(0).resources.unwrap().limits.unwrap();
    let shown: Vec<String> = limits.values().map(|quantity| quantity.0.clone()).collect();
    assert_eq!(shown, ["1", "1Mi", "500m", "2"]);
}

#[test]
fn times_are_read_and_bad_ones_are_noted() {
    assert!(problems("metadata: {creationTimestamp: '2026-01-31T12:00:00Z'}").is_empty());
    assert!(problems("metadata: {creationTimestamp: null}").is_empty());
    assert!(problems("metadata: {creationTimestamp: soon}")[0].starts_with("parsing time \"soon\""));
}
