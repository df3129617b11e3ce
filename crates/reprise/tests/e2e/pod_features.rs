//! What a container is given, as it sees it itself.

use reprise_testkit::manifest::{Container, Pod};
use reprise_testkit::{Finished, Node};
use serde_json::{Value, json};

use crate::scene::{LIMIT, Scene, container, eventually, pod, status};

/// Runs a Pod of one container to its end and gives what it printed.
fn prints(container: Container) -> String {
    prints_in(|_| Pod::new("p"), container)
}

fn prints_in(pod: impl FnOnce(&Node) -> Pod, container: Container) -> String {
    let node = Node::with_testload();
    let manifest = pod(&node).container(container).build();
    let finished = node.run(&[manifest]).arg("--keep").start().finish(LIMIT);
    assert_eq!(finished.code, Some(0), "{finished:#?}\n{}", node.verb(&["logs", "p"]).stdout);
    node.logs("p", "main", false)
}

fn main(steps: &[&str]) -> Container {
    Container::new("main", steps)
}

/// The lines of `text` as `name value` pairs.
fn value<'a>(text: &'a str, name: &str) -> &'a str {
    let found = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    found.unwrap_or_else(|| panic!("no {name} in:\n{text}"))
}

#[test]
fn variables_are_expanded_in_commands_and_dollars_can_be_escaped() {
    let container = main(&[
        "print",
        "$(GREETING), $(NAME)",
        "print",
        "$$(NAME) $(MISSING)",
        "env",
        "GREETING",
        "env",
        "FROM_IMAGE",
    ])
    .env("NAME", "world")
    .env("GREETING", "hello $(NAME) $$(NAME)");
    let text = prints(container);
    assert_eq!(text, "hello world $(NAME), world\n$(NAME) $(MISSING)\nGREETING=hello world $(NAME)\nFROM_IMAGE=yes\n");
}

#[test]
fn the_downward_api_names_the_pod() {
    let field = |name: &str, path: &str| json!({ "name": name, "valueFrom": { "fieldRef": { "fieldPath": path } } });
    let env = json!([field("POD", "metadata.name"), field("SPACE", "metadata.namespace"), field("IP", "status.podIP")]);
    let text = prints(main(&["env", "POD", "env", "SPACE", "env", "IP"]).field("env", env));
    assert!(text.starts_with("POD=p\nSPACE=default\nIP=10.213."), "{text}");
}

#[test]
fn command_replaces_the_entry_point_and_the_working_directory_is_made() {
    let container =
        main(&["cwd", "argv0"]).field("command", json!(["/testload"])).field("workingDir", json!("/made/here"));
    assert_eq!(prints(container), "/made/here\n/testload\n");
}

#[test]
fn user_and_groups_are_those_of_the_pod_unless_the_container_says_otherwise() {
    let pod = |_: &Node| {
        let context = json!({ "runAsUser": 1000, "runAsGroup": 3000, "supplementalGroups": [4000], "fsGroup": 5000 });
        Pod::new("p").spec("securityContext", context)
    };
    // User 1000 of the image is also in group 2000.
    assert_eq!(prints_in(pod, main(&["id"])), "uid=1000 gid=3000 groups=2000,3000,4000,5000\n");
    let container = main(&["id"]).field("securityContext", json!({ "runAsUser": 1234, "runAsGroup": 0 }));
    assert!(prints_in(pod, container).starts_with("uid=1234 gid=0 groups="), "the container's user wins");
}

#[test]
fn capabilities_are_the_default_ones_and_can_be_dropped_and_added() {
    let with = |security: Value| prints(main(&["caps", "nnp"]).field("securityContext", security));
    let default = with(json!({}));
    assert_eq!(value(&default, "CapEff"), "00000000a80425fb", "{default}");
    assert_eq!(value(&default, "NoNewPrivs"), "0");
    let none = with(json!({ "capabilities": { "drop": ["ALL"] }, "allowPrivilegeEscalation": false }));
    assert_eq!((value(&none, "CapEff"), value(&none, "CapBnd")), ("0000000000000000", "0000000000000000"));
    assert_eq!(value(&none, "NoNewPrivs"), "1");
    let one = with(json!({ "capabilities": { "drop": ["ALL"], "add": ["NET_BIND_SERVICE"] } }));
    assert_eq!(value(&one, "CapEff"), "0000000000000400");
}

