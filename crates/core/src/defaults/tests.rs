use k8s_openapi::api::core::v1::{PodSecurityContext, Volume};
use serde_json::json;

use super::*;
use crate::manifest::decode_pod;

fn defaulted(text: &str) -> Pod {
    let mut pod = decode_pod(text).unwrap().pod;
    set_defaults(&mut pod);
    pod
}

/// Compared with what a real API server stored (the life of a Pod that was recorded from v1.36).
#[test]
fn a_small_pod_gets_what_the_api_server_gives_it() {
    let pod = defaulted("metadata: {name: a}\nspec: {volumes: [{name: w}], containers: [{name: m, image: 'b:1'}]}");
    let expected = json!({
        "volumes": [{"name": "w", "emptyDir": {}}],
        "containers": [{
            "name": "m",
            "image": "b:1",
            "imagePullPolicy": "IfNotPresent",
            "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File",
        }],
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "securityContext": {},
        "schedulerName": "default-scheduler",
        "enableServiceLinks": true,
        "tolerations": [
            {
                "key": "node.kubernetes.io/not-ready",
                "operator": "Exists",
                "effect": "NoExecute",
                "tolerationSeconds": 300,
            },
            {
                "key": "node.kubernetes.io/unreachable",
                "operator": "Exists",
                "effect": "NoExecute",
                "tolerationSeconds": 300,
            },
        ],
    });
    assert_eq!(serde_json::to_value(pod.spec).unwrap(), expected);
    assert_eq!(pod.metadata.namespace.as_deref(), Some("default"));
}

#[test]
fn defaults_are_set_once_and_change_nothing_that_is_set() {
    let text = "
metadata: {namespace: x}
spec:
  restartPolicy: Never
  hostNetwork: true
  terminationGracePeriodSeconds: 0
  securityContext: {runAsUser: 5}
  tolerations: [{operator: Exists}]
  volumes: [{name: h, hostPath: {path: /tmp}}, {name: c, configMap: {name: c, defaultMode: 0400}}]
  containers:
  - name: a
    image: b
    ports: [{containerPort: 80}, {containerPort: 81, hostPort: 81, protocol: UDP}]
    resources: {limits: {cpu: 1, memory: 1Gi}, requests: {cpu: 500m}}
    env: [{name: NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]
    livenessProbe: {httpGet: {port: 80}, periodSeconds: 5}
    lifecycle: {preStop: {httpGet: {port: 80, path: /x}}}
";
    let pod = defaulted(text);
    let mut again = pod.clone();
    set_defaults(&mut again);
    assert_eq!(again, pod);
    let spec = pod.spec.unwrap();
    assert_eq!(spec.tolerations.map(|all| all.len()), Some(1));
    assert_eq!(spec.termination_grace_period_seconds, Some(0));
    assert_eq!(spec.security_context, Some(PodSecurityContext { run_as_user: Some(5), ..Default::default() }));
    let modes: Vec<_> =
        spec.volumes.unwrap().iter().map(|v: &Volume| v.config_map.as_ref().map(|c| c.default_mode)).collect();
    assert_eq!(modes, [None, Some(Some(0o400))]);
    let container = serde_json::to_value(&spec.containers[0]).unwrap();
    assert_eq!(container["imagePullPolicy"], "Always");
    assert_eq!(container["ports"][0], json!({"containerPort": 80, "hostPort": 80, "protocol": "TCP"}));
    assert_eq!(container["resources"]["requests"], json!({"cpu": "500m", "memory": "1Gi"}));
    assert_eq!(container["env"][0]["valueFrom"]["fieldRef"]["apiVersion"], "v1");
    let probe = &container["livenessProbe"];
    assert_eq!(probe["httpGet"], json!({"path": "/", "port": 80, "scheme": "HTTP"}));
    assert_eq!((&probe["periodSeconds"], &probe["failureThreshold"]), (&json!(5), &json!(3)));
    assert_eq!(container["lifecycle"]["preStop"]["httpGet"], json!({"path": "/x", "port": 80, "scheme": "HTTP"}));
}
