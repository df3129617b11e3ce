//! Volumes and variables that come from ConfigMaps, Secrets, claims and the Pod itself.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;

use reprise_testkit::manifest::{Container, Pod};
use reprise_testkit::{Node, Runtime};
use serde_json::{Value, json};

use crate::scene::{LIMIT, Scene, eventually};

on_each_runtime!(
    variables_come_from_config_maps_and_secrets,
    objects_become_files_that_can_only_be_read_and_secrets_never_touch_the_disk,
    a_changed_object_is_seen_by_the_running_container_but_not_through_a_sub_path,
    the_group_of_the_pod_owns_its_volumes_and_keeps_them_over_a_restart_in_place,
);

fn config_map(data: Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "m" }, "data": data })
}

fn secret(data: Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "s" }, "stringData": data })
}

fn main(steps: &[&str]) -> Container {
    Container::new("main", steps)
}

/// Runs a Pod of one container to its end beside `objects` and gives what it printed.
fn prints(runtime: Runtime, objects: &[Value], pod: Pod) -> String {
    let node = Node::with_testload_on(runtime);
    let manifests: Vec<Value> = std::iter::once(pod.build()).chain(objects.iter().cloned()).collect();
    let finished = node.run(&manifests).arg("--keep").start().finish(LIMIT);
    assert_eq!(finished.code, Some(0), "{finished:#?}\n{}", node.verb(&["logs", "p"]).stdout);
    node.logs("p", "main", false)
}

/// Where a volume of the node's only Pod lies.
fn volume(scene: &Scene, kind: &str, name: &str) -> PathBuf {
    let uid = scene.pod()["uid"].as_str().unwrap().to_owned();
    scene.node.data_dir().join("pods").join(uid).join("volumes").join(kind).join(name)
}

fn variables_come_from_config_maps_and_secrets(runtime: Runtime) {
    let key = |name: &str, from: Value| json!({ "name": name, "valueFrom": from });
    let env = json!([
        key("ONE", json!({ "configMapKeyRef": { "name": "m", "key": "a" } })),
        key("TWO", json!({ "secretKeyRef": { "name": "s", "key": "password" } })),
        key("NONE", json!({ "secretKeyRef": { "name": "s", "key": "x", "optional": true } })),
        { "name": "BOTH", "value": "$(ONE)-$(M_b)" },
    ]);
    let from = json!([{ "prefix": "M_", "configMapRef": { "name": "m" } }, { "secretRef": { "name": "s" } }]);
    let main = main(&["env", "ONE", "env", "TWO", "env", "NONE", "env", "BOTH", "env", "password", "env", "M_a"])
        .field("env", env)
        .field("envFrom", from);
    let objects = [config_map(json!({ "a": "1", "b": "2" })), secret(json!({ "password": "hush" }))];
    let text = prints(runtime, &objects, Pod::new("p").container(main));
    assert_eq!(text, "ONE=1\nTWO=hush\nNONE unset\nBOTH=1-2\npassword=hush\nM_a=1\n");
}

fn objects_become_files_that_can_only_be_read_and_secrets_never_touch_the_disk(runtime: Runtime) {
    let items = json!([{ "path": "name", "fieldRef": { "fieldPath": "metadata.name" } }]);
    let sources = json!([{ "configMap": { "name": "m", "items": [{ "key": "a", "path": "deep/a" }] } }, { "downwardAPI": { "items": items } }]);
    let pod = Pod::new("p")
        .volume(json!({ "name": "map", "configMap": { "name": "m" } }))
        .volume(json!({ "name": "secret", "secret": { "secretName": "s" } }))
        .volume(json!({ "name": "self", "downwardAPI": { "items": items } }))
        .volume(json!({ "name": "all", "projected": { "sources": sources } }));
    let steps = [
        "ls",
        "/map",
        "cat",
        "/map/a",
        "cat",
        "/secret/password",
        "cat",
        "/self/name",
        "print",
        "",
        "ls",
        "/all",
        "cat",
        "/all/deep/a",
        "try-write",
        "/map/a",
        "try-write",
        "/secret/new",
        "mounts",
    ];
    let main = main(&steps).mount("map", "/map").mount("secret", "/secret").mount("self", "/self").mount("all", "/all");
    let objects = [config_map(json!({ "a": "1\n", "b": "2\n" })), secret(json!({ "password": "hush\n" }))];
    let text = prints(runtime, &objects, pod.container(main));
    let lines: Vec<&str> = text.lines().collect();
    let names: Vec<&str> = lines.iter().copied().filter(|line| !line.starts_with("..")).take(9).collect();
    assert_eq!(
        names,
        ["a", "b", "1", "hush", "p", "deep", "name", "1", "try-write /map/a: Read-only file system (os error 30)"],
        "{text}"
    );
    assert!(text.contains("try-write /secret/new: Read-only file system"), "{text}");
    for (path, is_memory) in [("/map", false), ("/secret", true), ("/self", true), ("/all", true)] {
        let mount = lines.iter().find(|line| line.starts_with(&format!("{path} "))).unwrap();
        assert_eq!(mount.split(' ').nth(1) == Some("tmpfs"), is_memory, "{mount}");
    }
}