#[test]
fn a_privileged_container_has_what_the_machine_gives_and_sees_its_devices() {
    let container = main(&["caps", "seccomp", "ls", "/dev"]).field("securityContext", json!({ "privileged": true }));
    let text = prints(container);
    let effective = u64::from_str_radix(value(&text, "CapEff"), 16).unwrap();
    assert!(effective & (1 << 21) != 0, "no CAP_SYS_ADMIN in {effective:x}");
    assert_eq!(value(&text, "Seccomp"), "0");
    assert!(text.lines().any(|line| line == "kmsg" || line == "loop-control" || line == "fuse"), "{text}");
}

#[test]
fn a_read_only_root_can_not_be_written_but_volumes_can() {
    let container = main(&["try-write", "/file", "try-write", "/data/file"])
        .field("securityContext", json!({ "readOnlyRootFilesystem": true }))
        .mount("data", "/data");
    let text = prints_in(|_| Pod::new("p").empty_dir("data"), container);
    assert!(text.contains("try-write /file: Read-only file system"), "{text}");
    assert!(text.contains("try-write /data/file: ok"), "{text}");
}

#[test]
fn parts_of_proc_are_masked_unless_the_container_is_privileged() {
    let text = prints(main(&["try-write", "/proc/sys/kernel/hostname", "mounts"]));
    assert!(text.contains("try-write /proc/sys/kernel/hostname: Read-only file system"), "{text}");
    assert!(text.lines().any(|line| line.starts_with("/proc/keys ")), "{text}");
    let text = prints(main(&["mounts"]).field("securityContext", json!({ "privileged": true })));
    assert!(!text.lines().any(|line| line.starts_with("/proc/keys ")), "{text}");
}

#[test]
fn the_default_seccomp_profile_is_a_filter() {
    let profile = |kind: &str| json!({ "seccompProfile": { "type": kind } });
    let text = prints(main(&["seccomp"]).field("securityContext", profile("RuntimeDefault")));
    assert_eq!(value(&text, "Seccomp"), "2");
    let text = prints(main(&["seccomp"]).field("securityContext", profile("Unconfined")));
    assert_eq!(value(&text, "Seccomp"), "0");
}

/// How the only container of a Pod ended: exit code and reason.
fn ends(container: Container) -> (i64, String) {
    let node = Node::with_testload();
    let finished = node.run(&[Pod::new("p").container(container).build()]).arg("--keep").start().finish(LIMIT);
    assert_eq!(finished.code, Some(1), "{finished:#?}");
    let pod = node.verb(&["ps", "-o", "json"]).ok().json()[0].clone();
    let ended = &status(&pod, "main")["state"]["terminated"];
    (ended["exitCode"].as_i64().unwrap(), ended["reason"].as_str().unwrap().to_owned())
}

#[test]
fn a_container_beyond_its_memory_limit_is_killed_and_says_why() {
    let container =
        main(&["alloc-mib", "256", "forever"]).field("resources", json!({ "limits": { "memory": "32Mi" } }));
    assert_eq!(ends(container), (137, "OOMKilled".to_owned()));
}

#[test]
fn the_termination_message_is_part_of_the_status() {
    let node = Node::with_testload();
    let main = main(&["write", "/dev/termination-log", "out of luck", "exit", "3"]);
    let finished = node.run(&[Pod::new("p").container(main).build()]).start().finish(LIMIT);
    let exited = finished.all("ContainerExited").next().unwrap();
    assert_eq!((exited.exit_code, exited.message.as_deref().map(str::trim_end)), (Some(3), Some("out of luck")));
}

#[test]
fn sysctls_are_set_in_the_pod_s_namespaces() {
    let sysctls = json!({ "sysctls": [{ "name": "net.ipv4.ip_unprivileged_port_start", "value": "77" }] });
    let text = prints_in(
        |_| Pod::new("p").spec("securityContext", sysctls),
        main(&["cat", "/proc/sys/net/ipv4/ip_unprivileged_port_start"]),
    );
    assert_eq!(text, "77\n");
}

