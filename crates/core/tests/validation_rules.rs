//! What is wrong with a Pod and is in none of the recorded cases, with the words of Kubernetes' validation.
//!
//! Each case is a piece of a spec and the messages that it earns.

use jiff::Timestamp;
use reprise_core::admission::{Fresh, Policy, admit};
use reprise_core::gates::FeatureGates;
use reprise_core::manifest::decode_pod;

/// The messages about a Pod with `spec` (YAML in braces) beside one good container.
fn messages(spec: &str) -> Vec<String> {
    let container = if spec.contains("containers:") { "" } else { "containers: [{name: c, image: i}], " };
    let text = format!("metadata: {{name: p}}\nspec: {{{container}{spec}}}");
    let policy = Policy { gates: FeatureGates::default(), allow_privileged: true };
    let fresh = Fresh { uid: "u".to_owned(), suffix: "bcdfg".to_owned(), now: Timestamp::UNIX_EPOCH };
    match admit(decode_pod(&text), &policy, fresh) {
        Ok(_) => Vec::new(),
        Err(rejection) => rejection.messages(),
    }
}

fn check(cases: &[(&str, &[&str])]) {
    for (spec, expected) in cases {
        assert_eq!(&messages(spec), expected, "{spec}");
    }
}

/// The same for fields of the only container.
fn check_container(cases: &[(&str, &[&str])]) {
    for (fields, expected) in cases {
        let spec = format!("containers: [{{name: c, image: i, {fields}}}], volumes: [{{name: v, emptyDir: {{}}}}]");
        let expected: Vec<String> = expected.iter().map(|text| format!("spec.containers[0].{text}")).collect();
        assert_eq!(messages(&spec), expected, "{fields}");
    }
}

#[test]
fn containers() {
    check(&[
        ("containers: []", &["spec.containers: Required value"]),
        ("containers: [{image: i}]", &["spec.containers[0].name: Required value"]),
        ("containers: [{name: a}]", &["spec.containers[0].image: Required value"]),
        (
            "containers: [{name: a.b, image: i}]",
            &["spec.containers[0].name: Invalid value: \"a.b\": must not contain dots"],
        ),
        (
            "restartPolicy: Sometimes",
            &[
                "spec.restartPolicy: Unsupported value: \"Sometimes\": supported values: \"Always\", \"OnFailure\", \"Never\"",
            ],
        ),
        (
            "containers: [{name: a, image: i, ports: [{containerPort: 1, hostPort: 2}, {containerPort: 3, hostPort: 2}]}]",
            &["spec.containers[0].ports[1].hostPort: Duplicate value: \"TCP//2\""],
        ),
        (
            "hostNetwork: true, containers: [{name: a, image: i, ports: [{containerPort: 1, hostPort: 2}]}]",
            &[
                "spec.containers[0].ports[0].hostPort: Invalid value: 2: must match `containerPort` when `hostNetwork` is true",
            ],
        ),
        (
            "ephemeralContainers: [{name: c, image: i, targetContainerName: x, ports: [{containerPort: 1}]}]",
            &[
                "spec.ephemeralContainers[0].ports[0].protocol: Required value",
                "spec.ephemeralContainers[0].name: Duplicate value: \"c\"",
                "spec.ephemeralContainers[0].targetContainerName: Not found: \"x\"",
                "spec.ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral Container",
                "spec.ephemeralContainers: Forbidden: cannot be set on create",
            ],
        ),
    ]);
}

#[test]
fn container_fields() {
    check_container(&[
        (
            "imagePullPolicy: Never, terminationMessagePolicy: FallbackToLogsOnError, resizePolicy: [{resourceName: disk, restartPolicy: Maybe}]",
            &[
                "resizePolicy: Unsupported value: \"disk\": supported values: \"cpu\", \"memory\"",
                "resizePolicy: Unsupported value: \"Maybe\": supported values: \"NotRequired\", \"RestartContainer\"",
            ],
        ),
        (
            "imagePullPolicy: Daily",
            &[
                "imagePullPolicy: Unsupported value: \"Daily\": supported values: \"Always\", \"IfNotPresent\", \"Never\"",
            ],
        ),
        (
            "ports: [{containerPort: 0, protocol: ICMP}]",
            &[
                "ports[0].containerPort: Required value",
                "ports[0].protocol: Unsupported value: \"ICMP\": supported values: \"SCTP\", \"TCP\", \"UDP\"",
            ],
        ),
        (
            "env: [{name: A, valueFrom: {}}]",
            &["env[0].valueFrom: Invalid value: \"\": must specify one of: `fieldRef`, `resourceFieldRef`, \
               `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"],
        ),
        (
            "env: [{name: A, valueFrom: {fieldRef: {fieldPath: metadata.labels}}}]",
            &["env[0].valueFrom.fieldRef.fieldPath: Unsupported value: \"metadata.labels\": supported values: \
               \"metadata.name\", \"metadata.namespace\", \"metadata.uid\", \"spec.nodeName\", \
               \"spec.serviceAccountName\", \"status.hostIP\", \"status.hostIPs\", \"status.podIP\", \"status.podIPs\""],
        ),
        (
            "env: [{name: A, valueFrom: {resourceFieldRef: {resource: limits.cpu, divisor: 2}}}]",
            &[
                "env[0].valueFrom.resourceFieldRef.divisor: Invalid value: \"limits.cpu\": only divisor's values 1m and 1 \
               are supported with the cpu resource",
            ],
        ),
        (
            "volumeMounts: [{name: v, mountPath: /a}, {name: v, mountPath: /a, subPath: ../x}]",
            &[
                "volumeMounts[1].mountPath: Invalid value: \"/a\": must be unique",
                "volumeMounts.subPath: Invalid value: \"../x\": must not contain '..'",
            ],
        ),
        (
            "volumeMounts: [{name: v, mountPath: /a, recursiveReadOnly: Enabled}]",
            &["volumeMounts.recursiveReadOnly: Forbidden: may only be specified when readOnly is true"],
        ),
        (
            "volumeDevices: [{name: v, devicePath: /a/../b}]",
            &[
                "volumeDevices[0].name: Invalid value: \"v\": can only use volume source type of PersistentVolumeClaim \
                 or Ephemeral for block mode",
                "volumeDevices[0].devicePath: Invalid value: \"/a/../b\": can not contain backsteps ('..')",
            ],
        ),
    ]);
}