/// A Pod with a ConfigMap as files, one of them also by subPath, on a node whose agent is gone again.
fn kept(runtime: Runtime, objects: &[Value], pod: Pod) -> Scene {
    let node = Node::with_testload_on(runtime);
    let manifests: Vec<Value> = std::iter::once(pod.build()).chain(objects.iter().cloned()).collect();
    let run = node.run(&manifests).arg("--keep").start();
    Scene { run, node }
}

/// The agent ends and another one gets `manifests`; the Pod goes on.
fn given_again(scene: Scene, manifests: &[Value]) -> Scene {
    let Scene { run, node } = scene;
    assert_eq!(run.interrupt(LIMIT).code, Some(0));
    let mut run = node.run(manifests).arg("--keep").start();
    // A verb before that would be the agent itself for a moment, and in the way of this one.
    run.wait_for_stderr("is already here: going on with it", LIMIT);
    Scene { run, node }
}

fn shows(scene: &Scene, path: &str, wanted: &str) {
    eventually(&format!("{path} shows {wanted}"), || {
        let answer = scene.node.exec("p", "main", &["/testload", "cat", path]);
        (answer.stdout == wanted).then_some(())
    });
}

fn a_changed_object_is_seen_by_the_running_container_but_not_through_a_sub_path(runtime: Runtime) {
    let mounts = json!([
        { "name": "map", "mountPath": "/map" },
        { "name": "map", "mountPath": "/fixed", "subPath": "a" },
        { "name": "secret", "mountPath": "/secret" },
    ]);
    let pod = Pod::new("p")
        .volume(json!({ "name": "map", "configMap": { "name": "m" } }))
        .volume(json!({ "name": "secret", "secret": { "secretName": "s" } }))
        .container(main(&["print", "up", "forever"]).field("volumeMounts", mounts));
    let objects = |value: &str| [config_map(json!({ "a": value })), secret(json!({ "k": value }))];
    let mut scene = kept(runtime, &objects("old"), pod.clone());
    scene.run.wait_for("Ready", LIMIT, |e| e.is("PodReady"));
    shows(&scene, "/map/a", "old");
    let before = scene.pod();
    let data = volume(&scene, "kubernetes.io~configmap", "map").join("..data");
    let unchanged = std::fs::read_link(&data).unwrap();
    let same = [pod.clone().build(), objects("old")[0].clone(), objects("old")[1].clone()];
    let scene = given_again(scene, &same);
    shows(&scene, "/map/a", "old");
    assert_eq!(std::fs::read_link(&data).unwrap(), unchanged, "nothing changed, nothing is replaced");

    let new = [objects("new")[1].clone(), pod.build(), objects("new")[0].clone()];
    let scene = given_again(scene, &new);
    shows(&scene, "/map/a", "new");
    shows(&scene, "/secret/k", "new");
    shows(&scene, "/fixed", "old");
    let after = scene.pod();
    assert_eq!((&before["uid"], &before["sandbox"]), (&after["uid"], &after["sandbox"]));
    assert_eq!(crate::scene::status(&after, "main")["restartCount"], 0);
    let replaced = std::fs::read_link(&data).unwrap();

    // A restart in place leaves volumes alone (R4), and a new container gets the new file by subPath.
    let _ = scene.node.verb(&["restart", "p"]).ok();
    shows(&scene, "/fixed", "new");
    assert_eq!(std::fs::read_link(&data).unwrap(), replaced);
    drop(scene.run.interrupt(LIMIT));
}