#[test]
fn the_host_name_is_the_pod_s_and_hosts_has_its_address_and_aliases() {
    let pod =
        |_: &Node| Pod::new("p").spec("hostAliases", json!([{ "ip": "192.0.2.7", "hostnames": ["db", "db.test"] }]));
    let text = prints_in(pod, main(&["hostname", "cat", "/etc/hosts"]));
    assert!(text.starts_with("p\n"), "{text}");
    assert!(text.lines().any(|l| l.starts_with("10.213.") && l.split_whitespace().nth(1) == Some("p")), "{text}");
    assert!(text.lines().any(|l| l.split_whitespace().eq(["192.0.2.7", "db", "db.test"])), "{text}");
    assert!(text.contains("127.0.0.1\tlocalhost"), "{text}");
}

#[test]
fn dns_settings_make_resolv_conf() {
    let dns = json!({ "nameservers": ["192.0.2.53"], "searches": ["a.test", "b.test"], "options": [{ "name": "ndots", "value": "2" }] });
    let pod = |_: &Node| Pod::new("p").spec("dnsPolicy", json!("None")).spec("dnsConfig", dns);
    let text = prints_in(pod, main(&["cat", "/etc/resolv.conf"]));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines, ["search a.test b.test", "nameserver 192.0.2.53", "options ndots:2"], "{text}");
}

#[test]
fn an_empty_dir_in_memory_is_a_tmpfs_of_its_size() {
    let volume = json!({ "name": "data", "emptyDir": { "medium": "Memory", "sizeLimit": "16Mi" } });
    let text =
        prints_in(|_| Pod::new("p").volume(volume), main(&["mounts", "try-write", "/data/x"]).mount("data", "/data"));
    assert!(text.lines().any(|l| l.starts_with("/data tmpfs ")), "{text}");
    assert!(text.contains("try-write /data/x: ok"), "{text}");
}

#[test]
fn sub_paths_show_one_folder_of_a_volume() {
    let init = Container::new("fill", &["mkdir", "/all/a/b", "write", "/all/a/b/file", "deep"]).mount("data", "/all");
    let mounts = json!([{ "name": "data", "mountPath": "/part", "subPath": "a/b", "readOnly": true }]);
    let main = main(&["ls", "/part", "try-write", "/part/x"]).field("volumeMounts", mounts);
    let text = prints_in(|_| Pod::new("p").empty_dir("data").init(init), main);
    assert_eq!(text, "file\ntry-write /part/x: Read-only file system (os error 30)\n");
}

#[test]
fn a_sub_path_can_not_leave_its_volume() {
    let node = Node::with_testload();
    std::fs::create_dir_all(node.scratch().join("ctl")).unwrap();
    std::os::unix::fs::symlink("/etc", node.scratch().join("ctl/link")).unwrap();
    let mounts = json!([{ "name": "ctl", "mountPath": "/part", "subPath": "link" }]);
    let manifest = pod(&node, "p").container(main(&["ls", "/part"]).field("volumeMounts", mounts)).build();
    let mut run = node.run(&[manifest]).start();
    let failed = run.wait_for("the refusal", LIMIT, |e| e.is("SetupFailed"));
    assert!(failed.message.is_some_and(|m| m.contains("link")));
    drop(run.interrupt(LIMIT));
}

#[test]
fn host_paths_are_made_as_their_type_says() {
    let node = Node::with_testload();
    let folder = node.scratch().join("made");
    let volume = json!({ "name": "made", "hostPath": { "path": folder, "type": "DirectoryOrCreate" } });
    let main = main(&["write", "/made/file", "hello"]).mount("made", "/made");
    let finished = node.run(&[Pod::new("p").volume(volume).container(main).build()]).start().finish(LIMIT);
    assert_eq!(finished.code, Some(0), "{finished:#?}");
    assert_eq!(std::fs::read_to_string(folder.join("file")).unwrap(), "hello\n");
}

#[test]
fn containers_can_share_a_process_namespace() {
    let node = Node::with_testload();
    let manifest = pod(&node, "p")
        .spec("shareProcessNamespace", json!(true))
        .container(container("main", &["forever"]))
        .container(container("other", &["forever"]))
        .build();
    let mut scene = Scene::start(node, manifest);
    scene.wait_ready(0);
    let processes = scene.node.exec("p", "main", &["/testload", "processes"]).ok().stdout;
    let programs = processes.lines().filter(|line| line.ends_with(" testload")).count();
    assert!(programs >= 3, "main, other and this one: {processes}");
    let alone = scene.node.exec("p", "main", &["/testload", "namespaces"]).ok().stdout;
    let other = scene.node.exec("p", "other", &["/testload", "namespaces"]).ok().stdout;
    for shared in ["net", "ipc", "uts", "pid"] {
        assert_eq!(value(&alone, shared), value(&other, shared), "{shared}");
    }
    assert_ne!(value(&alone, "mnt"), value(&other, "mnt"));
}

