//! `patch`, `label`, `annotate`, `edit`, and server-side apply.

use super::cluster::{Cluster, Release};

super::with_each_kubectl!(
    each_type_of_patch_does_what_it_says,
    labels_and_annotations_are_set_and_removed,
    an_object_is_edited,
    applying_on_the_server_knows_who_owns_what,
);

fn map(release: Release) -> Cluster {
    let cluster = Cluster::api(release);
    cluster.ok(&["create", "configmap", "c", "--from-literal=a=1", "--from-literal=b=2"]);
    cluster
}

fn each_type_of_patch_does_what_it_says(release: Release) {
    let cluster = map(release);
    let patch = |kind: &str, patch: &str| cluster.ok(&["patch", "cm", "c", "--type", kind, "-p", patch]);
    assert_eq!(patch("merge", r#"{"data": {"a": null, "d": "4"}}"#), "configmap/c patched\n");
    assert_eq!(patch("json", r#"[{"op": "replace", "path": "/data/b", "value": "3"}]"#), "configmap/c patched\n");
    assert_eq!(patch("strategic", r#"{"data": {"e": "5"}}"#), "configmap/c patched\n");
    assert_eq!(cluster.json(&["get", "cm", "c"])["data"], serde_json::json!({"b": "3", "d": "4", "e": "5"}));
    assert_eq!(patch("merge", r#"{"data": {"e": "5"}}"#), "configmap/c patched (no change)\n");
    cluster.fails(
        &["patch", "cm", "c", "--type", "json", "-p", r#"[{"op": "test", "path": "/data/b", "value": "9"}]"#],
        "the server rejected our request due to an error in our request",
    );
    cluster.fails(&["patch", "cm", "nope", "-p", "{}"], "configmaps \"nope\" not found");
    // A strategic patch merges tolerations, containers and such by their keys.
    let pod = cluster.file("{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: main, image: a}, {name: side, image: b}]}}");
    cluster.ok(&["create", "-f", &pod]);
    cluster.ok(&["patch", "pod", "p", "-p", r#"{"spec": {"containers": [{"name": "side", "image": "c"}]}}"#]);
    assert_eq!(cluster.field("pod/p", ".spec.containers[*].image"), "a c");
    cluster.ok(&["set", "image", "pod/p", "main=d"]);
    assert_eq!(cluster.field("pod/p", ".spec.containers[*].image"), "d c");
    cluster.fails(
        &["patch", "pod", "p", "-p", r#"{"spec": {"hostNetwork": true}}"#],
        "pod updates may not change fields other than",
    );
    cluster.fails(
        &["patch", "pod", "p", "--subresource=resize", "-p", r#"{"spec": {"containers": [{"name": "main"}]}}"#],
        "containers can't be resized in place here",
    );
}

fn labels_and_annotations_are_set_and_removed(release: Release) {
    let cluster = map(release);
    cluster.says(&["label", "cm", "c", "color=red"], "configmap/c labeled");
    cluster.fails(&["label", "cm", "c", "color=blue"], "'color' already has a value (red), and --overwrite is false");
    cluster.says(&["label", "cm", "c", "color=blue", "--overwrite"], "configmap/c labeled");
    assert_eq!(cluster.field("cm/c", ".metadata.labels.color"), "blue");
    cluster.says(&["label", "cm", "c", "color-"], "configmap/c unlabeled");
    assert_eq!(cluster.field("cm/c", ".metadata.labels"), "");
    cluster.says(&["annotate", "cm", "c", "note=x"], "configmap/c annotated");
    assert_eq!(cluster.field("cm/c", ".metadata.annotations.note"), "x");
    cluster.ok(&["annotate", "cm", "c", "note-"]);
    assert_eq!(cluster.field("cm/c", ".metadata.annotations"), "");
    cluster.fails(
        &["label", "cm", "c", "color=a b"],
        "a valid label must be an empty string or consist of alphanumeric characters",
    );
}

fn an_object_is_edited(release: Release) {
    let cluster = map(release);
    let edit = |script: &str| {
        let mut command = cluster.command(&["edit", "cm", "c"]);
        command.env("KUBE_EDITOR", format!("sed -i {script}")).output().unwrap()
    };
    let edited = edit("/^data:/,/^kind:/s/1/7/");
    assert_eq!(
        (edited.status.code(), String::from_utf8_lossy(&edited.stdout).as_ref()),
        (Some(0), "configmap/c edited\n")
    );
    assert_eq!(cluster.field("cm/c", ".data.a"), "7");
    let unchanged = edit("s/nothing/x/");
    assert_eq!(unchanged.status.code(), Some(0), "{unchanged:?}");
}

fn applying_on_the_server_knows_who_owns_what(release: Release) {
    let cluster = Cluster::api(release);
    let map =
        |data: &str| cluster.file(&format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: c}}, data: {data}}}"));
    let apply = |file: &str, more: &[&str]| cluster.kubectl(&[&["apply", "--server-side", "-f", file], more].concat());
    let first = map("{a: '1', b: '2'}");
    assert_eq!(apply(&first, &[]).ok().stdout, "configmap/c serverside-applied\n");
    assert_eq!(apply(&first, &["--dry-run=server"]).ok().stdout, "configmap/c serverside-applied (server dry run)\n");
    let other = map("{a: '9'}");
    let conflict = apply(&other, &["--field-manager=other"]);
    assert_eq!(conflict.code, Some(1));
    assert!(
        conflict.stderr.contains("Apply failed with 1 conflict: conflict with \"kubectl\": .data.a"),
        "{conflict:?}"
    );
    assert_eq!(apply(&other, &["--field-manager=other", "--force-conflicts"]).code, Some(0));
    assert_eq!(cluster.field("cm/c", ".data.a"), "9");
    // What is no longer applied goes, unless another owns it too.
    assert_eq!(apply(&map("{}"), &[]).code, Some(0));
    assert_eq!(cluster.json(&["get", "cm", "c"])["data"], serde_json::json!({"a": "9"}));
    let fields = cluster.json(&["get", "cm", "c", "--show-managed-fields"])["metadata"]["managedFields"].clone();
    assert!(fields.as_array().unwrap().iter().any(|entry| entry["manager"] == "other"), "{fields:#}");
    // An object that was applied by the client goes over to the server's way.
    let later = cluster.file("{apiVersion: v1, kind: ConfigMap, metadata: {name: d}, data: {a: '1', b: '2'}}");
    cluster.ok(&["apply", "-f", &later]);
    let less = cluster.file("{apiVersion: v1, kind: ConfigMap, metadata: {name: d}, data: {a: '1'}}");
    assert_eq!(apply(&less, &[]).code, Some(0));
    assert_eq!(cluster.json(&["get", "cm", "d"])["data"], serde_json::json!({"a": "1"}));
}
