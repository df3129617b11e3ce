//! `get` in all forms, `describe`, and what kubectl learns of the server.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use super::cluster::{Cluster, Release};

super::with_each_kubectl!(
    objects_are_listed_in_every_form,
    an_object_is_watched_by_its_name,
    what_is_not_there_is_said_as_a_real_server_says_it,
    objects_are_described,
    the_server_tells_what_it_has,
    fields_are_explained,
    raw_paths_and_health_are_read,
);

fn two_maps(release: Release) -> Cluster {
    let cluster = Cluster::api(release);
    cluster.ok(&["create", "namespace", "x"]);
    cluster.ok(&["create", "configmap", "one", "-n", "x", "--from-literal=a=1", "--from-literal=b=2"]);
    cluster.ok(&["create", "configmap", "two", "-n", "x", "--from-literal=a=1"]);
    cluster.ok(&["label", "configmap", "two", "-n", "x", "color=red"]);
    cluster
}

fn objects_are_listed_in_every_form(release: Release) {
    let cluster = two_maps(release);
    let get = |arguments: &[&str]| cluster.ok(&[&["get", "-n", "x"], arguments].concat());
    let first_column = |text: String| -> Vec<String> {
        text.lines().map(|line| line.split_whitespace().next().unwrap_or_default().to_owned()).collect()
    };
    let table = cluster.table(&["get", "cm", "one", "two", "-n", "x"]);
    assert_eq!(table[0], ["NAME", "DATA", "AGE"]);
    assert_eq!((&table[1][..2], &table[2][..2]), (&["one".into(), "2".into()][..], &["two".into(), "1".into()][..]));
    assert!(table[1][2].ends_with('s'), "{table:?}");
    assert_eq!(get(&["cm", "one", "-o", "name"]), "configmap/one\n");
    assert_eq!(get(&["cm", "one", "-o", "jsonpath={.data.b}"]), "2");
    assert_eq!(get(&["cm", "one", "-o", "custom-columns=N:.metadata.name,A:.data.a"]), "N     A\none   1\n");
    assert!(get(&["cm", "one", "-o", "yaml"]).contains("data:\n  a: \"1\"\n  b: \"2\"\nkind: ConfigMap\n"));
    assert_eq!(cluster.json(&["get", "cm", "one", "-n", "x"])["data"]["a"], "1");
    assert_eq!(first_column(get(&["cm", "-l", "color=red"])), ["NAME", "two"]);
    assert_eq!(first_column(get(&["cm", "-l", "color in (red,blue)", "--no-headers"])), ["two"]);
    assert_eq!(first_column(get(&["cm", "--field-selector", "metadata.name=one", "--no-headers"])), ["one"]);
    let reversed = get(&["cm", "one", "two", "--sort-by=.data.b", "-o", "name"]);
    assert_eq!(reversed.lines().count(), 2);
    assert!(get(&["cm", "two", "--show-labels"]).contains("color=red"));
    assert!(get(&["cm", "two", "-L", "color"]).contains("COLOR"));
    assert_eq!(first_column(get(&["cm", "--sort-by=.metadata.name", "--chunk-size=1"])).last().unwrap(), "two");
    let everywhere = cluster.table(&["get", "cm", "-A"]);
    assert_eq!(everywhere[0], ["NAMESPACE", "NAME", "DATA", "AGE"]);
    assert!(everywhere.iter().any(|line| line[..2] == ["x", "one"]), "{everywhere:?}");
    assert!(cluster.ok(&["get", "all", "-A"]).is_empty() || cluster.ok(&["get", "all", "-A"]).contains("NAMESPACE"));
}