#[test]
fn containers_share_memory_and_network_but_not_processes_by_default() {
    let node = Node::with_testload();
    let manifest = pod(&node, "p")
        .container(container("main", &["serve", "8080", "write", "/dev/shm/note", "shared", "forever"]))
        .container(container("other", &["forever"]))
        .build();
    let mut scene = Scene::start(node, manifest);
    scene.wait_ready(0);
    let exec = |container: &str, steps: &[&str]| {
        scene.node.exec("p", container, &[&["/testload"], steps].concat()).ok().stdout
    };
    assert_ne!(value(&exec("main", &["namespaces"]), "pid"), value(&exec("other", &["namespaces"]), "pid"));
    assert_eq!(exec("other", &["wait-file", "/dev/shm/note", "cat", "/dev/shm/note"]), "shared\n");
    assert!(exec("other", &["get", "127.0.0.1:8080", "/"]).contains("200 OK"));
}

#[test]
fn host_network_is_the_machine_s() {
    let own = std::fs::read_link("/proc/self/ns/net").unwrap().display().to_string();
    let text = prints_in(|_| Pod::new("p").spec("hostNetwork", json!(true)), main(&["namespaces"]));
    assert_eq!(value(&text, "net"), own);
}

#[test]
fn pods_reach_each_other_and_the_machine_over_the_bridge() {
    let node = Node::with_testload();
    let serve = container("main", &["serve", "8080", "print", "serving", "forever"]);
    let server = pod(&node, "server").container(serve).build();
    let client = pod(&node, "client").container(container("main", &["forever"])).build();
    let mut run = node.run(&[server, client]).start();
    let mut ready = 0;
    while ready < 2 {
        run.wait_for("two Pods Ready", LIMIT, |e| e.is("PodReady"));
        ready += 1;
    }
    eventually("it serves", || node.logs("server", "main", false).contains("serving").then_some(()));
    let pods = node.verb(&["ps", "-o", "json"]).ok().json();
    let server = pods.as_array().unwrap().iter().find(|pod| pod["name"] == "server").unwrap();
    let address = format!("{}:8080", server["ip"].as_str().unwrap());
    let answer = node.exec("client", "main", &["/testload", "get", &address, "/"]).ok().stdout;
    assert!(answer.contains("200 OK"), "{answer}");
    assert!(std::net::TcpStream::connect(&address).is_ok(), "the machine can't reach {address}");
    drop(run.interrupt(LIMIT));
}

#[test]
fn a_container_s_processes_die_with_it() {
    let node = Node::with_testload();
    let manifest = pod(&node, "p").container(container("main", &["spawn-forever", "wait-file", "/ctl/go"])).build();
    let mut scene = Scene::start(node, manifest);
    scene.wait_ready(0);
    scene.signal("go");
    let finished: Finished = scene.run.finish(LIMIT);
    assert_eq!(finished.code, Some(0));
    // The node's own check when it is dropped finds a process that was left.
}

#[test]
fn too_many_processes_are_refused() {
    let node = Node::with_testload();
    let spawn: Vec<&str> = std::iter::repeat_n("spawn-forever", 40).collect();
    let manifest = pod(&node, "p").container(container("main", &spawn)).build();
    let finished = node.run(&[manifest]).arg("--pod-pids-limit").arg("20").start().finish(LIMIT);
    assert_eq!(finished.summary().pod("p").container("main").exit_code, Some(74), "{finished:#?}");
}

#[test]
fn a_deadline_ends_the_pod() {
    let node = Node::with_testload();
    let manifest =
        pod(&node, "p").spec("activeDeadlineSeconds", json!(1)).container(container("main", &["forever"])).build();
    let finished = node.run(&[manifest]).start().finish(LIMIT);
    assert_eq!((finished.code, finished.summary().pod("p").phase.as_str()), (Some(1), "Failed"));
    let failed = finished.all("PodFailed").next().unwrap();
    assert!(failed.message.as_deref().is_some_and(|m| m.contains("active")), "{failed:?}");
}