#[test]
fn a_container_waits_for_its_objects_and_goes_on_when_they_are_given() {
    let from = json!([{ "secretRef": { "name": "s" } }]);
    let pod = Pod::new("p").container(main(&["env", "k", "forever"]).field("envFrom", from));
    let mut scene = kept(Runtime::Embedded, &[], pod.clone());
    let failed = scene.run.wait_for("it waits", LIMIT, |e| e.is("SetupFailed"));
    assert_eq!(failed.message.as_deref(), Some("secret \"s\" not found"));
    let waiting = eventually("the status says so", || {
        let pod = scene.pod();
        let waiting = pod["status"]["containerStatuses"][0]["state"]["waiting"].clone();
        (waiting["reason"] == "CreateContainerConfigError").then_some(waiting)
    });
    assert_eq!(waiting["message"], "secret \"s\" not found");
    let mut scene = given_again(scene, &[pod.build(), secret(json!({ "k": "v" }))]);
    scene.run.wait_for("Ready", LIMIT, |e| e.is("PodReady"));
    eventually("it has it", || (scene.node.logs("p", "main", false) == "k=v\n").then_some(()));
    drop(scene.run.interrupt(LIMIT));
}

fn the_group_of_the_pod_owns_its_volumes_and_keeps_them_over_a_restart_in_place(runtime: Runtime) {
    let node = Node::with_testload_on(runtime);
    let pod = Pod::new("p")
        .spec("securityContext", json!({ "runAsUser": 1000, "fsGroup": 4242, "fsGroupChangePolicy": "Always" }))
        .empty_dir("data")
        .volume(json!({ "name": "secret", "secret": { "secretName": "s", "defaultMode": 256 } }))
        .volume(json!({ "name": "memory", "emptyDir": { "medium": "Memory" } }))
        .container(
            main(&["count", "/data/runs", "count", "/memory/runs", "cat", "/secret/k", "forever"])
                .mount("data", "/data")
                .mount("memory", "/memory")
                .mount("secret", "/secret"),
        );
    let mut scene = Scene { run: node.run(&[pod.build(), secret(json!({ "k": "v\n" }))]).start(), node };
    scene.run.wait_for("Ready", LIMIT, |e| e.is("PodReady"));
    eventually("it ran", || scene.node.logs("p", "main", false).ends_with("v\n").then_some(()));
    let of = |kind: &str, path: &str| {
        let about = std::fs::metadata(volume(&scene, kind, path)).unwrap();
        (about.gid(), about.permissions().mode() & 0o7777, about.ino())
    };
    let empty = "kubernetes.io~empty-dir";
    assert_eq!((of(empty, "data").0, of(empty, "data").1), (4242, 0o2777));
    assert_eq!(of(empty, "data/runs").0, 4242, "what is made in it is the group's");
    assert_eq!((of("kubernetes.io~secret", "secret/k").0, of("kubernetes.io~secret", "secret/k").1), (4242, 0o440));
    let inodes = [of(empty, "data").2, of(empty, "memory").2, of("kubernetes.io~secret", "secret/k").2];
    let _ = scene.node.verb(&["restart", "p"]).ok();
    let again = || scene.node.logs("p", "main", false);
    eventually("it ran again", || (again() == "count 2\ncount 2\nv\n").then_some(()));
    assert_eq!([of(empty, "data").2, of(empty, "memory").2, of("kubernetes.io~secret", "secret/k").2], inodes);
    drop(scene.run.interrupt(LIMIT));
}