#[test]
fn resources() {
    check_container(&[
        (
            "resources: {limits: {cpu: 1}, requests: {cpu: 2}}",
            &["resources.requests: Invalid value: \"2\": must be less than or equal to cpu limit of 1"],
        ),
        (
            "resources: {limits: {cpu: -1}}",
            &[
                "resources.limits[cpu]: Invalid value: \"-1\": must be greater than or equal to 0",
                "resources.requests[cpu]: Invalid value: \"-1\": must be greater than or equal to 0",
            ],
        ),
        (
            "resources: {requests: {disk: 1}}",
            &["resources.requests[disk]: Invalid value: \"disk\": must be a standard resource type or fully qualified"],
        ),
        (
            "resources: {requests: {example.com/gpu: 1}}",
            &["resources.limits: Required value: Limit must be set for non overcommitable resources"],
        ),
        ("resources: {limits: {hugepages-2Mi: 2Mi}}", &["resources: Forbidden: HugePages require cpu or memory"]),
        (
            "resources: {claims: [{name: x}]}",
            &[
                "resources.claims[0]: Not found: \"x\": must be one of the names in pod.spec.resourceClaims which is empty",
            ],
        ),
    ]);
}

#[test]
fn handlers_and_security() {
    check_container(&[
        ("livenessProbe: {exec: {}}", &["livenessProbe.exec.command: Required value"]),
        (
            "livenessProbe: {exec: {command: [a]}, periodSeconds: -1, terminationGracePeriodSeconds: 0}",
            &[
                "livenessProbe.periodSeconds: Invalid value: -1: must be greater than or equal to 0",
                "livenessProbe.terminationGracePeriodSeconds: Invalid value: 0: must be greater than 0",
            ],
        ),
        (
            "readinessProbe: {httpGet: {port: 80, scheme: FTP, httpHeaders: [{name: 'a b', value: x}]}}",
            &[
                "readinessProbe.httpGet.scheme: Unsupported value: \"FTP\": supported values: \"HTTP\", \"HTTPS\"",
                "readinessProbe.httpGet.httpHeaders: Invalid value: \"a b\": a valid HTTP header must consist of \
                 alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')",
            ],
        ),
        (
            "securityContext: {allowPrivilegeEscalation: false, capabilities: {add: [CAP_SYS_ADMIN]}}",
            &["securityContext: Invalid value: {\"Capabilities\":{\"Add\":[\"CAP_SYS_ADMIN\"],\"Drop\":null},\
               \"Privileged\":null,\"SELinuxOptions\":null,\"WindowsOptions\":null,\"RunAsUser\":null,\"RunAsGroup\":null,\
               \"RunAsNonRoot\":null,\"ReadOnlyRootFilesystem\":null,\"AllowPrivilegeEscalation\":false,\
               \"ProcMount\":null,\"SeccompProfile\":null,\"AppArmorProfile\":null}: cannot set \
               `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN"],
        ),
        (
            "securityContext: {appArmorProfile: {type: Localhost}}",
            &[
                "securityContext.appArmorProfile.localhostProfile: Required value: must be set when AppArmor type is Localhost",
            ],
        ),
        (
            "securityContext: {procMount: Unmasked}",
            &["securityContext.procMount: Invalid value: \"Unmasked\": `hostUsers` must be false to use `Unmasked`"],
        ),
    ]);
    check(&[
        ("hostUsers: false, hostNetwork: true", &["spec.hostNetwork: Forbidden: when `pod.Spec.HostUsers` is false"]),
        (
            "hostNetwork: true, securityContext: {sysctls: [{name: net.core.somaxconn, value: '1'}]}",
            &[
                "spec.securityContext.sysctls[0].name: Invalid value: \"net.core.somaxconn\": may not be specified when \
               'hostNetwork' is true",
            ],
        ),
        (
            "securityContext: {supplementalGroups: [1, -1], supplementalGroupsPolicy: All}",
            &[
                "spec.securityContext.supplementalGroups[1]: Invalid value: -1: must be between 0 and 2147483647, inclusive",
                "spec.securityContext.supplementalGroupsPolicy: Unsupported value: \"All\": supported values: \"Merge\", \"Strict\"",
            ],
        ),
    ]);
}

