use super::*;
use crate::defaults::set_defaults;
use crate::manifest::{Object, decode, decode_pod};

fn found(text: &str) -> (Vec<String>, Vec<String>) {
    let mut pod = decode_pod(text).unwrap().pod;
    set_defaults(&mut pod);
    let found = find(&pod);
    let fields = |gaps: Vec<Gap>| gaps.into_iter().map(|gap| gap.field.to_string()).collect();
    (fields(found.errors), fields(found.warnings))
}

#[test]
fn the_announced_pod_needs_nothing_that_is_missing() {
    let text = "
spec:
  overhead: {cpu: 100m}
  readinessGates: [{conditionType: x}]
  volumes:
  - {name: w}
  - {name: h, hostPath: {path: /tmp}}
  - {name: m, configMap: {name: m}}
  - {name: s, secret: {secretName: s}}
  - {name: c, persistentVolumeClaim: {claimName: c}}
  securityContext: {fsGroup: 5, runAsUser: 1, seccompProfile: {type: RuntimeDefault}}
  initContainers: [{name: a, image: b, restartPolicy: Always, restartPolicyRules: []}]
  containers:
  - name: c
    image: d
    env: [{name: NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]
    ports: [{containerPort: 80, hostPort: 8080, hostIP: 127.0.0.1}]
    resources: {limits: {cpu: 1, memory: 1Gi, ephemeral-storage: 1Gi, example.com/gpu: 1}}
    stdin: true
    stdinOnce: true
    tty: true
    livenessProbe: {grpc: {port: 80}}
    lifecycle: {postStart: {exec: {command: [a]}}, preStop: {sleep: {seconds: 1}}}
    securityContext: {privileged: true, capabilities: {add: [NET_ADMIN]}}
";
    assert_eq!(found(text), (Vec::new(), Vec::new()));
}

#[test]
fn what_would_make_the_pod_wrong_is_an_error() {
    let text = "
spec:
  hostUsers: false
  schedulingGates: [{name: g}]
  volumes: [{name: c, ephemeral: {volumeClaimTemplate: {spec: {}}}}, {name: e, emptyDir: {medium: HugePages-2Mi}}, {name: i, image: {reference: r}}, {name: p, projected: {sources: [{configMap: {name: c}}, {serviceAccountToken: {path: t}}]}}]
  containers:
  - name: c
    image: d
    resources: {limits: {hugepages-2Mi: 2Mi}}
    volumeDevices: [{name: d, devicePath: /dev/x}]
    securityContext: {procMount: Unmasked}
";
    let (errors, warnings) = found(text);
    assert_eq!(
        errors,
        [
            "spec.hostUsers",
            "spec.schedulingGates",
            "spec.volumes[0].ephemeral",
            "spec.volumes[1].emptyDir.medium",
            "spec.volumes[2].image",
            "spec.volumes[3].projected.sources[1].serviceAccountToken",
            "spec.containers[0].volumeDevices",
            "spec.containers[0].resources.limits[hugepages-2Mi]",
            "spec.containers[0].resources.requests[hugepages-2Mi]",
            "spec.containers[0].securityContext.procMount",
        ]
    );
    assert!(warnings.is_empty());
}

#[test]
fn what_the_pod_works_without_is_a_warning() {
    let text = "
spec:
  nodeSelector: {a: b}
  containers:
  - name: c
    image: d
    lifecycle: {postStart: {exec: {command: [a]}}, preStop: {tcpSocket: {port: 1}}}
";
    let (errors, warnings) = found(text);
    assert!(errors.is_empty());
    assert_eq!(warnings, ["spec.nodeSelector", "spec.containers[0].lifecycle.preStop.tcpSocket",]);
}

#[test]
fn a_gap_says_that_it_is_one() {
    let gap =
        Gap { field: FieldPath::new("spec").child("x"), consequence: "nothing happens".to_owned(), need: Need::Node };
    assert_eq!(gap.to_string(), "spec.x: not supported yet: nothing happens");
}

#[test]
fn storage_that_is_not_a_folder_of_the_node_is_an_error() {
    let of = |text: &str| {
        let Object::Other(object) = decode("o", text).remove(0).outcome.unwrap() else { panic!() };
        let found = find_in_object(&object);
        found.errors.iter().chain(&found.warnings).map(|gap| gap.field.to_string()).collect::<Vec<_>>()
    };
    let head = "apiVersion: v1\nkind: PersistentVolume\n";
    assert_eq!(
        of(&format!("{head}spec: {{nfs: {{server: s, path: /}}, volumeMode: Block}}")),
        ["spec.volumeMode", "spec"]
    );
    let with = format!("{head}spec: {{local: {{path: /x}}, persistentVolumeReclaimPolicy: Delete}}");
    assert_eq!(of(&with), ["spec.persistentVolumeReclaimPolicy"]);
}

#[test]
fn what_a_cluster_has_is_no_gap_in_one() {
    let text = "spec: {runtimeClassName: r, schedulingGates: [{name: g}], nodeSelector: {a: b}, hostUsers: false, volumes: [{name: p, projected: {sources: [{serviceAccountToken: {path: t}}]}}], containers: [{name: c, image: d}]}";
    let pod = &decode_pod(text).unwrap().pod;
    assert_eq!(find(pod).errors.len(), 4);
    let found = find_in_cluster(pod);
    let fields: Vec<String> = found.errors.iter().map(|gap| gap.field.to_string()).collect();
    assert_eq!(fields, ["spec.hostUsers"]);
    assert!(found.warnings.is_empty());
}
