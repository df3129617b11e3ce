//! `create`, `apply`, `replace`, `delete` and `wait`.

use super::cluster::{Cluster, Release};

super::with_each_kubectl!(
    every_kind_that_kubectl_makes_by_flags_is_made,
    what_the_server_does_not_have_is_refused,
    manifests_are_created_and_checked_strictly,
    applying_changes_what_has_changed,
    a_dry_run_keeps_nothing,
    objects_are_replaced,
    objects_are_deleted,
    a_pod_is_exposed,
    waiting_ends_when_it_should,
);

fn every_kind_that_kubectl_makes_by_flags_is_made(release: Release) {
    let cluster = Cluster::api(release);
    let cases: &[(&[&str], &str)] = &[
        (&["namespace", "x"], "namespace/x created"),
        (&["configmap", "c", "--from-literal=a=1"], "configmap/c created"),
        (&["secret", "generic", "s", "--from-literal=password=p"], "secret/s created"),
        (&["serviceaccount", "robot"], "serviceaccount/robot created"),
        (&["job", "j", "--image=i", "--", "true"], "job.batch/j created"),
        (&["role", "r", "--verb=get", "--resource=pods"], "role.rbac.authorization.k8s.io/r created"),
        (
            &["rolebinding", "b", "--role=r", "--serviceaccount=default:robot"],
            "rolebinding.rbac.authorization.k8s.io/b created",
        ),
        (&["clusterrole", "r", "--verb=list", "--resource=nodes"], "clusterrole.rbac.authorization.k8s.io/r created"),
        (
            &["clusterrolebinding", "b", "--clusterrole=r", "--user=u"],
            "clusterrolebinding.rbac.authorization.k8s.io/b created",
        ),
        (&["priorityclass", "high", "--value=1000"], "priorityclass.scheduling.k8s.io/high created"),
        (&["service", "clusterip", "web", "--clusterip=None", "--tcp=80"], "service/web created"),
    ];
    for (arguments, expected) in cases {
        cluster.says(&[&["create"], *arguments].concat(), expected);
    }
    assert_eq!(cluster.field("secret/s", ".data.password"), "cA==");
    let token = cluster.ok(&["create", "token", "robot", "--duration=10m"]);
    assert_eq!(token.trim().split('.').count(), 3, "no token: {token}");
    cluster.fails(&["create", "configmap", "c"], "error: failed to create configmap: configmaps \"c\" already exists");
    cluster.fails(&["create", "configmap", "d", "-n", "nope"], "namespaces \"nope\" not found");
    cluster.fails(&["create", "token", "nobody"], "serviceaccounts \"nobody\" not found");
}

fn what_the_server_does_not_have_is_refused(release: Release) {
    let cluster = Cluster::api(release);
    cluster.fails(&["create", "deployment", "d", "--image=i"], "the server could not find the requested resource");
    cluster.fails(&["create", "quota", "q", "--hard=pods=1"], "the server could not find the requested resource");
    let file = cluster.file("{apiVersion: apps/v1, kind: Deployment, metadata: {name: d}}");
    cluster.fails(&["apply", "-f", &file], "no matches for kind \"Deployment\" in version \"apps/v1\"");
}

fn manifests_are_created_and_checked_strictly(release: Release) {
    let cluster = Cluster::api(release);
    let two = cluster.file("{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n---\n{apiVersion: v1, kind: Secret, metadata: {name: b}}\n");
    cluster.says(&["create", "-f", &two], "configmap/a created\nsecret/b created");
    cluster.fails(&["create", "-f", &two], "configmaps \"a\" already exists");
    let unknown = cluster.file("{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, foo: 1}");
    cluster.fails(
        &["create", "-f", &unknown],
        "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: unknown field \"foo\"",
    );
    let warned = cluster.kubectl(&["create", "-f", &unknown, "--validate=warn"]);
    assert_eq!((warned.code, warned.stdout.as_str()), (Some(0), "configmap/c created\n"), "{warned:?}");
    assert!(warned.stderr.contains("Warning: unknown field \"foo\""), "{warned:?}");
    let invalid = cluster.file("{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: []}}");
    cluster.fails(&["create", "-f", &invalid], "spec.containers: Required value");
    let generated = cluster.file("{apiVersion: v1, kind: ConfigMap, metadata: {generateName: c-}}");
    let said = cluster.ok(&["create", "-f", &generated, "-o", "name"]);
    assert!(said.starts_with("configmap/c-") && said.trim_end().len() == "configmap/c-".len() + 5, "{said}");
}

fn applying_changes_what_has_changed(release: Release) {
    let cluster = Cluster::api(release);
    let service = |ports: &str| {
        cluster.file(&format!(
            "{{apiVersion: v1, kind: Service, metadata: {{name: s}}, spec: {{clusterIP: None, ports: [{ports}]}}}}"
        ))
    };
    let (http, dns) = ("{name: http, port: 80}", "{name: dns, port: 53, protocol: UDP}");
    let both = service(&format!("{http}, {dns}"));
    cluster.says(&["apply", "-f", &both], "service/s created");
    cluster.says(&["apply", "-f", &both], "service/s unchanged");
    // What another has set stays: lists are merged by their keys, and only what was applied before is taken away.
    cluster.ok(&["patch", "service", "s", "-p", r#"{"spec": {"ports": [{"port": 9, "name": "other"}]}}"#]);
    cluster.says(&["apply", "-f", &service(dns)], "service/s configured");
    assert_eq!(cluster.field("service/s", ".spec.ports[*].port"), "9 53");
    let difference = cluster.kubectl(&["diff", "-f", &both]);
    assert_eq!(difference.code, Some(1), "{difference:?}");
    assert!(difference.stdout.contains("+    port: 80"), "{difference:?}");
    let map = |value: &str| {
        cluster.file(&format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: c}}, data: {value}}}"))
    };
    cluster.ok(&["apply", "-f", &map("{a: '1', b: '2'}")]);
    cluster.says(&["apply", "-f", &map("{a: '3'}")], "configmap/c configured");
    assert_eq!(cluster.json(&["get", "cm", "c"])["data"], serde_json::json!({"a": "3"}));
    assert_eq!(cluster.kubectl(&["diff", "-f", &map("{a: '3'}")]).code, Some(0));
}

