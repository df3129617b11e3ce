//! Fields of a Pod that no other test uses, as its containers see them.

use reprise_testkit::Node;
use reprise_testkit::manifest::{Container, Pod};
use serde_json::json;

use crate::scene::{LIMIT, Scene, container, eventually, fails_once, pod, status};

#[test]
fn a_pod_of_many_fields_has_them_all() {
    let node = Node::with_testload();
    // User 1000 of the image is also in group 2000, which `Strict` leaves out.
    let context = json!({"runAsUser": 1000, "runAsGroup": 3000, "supplementalGroupsPolicy": "Strict"});
    let setup = Container::new("setup", &["write", "/said", "prepared"])
        .field("securityContext", json!({"runAsUser": 0}))
        .field("terminationMessagePath", json!("/said"));
    let fails = Container::new("fails", &["print", "broken", "exit", "3"])
        .policy("Never")
        .field("terminationMessagePolicy", json!("FallbackToLogsOnError"));
    let main =
        Container::new("main", &["id", "env", "ACCOUNT", "touch", "/part/x", "try-write", "/whole/x", "forever"])
            .field("lifecycle", json!({"stopSignal": "SIGINT"}))
            .field(
                "env",
                json!([
                    {"name": "PART", "value": "a/b"},
                    {"name": "ACCOUNT", "valueFrom": {"fieldRef": {"fieldPath": "spec.serviceAccountName"}}},
                ]),
            )
            .field(
                "volumeMounts",
                json!([
                    {"name": "data", "mountPath": "/part", "subPathExpr": "$(PART)"},
                    {"name": "data", "mountPath": "/whole", "readOnly": true, "recursiveReadOnly": "Enabled"},
                ]),
            )
            .field("securityContext", json!({"runAsUser": 0}));
    let manifest = Pod::new("worker")
        .empty_dir("data")
        .spec("securityContext", context)
        .spec("hostUsers", json!(true))
        .spec("os", json!({"name": "linux"}))
        .spec("serviceAccount", json!("robot"))
        .spec("automountServiceAccountToken", json!(false))
        .init(setup)
        .container(main)
        .container(fails);
    let mut scene = Scene::start(node, manifest.build());
    scene.run.wait_for("it fails", LIMIT, |e| e.is_of("ContainerExited", "fails"));
    let printed = eventually("main has tried all", || {
        Some(scene.node.logs("worker", "main", false)).filter(|log| log.contains("try-write"))
    });
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines[..2], ["uid=0 gid=3000 groups=3000", "ACCOUNT=robot"]);
    assert!(lines[2].starts_with("try-write /whole/x: Read-only file system"), "{printed}");
    let pod = scene.pod();
    assert_eq!(status(&pod, "setup")["state"]["terminated"]["message"], "prepared\n");
    assert_eq!(status(&pod, "fails")["state"]["terminated"]["message"], "broken\n");
    let data = scene.node.data_dir().join("pods").join(pod["uid"].as_str().unwrap());
    assert!(data.join("volumes/kubernetes.io~empty-dir/data/a/b/x").exists(), "subPathExpr");
    let finished = scene.run.interrupt(LIMIT);
    let exited = finished.events.iter().find(|e| e.is_of("ContainerExited", "main")).unwrap();
    assert_eq!(exited.exit_code, Some(130), "SIGINT asked it to end");
    assert!(!finished.stderr.contains("serviceAccountName"), "{}", finished.stderr);
}