#[test]
fn volumes() {
    check(&[
        (
            "volumes: [{name: a, emptyDir: {}, hostPath: {path: /x}}]",
            &["spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type"],
        ),
        (
            "volumes: [{name: a, hostPath: {path: /x/../y, type: Pipe}}]",
            &[
                "spec.volumes[0].hostPath.path: Invalid value: \"/x/../y\": must not contain '..'",
                "spec.volumes[0].hostPath.type: Unsupported value: \"Pipe\": supported values: \"\", \"BlockDevice\", \
                 \"CharDevice\", \"Directory\", \"DirectoryOrCreate\", \"File\", \"FileOrCreate\", \"Socket\"",
            ],
        ),
        (
            "volumes: [{name: a, nfs: {server: s, path: x}}]",
            &["spec.volumes[0].nfs.path: Invalid value: \"x\": must be an absolute path"],
        ),
        (
            "volumes: [{name: a, projected: {sources: [{secret: {name: s, items: [{key: k, path: p}, {key: l, path: p}]}}]}}]",
            &["spec.volumes[0].projected: Invalid value: \"s\": conflicting duplicate paths"],
        ),
        (
            "volumes: [{name: a, projected: {sources: [{serviceAccountToken: {path: t, expirationSeconds: 5}}]}}]",
            &[
                "spec.volumes[0].projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 5: may not \
                 specify a duration less than 10 minutes",
                "spec.volumes[0].projected.sources[0].serviceAccountToken: Forbidden: must not be specified when \
                 serviceAccountName is not set",
            ],
        ),
        (
            "volumes: [{name: a, persistentVolumeClaim: {claimName: ''}}, {name: b, csi: {}}]",
            &[
                "spec.volumes[0].persistentVolumeClaim.claimName: Required value",
                "spec.volumes[1].csi.driver: Required value",
            ],
        ),
    ]);
}

#[test]
fn names_network_and_scheduling() {
    check(&[
        (
            "nodeName: A",
            &["spec.nodeName: Invalid value: \"A\": a lowercase RFC 1123 subdomain must consist of lower \
                           case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric \
                           character (e.g. 'example.com', regex used for validation is \
                           '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"],
        ),
        (
            "nodeName: node, schedulingGates: [{name: g}]",
            &["spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared"],
        ),
        (
            "hostAliases: [{ip: here, hostnames: [a]}]",
            &[
                "spec.hostAliases[0].ip: Invalid value: \"here\": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
            ],
        ),
        (
            "dnsPolicy: None, dnsConfig: {}",
            &[
                "spec.dnsConfig.nameservers: Required value: must provide at least one DNS nameserver when `dnsPolicy` is None",
            ],
        ),
        (
            "dnsConfig: {nameservers: [1.1.1.1, 1.1.1.1, 1.1.1.1, x], options: [{value: v}]}",
            &[
                "spec.dnsConfig.nameservers: Invalid value: [\"1.1.1.1\",\"1.1.1.1\",\"1.1.1.1\",\"x\"]: must not have more than 3 nameservers",
                "spec.dnsConfig.nameservers[3]: Invalid value: \"x\": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
                "spec.dnsConfig.options[0]: Required value: must not be empty",
            ],
        ),
        (
            "tolerations: [{operator: Equal, value: x}, {key: a, effect: NoRun, tolerationSeconds: 5}]",
            &[
                "spec.tolerations[0].operator: Invalid value: \"Equal\": operator must be Exists when `key` is empty, \
                 which means \"match all values and all keys\"",
                "spec.tolerations[1].effect: Invalid value: \"NoRun\": effect must be 'NoExecute' when `tolerationSeconds` is set",
                "spec.tolerations[1].effect: Unsupported value: \"NoRun\": supported values: \"NoSchedule\", \
                 \"PreferNoSchedule\", \"NoExecute\"",
            ],
        ),
        (
            "affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: a, operator: In}]}]}}}",
            &["spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].\
               matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'"],
        ),
        (
            "topologySpreadConstraints: [{maxSkew: 0, topologyKey: z, whenUnsatisfiable: Wait}]",
            &[
                "spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero",
                "spec.topologySpreadConstraints[0].whenUnsatisfiable: Unsupported value: \"Wait\": supported values: \
                 \"DoNotSchedule\", \"ScheduleAnyway\"",
            ],
        ),
        ("os: {name: beos}", &["spec.os.name: Unsupported value: \"beos\": supported values: \"linux\", \"windows\""]),
    ]);
}