fn a_dry_run_keeps_nothing(release: Release) {
    let cluster = Cluster::api(release);
    let map = cluster.file("{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a: '1'}}");
    cluster.says(&["apply", "-f", &map, "--dry-run=server"], "configmap/c created (server dry run)");
    cluster.says(&["create", "-f", &map, "--dry-run=server"], "configmap/c created (server dry run)");
    cluster.fails(&["get", "cm", "c"], "not found");
    cluster.ok(&["create", "-f", &map]);
    let deleted = cluster.ok(&["delete", "cm", "c", "--dry-run=server"]);
    assert!(deleted.starts_with("configmap \"c\" deleted") && deleted.contains("(server dry run)"), "{deleted}");
    cluster.ok(&["get", "cm", "c"]);
}

fn objects_are_replaced(release: Release) {
    let cluster = Cluster::api(release);
    let map = |value: &str| {
        cluster.file(&format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: c}}, data: {{a: '{value}'}}}}"))
    };
    cluster.fails(&["replace", "-f", &map("1")], "configmaps \"c\" not found");
    cluster.ok(&["create", "-f", &map("1")]);
    cluster.says(&["replace", "-f", &map("2")], "configmap/c replaced");
    assert_eq!(cluster.field("cm/c", ".data.a"), "2");
    let uid = cluster.field("cm/c", ".metadata.uid");
    let forced = cluster.ok(&["replace", "--force", "-f", &map("3")]);
    assert!(forced.ends_with("configmap/c replaced\n"), "{forced}");
    assert_ne!(cluster.field("cm/c", ".metadata.uid"), uid);
    let old = cluster.ok(&["get", "cm", "c", "-o", "yaml"]);
    cluster.ok(&["annotate", "cm", "c", "x=y"]);
    let stale = cluster.file(&old);
    cluster.fails(
        &["replace", "-f", &stale],
        "the object has been modified; please apply your changes to the latest version",
    );
}

fn objects_are_deleted(release: Release) {
    let cluster = Cluster::api(release);
    for name in ["a", "b", "c", "d"] {
        cluster.ok(&["create", "configmap", name]);
        cluster.ok(&["label", "configmap", name, "mine=yes"]);
    }
    let deleted = cluster.ok(&["delete", "configmap", "a"]);
    assert!(deleted.starts_with("configmap \"a\" deleted"), "{deleted}");
    assert!(cluster.ok(&["delete", "cm/b", "--now"]).starts_with("configmap \"b\" deleted"));
    assert_eq!(cluster.ok(&["delete", "cm", "-l", "mine=yes"]).lines().count(), 2);
    cluster.says(&["get", "cm", "-l", "mine=yes", "-o", "name"], "");
    cluster.fails(&["delete", "cm", "a"], "configmaps \"a\" not found");
    cluster.says(&["delete", "cm", "a", "--ignore-not-found"], "");
    cluster.ok(&["create", "namespace", "x"]);
    cluster.ok(&["create", "configmap", "a", "-n", "x"]);
    assert!(cluster.ok(&["delete", "cm", "--all", "-n", "x"]).contains("configmap \"a\" deleted"));
    let namespace = cluster.ok(&["delete", "namespace", "x"]);
    assert!(namespace.starts_with("namespace \"x\" deleted"), "{namespace}");
    cluster.fails(&["get", "namespace", "x"], "namespaces \"x\" not found");
}

fn a_pod_is_exposed(release: Release) {
    let cluster = Cluster::api(release);
    cluster.ok(&["wait", "--for=create", "serviceaccount/default", "--timeout=60s"]);
    cluster.ok(&["run", "p", "--image=i", "--labels=app=web"]);
    cluster.says(&["expose", "pod", "p", "--port=80", "--name=web", "--cluster-ip=None"], "service/web exposed");
    assert_eq!(cluster.field("service/web", ".spec.selector.app"), "web");
}

fn waiting_ends_when_it_should(release: Release) {
    let cluster = Cluster::api(release);
    cluster.ok(&["create", "configmap", "c", "--from-literal=a=1"]);
    cluster.says(&["wait", "cm/c", "--for=jsonpath={.data.a}=1"], "configmap/c condition met");
    cluster.fails(
        &["wait", "cm/c", "--for=jsonpath={.data.a}=2", "--timeout=1s"],
        "timed out waiting for the condition on configmaps/c",
    );
    let waiting = cluster.command(&["wait", "cm/c", "--for=delete", "--timeout=60s"]).spawn().unwrap();
    cluster.ok(&["delete", "cm", "c"]);
    assert_eq!(waiting.wait_with_output().unwrap().status.code(), Some(0));
    let waiting = cluster.command(&["wait", "cm/later", "--for=create", "--timeout=60s"]).spawn().unwrap();
    cluster.ok(&["create", "configmap", "later"]);
    assert_eq!(waiting.wait_with_output().unwrap().status.code(), Some(0));
}