#[test]
fn claims_get_the_folders_that_fit_them() {
    let node = Node::with_testload();
    let folder = node.scratch().join("storage");
    std::fs::create_dir(&folder).unwrap();
    let mut large = storage("large", "9Gi");
    large["spec"]["hostPath"] = json!({ "path": node.scratch().join("made"), "type": "DirectoryOrCreate" });
    let mut local = storage("local", "1Gi");
    local["spec"]["local"] = json!({ "path": folder });
    let is_here = json!({ "key": "kubernetes.io/os", "operator": "In", "values": ["linux"] });
    let terms = json!([{ "matchExpressions": [is_here] }]);
    local["spec"]["nodeAffinity"] = json!({ "required": { "nodeSelectorTerms": terms } });
    let claim = |name: &str, size: &str| {
        let spec = json!({ "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": size } } });
        json!({ "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": name }, "spec": spec })
    };
    let used = |name: &str, read_only: bool| {
        let source = json!({ "claimName": name, "readOnly": read_only });
        json!({ "name": name, "persistentVolumeClaim": source })
    };
    let pod = Pod::new("p").volume(used("small", false)).volume(used("big", true)).container(
        main(&["write", "/small/file", "kept", "try-write", "/big/file"]).mount("small", "/small").mount("big", "/big"),
    );
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": [claim("big", "5Gi"), large, local, claim("small", "1Gi")] });
    let finished = node.run(&[pod.build(), list]).arg("--keep").start().finish(LIMIT);
    assert_eq!(finished.code, Some(0), "{finished:#?}");
    assert!(node.logs("p", "main", false).contains("try-write /big/file: Read-only file system"));
    assert_eq!(std::fs::read_to_string(folder.join("file")).unwrap(), "kept\n");
    assert!(node.scratch().join("made").is_dir());
    let _ = node.verb(&["rm", "p"]).ok();
    assert_eq!(std::fs::read_to_string(folder.join("file")).unwrap(), "kept\n", "the data outlives the Pod");
    assert!(!node.data_dir().join("objects").exists(), "nothing refers to them any more");
}

fn storage(name: &str, size: &str) -> Value {
    let spec = json!({ "accessModes": ["ReadWriteOnce"], "capacity": { "storage": size } });
    json!({ "apiVersion": "v1", "kind": "PersistentVolume", "metadata": { "name": name }, "spec": spec })
}

#[test]
fn a_pod_without_its_claim_says_what_it_waits_for() {
    let node = Node::with_testload();
    let volume = json!({ "name": "data", "persistentVolumeClaim": { "claimName": "c" } });
    let mut run = node.run(&[Pod::new("p").volume(volume).container(main(&["forever"])).build()]).start();
    let failed = run.wait_for("it waits", LIMIT, |e| e.is("SetupFailed"));
    let expected = "MountVolume.SetUp failed for volume \"data\" : persistentvolumeclaim \"c\" not found";
    assert_eq!(failed.message.as_deref(), Some(expected));
    drop(run.interrupt(LIMIT));
}

#[test]
fn an_agent_that_is_killed_while_it_makes_volumes_leaves_nothing_twice() {
    let volumes = (0..12)
        .fold(Pod::new("p"), |pod, i| pod.volume(json!({ "name": format!("s{i}"), "secret": { "secretName": "s" } })));
    let main =
        (0..12).fold(main(&["cat", "/s11/k", "forever"]), |main, i| main.mount(&format!("s{i}"), &format!("/s{i}")));
    let manifests = [volumes.container(main).build(), secret(json!({ "k": "v\n" }))];
    let node = Node::with_testload();
    for round in 0..4 {
        let run = node.run(&manifests).arg("--keep").start();
        // At another point of its work each time.
        eventually("it makes volumes", || (round == 0 || mounts_below(&node) > round * 3).then_some(()));
        drop(run.kill());
    }
    let run = node.run(&manifests).arg("--keep").start();
    let logs = || node.verb(&["logs", "p"]).stdout;
    eventually("it runs", || (logs() == "v\n").then_some(()));
    assert_eq!(mounts_below(&node), 13, "one for each volume and one for the Secret itself");
    drop(run.interrupt(LIMIT));
}

/// How many tmpfs are mounted below the node's folder, as this process sees it.
fn mounts_below(node: &Node) -> usize {
    let (folder, text) = (node.data_dir(), std::fs::read_to_string("/proc/self/mountinfo").unwrap());
    let points = text.lines().filter(|line| line.contains(" - tmpfs ")).filter_map(|line| line.split(' ').nth(4));
    points.filter(|point| std::path::Path::new(point).starts_with(&folder) && !point.contains("/runtime/")).count()
}