#[test]
fn variables_come_from_a_file_that_an_init_container_wrote() {
    let node = Node::with_testload();
    let of = |name: &str, key: &str, optional: bool| {
        let source = json!({"volumeName": "data", "path": "made/env", "key": key, "optional": optional});
        json!({"name": name, "valueFrom": {"fileKeyRef": source}})
    };
    let setup = container("setup", &["mkdir", "/data/made", "write", "/data/made/env", "COLOR='#fff'"]);
    // It has no part of the volume itself.
    let main = Container::new("main", &["env", "TINT", "env", "NONE", "forever"])
        .field("env", json!([of("TINT", "COLOR", true), of("NONE", "MISSING", true)]));
    let lost = Container::new("lost", &["forever"]).field("env", json!([of("NONE", "MISSING", false)]));
    let watcher = fails_once("watcher", "fail", "88").sidecar().restart_all_on(&[88]);
    let pod = pod(&node, "worker").init(setup).init(watcher).container(main).container(lost);
    let mut scene = Scene::start(node, pod.build());
    let failed = scene.run.wait_for("a key is missing", LIMIT, |e| e.is_of("SetupFailed", "lost"));
    let expected = "couldn't find key MISSING in the environment variable file made/env of volume \"data\"";
    assert_eq!(failed.message.as_deref(), Some(expected));
    let printed = |scene: &Scene| {
        let log = || Some(scene.node.verb(&["logs", "worker", "-c", "main"]).stdout);
        eventually("main prints", || log().filter(|log| log.lines().count() == 2))
    };
    assert_eq!(printed(&scene), "TINT=#fff\nNONE unset\n");
    scene.signal("fail");
    scene.run.wait_for("main again", LIMIT, |e| e.is_of("ContainerStarted", "main") && e.epoch == 1);
    assert_eq!(printed(&scene), "TINT=#fff\nNONE unset\n", "the file is written and read again");
    drop(scene.run.interrupt(LIMIT));
}

#[test]
fn profiles_of_the_nodes_own_are_found_below_its_folder() {
    let node = Node::with_testload();
    let folder = node.data_dir().join("seccomp/team");
    std::fs::create_dir_all(&folder).unwrap();
    let profile = json!({
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95}],
    });
    std::fs::write(folder.join("no-folders.json"), profile.to_string()).unwrap();
    let context = json!({"seccompProfile": {"type": "Localhost", "localhostProfile": "team/no-folders.json"}});
    let main = Container::new("main", &["try-mkdir", "/x"]);
    let inherits = Pod::new("inherits").spec("securityContext", context.clone()).container(main.clone());
    let own = Pod::new("own").container(main.field("securityContext", context));
    let finished = node.run(&[inherits.build(), own.build()]).arg("--keep").start().finish(LIMIT);
    assert_eq!(finished.code, Some(0), "{finished:#?}");
    for pod in ["inherits", "own"] {
        let printed = node.logs(pod, "main", false);
        assert!(printed.starts_with("try-mkdir /x: Operation not supported"), "{pod}: {printed}");
    }
}

#[test]
fn a_pod_that_needs_apparmor_has_failed_where_there_is_none() {
    let enabled = std::fs::read_to_string("/sys/module/apparmor/parameters/enabled").unwrap_or_default();
    assert!(!enabled.starts_with('Y'), "this test is for machines without AppArmor");
    let node = Node::with_testload();
    let profile = json!({"appArmorProfile": {"type": "RuntimeDefault"}});
    let unconfined = json!({"appArmorProfile": {"type": "Unconfined"}});
    let main = || Container::new("main", &["print", "ran"]);
    let refused = Pod::new("refused").spec("securityContext", profile.clone()).container(main());
    let runs = Pod::new("runs").spec("securityContext", profile).container(main().field("securityContext", unconfined));
    let finished = node.run(&[refused.build(), runs.build()]).arg("--keep").start().finish(LIMIT);
    assert_eq!(finished.code, Some(1));
    assert_eq!(finished.summary().pod("runs").phase, "Succeeded");
    let pods = node.verb(&["ps", "-o", "json"]).ok().json();
    let pod = pods.as_array().unwrap().iter().find(|pod| pod["pod"] == "default/refused").unwrap();
    assert_eq!((&pod["status"]["phase"], &pod["status"]["reason"]), (&"Failed".into(), &"AppArmor".into()), "{pod:#}");
    let message = pod["status"]["message"].as_str().unwrap();
    assert!(message.ends_with("Cannot enforce AppArmor: AppArmor is not enabled on the host"), "{message}");
    assert!(pod["sandbox"].is_null(), "nothing of it was made: {pod:#}");
}