fn an_object_is_watched_by_its_name(release: Release) {
    let cluster = two_maps(release);
    let mut watch = cluster.command(&["get", "cm", "one", "-n", "x", "-w"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut next = || -> Vec<String> { lines.next().unwrap().split_whitespace().take(2).map(str::to_owned).collect() };
    assert_eq!((next(), next()), (vec!["NAME".into(), "DATA".into()], vec!["one".into(), "2".into()]));
    // Another object's changes are not told.
    cluster.ok(&["delete", "cm", "two", "-n", "x"]);
    cluster.ok(&["patch", "cm", "one", "-n", "x", "-p", r#"{"data": {"c": "3"}}"#]);
    assert_eq!(next(), ["one", "3"]);
    watch.kill().unwrap();
    watch.wait().unwrap();
}

fn what_is_not_there_is_said_as_a_real_server_says_it(release: Release) {
    let cluster = Cluster::api(release);
    cluster.fails(&["get", "cm", "nope"], "Error from server (NotFound): configmaps \"nope\" not found");
    cluster.fails(&["get", "nope"], "error: the server doesn't have a resource type \"nope\"");
    let none = cluster.kubectl(&["get", "pods"]);
    assert_eq!((none.code, none.stderr.as_str()), (Some(0), "No resources found in default namespace.\n"));
    let events = cluster.kubectl(&["events"]);
    assert_eq!((events.code, events.stderr.as_str()), (Some(0), "No events found in default namespace.\n"));
    assert_eq!(cluster.kubectl(&["get", "events"]).code, Some(0));
    cluster.fails(&["top", "pods"], "Metrics API not available");
    cluster.fails(&["get", "pods", "--field-selector", "spec.foo=x"], "field label not supported: spec.foo");
    cluster.says(&["get", "cm", "nope", "--ignore-not-found"], "");
}

fn objects_are_described(release: Release) {
    let cluster = two_maps(release);
    let map = cluster.ok(&["describe", "configmap", "one", "-n", "x"]);
    assert!(map.starts_with("Name:         one\nNamespace:    x\n"), "{map}");
    assert!(map.contains("Data\n====\n"), "{map}");
    let namespace = cluster.ok(&["describe", "namespace", "x"]);
    assert!(namespace.contains("Labels:       kubernetes.io/metadata.name=x\n"), "{namespace}");
    assert!(namespace.contains("Status:       Active\n"), "{namespace}");
    cluster.ok(&["create", "job", "j", "-n", "x", "--image=i"]);
    let job = cluster.ok(&["describe", "job", "j", "-n", "x"]);
    assert!(job.contains("Completions:") && job.contains("batch.kubernetes.io/job-name=j"), "{job}");
    cluster.fails(&["describe", "cm", "nope"], "configmaps \"nope\" not found");
}

fn the_server_tells_what_it_has(release: Release) {
    let cluster = Cluster::api(release);
    let version = cluster.ok(&["version"]);
    assert!(version.contains("Server Version: v1.36"), "{version}");
    let kinds = cluster.table(&["api-resources", "--no-headers"]);
    for (name, short, version, namespaced, kind) in [
        ("pods", "po", "v1", "true", "Pod"),
        ("nodes", "no", "v1", "false", "Node"),
        ("configmaps", "cm", "v1", "true", "ConfigMap"),
        ("storageclasses", "sc", "storage.k8s.io/v1", "false", "StorageClass"),
    ] {
        let expected = [name, short, version, namespaced, kind];
        assert!(kinds.iter().any(|line| *line == expected), "no {name} in {kinds:?}");
    }
    cluster.says(&["api-resources", "--api-group=batch", "-o", "name"], "jobs.batch");
    let versions = cluster.ok(&["api-versions"]);
    for version in ["v1", "batch/v1", "rbac.authorization.k8s.io/v1", "coordination.k8s.io/v1"] {
        assert!(versions.lines().any(|line| line == version), "no {version} in {versions}");
    }
    assert!(cluster.ok(&["cluster-info"]).contains("is running at"));
}

fn fields_are_explained(release: Release) {
    let cluster = Cluster::api(release);
    let containers = cluster.ok(&["explain", "pod.spec.containers"]);
    assert!(
        containers.starts_with("KIND:       Pod\nVERSION:    v1\n\nFIELD: containers <[]Container>\n"),
        "{containers}"
    );
    assert!(containers.contains("    List of containers belonging to the pod."), "{containers}");
    assert!(containers.contains("  restartPolicyRules\t<[]ContainerRestartRule>\n"), "{containers}");
    let all = cluster.ok(&["explain", "job", "--recursive"]);
    assert!(all.starts_with("GROUP:      batch\nKIND:       Job\n"), "{all}");
    assert!(all.contains("  spec\t<JobSpec>\n    activeDeadlineSeconds\t<integer>\n"), "{all}");
    assert!(all.contains("        containers\t<[]Container> -required-\n"), "{all}");
    cluster.fails(&["explain", "pod.spec.nope"], "field \"nope\" does not exist");
    cluster.fails(&["explain", "nope"], "the server doesn't have a resource type \"nope\"");
}

fn raw_paths_and_health_are_read(release: Release) {
    let cluster = Cluster::api(release);
    cluster.says(&["get", "--raw", "/healthz"], "ok");
    cluster.says(&["get", "--raw", "/readyz"], "ok");
    assert!(cluster.ok(&["get", "--raw", "/version"]).contains("\"gitVersion\""));
    assert!(cluster.ok(&["get", "--raw", "/api/v1/namespaces/default"]).contains("\"kind\":\"Namespace\""));
    cluster.fails(&["get", "--raw", "/nope"], "the server could not find the requested resource");
}
