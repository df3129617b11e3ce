//! Which namespaces containers have for themselves, and which they share.

use reprise_cri::v1::*;

use crate::case::cases;
use crate::requests::{ContainerParts, SandboxParts, With};
use crate::scene::{Pod, Scene};

cases![
    containers_of_a_pod_share_network_ipc_and_hostname_and_see_their_own_processes,
    pods_share_nothing,
    a_pod_may_share_processes,
    a_pod_may_see_the_hosts_processes,
    a_container_may_see_the_processes_of_another,
    a_pod_may_be_on_the_hosts_network,
    a_pod_may_use_the_hosts_ipc,
    a_pod_of_the_host_may_have_all_three,
    shared_memory_is_shared_in_a_pod_and_not_beyond,
];

fn namespace(report: &str, kind: &str) -> String {
    let start = format!("{kind} ");
    report.lines().find_map(|line| line.strip_prefix(&start)).unwrap_or_else(|| panic!("{kind} in {report}")).to_owned()
}

fn of_host(kind: &str) -> String {
    std::fs::read_link(format!("/proc/self/ns/{kind}")).unwrap().to_str().unwrap().to_owned()
}

/// A sandbox and containers with these namespaces.
async fn pod_with(scene: &Scene, change: impl Fn(&mut NamespaceOption)) -> Pod {
    let config = scene.pod_config("pod").with(|pod| {
        change(pod.namespaces());
        // A kubelet names only Pods that have a network of their own.
        if pod.namespaces().network() == NamespaceMode::Node {
            pod.hostname.clear();
        }
    });
    scene.pod_of(config).await
}

async fn report(scene: &Scene, pod: &Pod, name: &str, steps: &[&str]) -> String {
    let options = pod.config.linux.as_ref().and_then(|l| l.security_context.as_ref()?.namespace_options.clone());
    let config = scene.container(name, steps).with(|config| *config.namespaces() = options.unwrap());
    scene.report(pod, config).await
}

async fn containers_of_a_pod_share_network_ipc_and_hostname_and_see_their_own_processes(scene: &Scene) {
    let pod = scene.pod().await;
    let mut seen = Vec::new();
    for name in ["one", "two"] {
        let config = scene.container(name, &["namespaces", "processes", "print", "up", "forever"]);
        let path = scene.log_path(&pod, &config);
        scene.run(&pod, config).await;
        seen.push(scene.logged(&path, "up").await);
    }
    let (one, two) = (&seen[0], &seen[1]);
    for kind in ["net", "ipc", "uts"] {
        assert_eq!(namespace(one, kind), namespace(two, kind), "{kind}");
        assert_ne!(namespace(one, kind), of_host(kind), "{kind}");
    }
    for kind in ["pid", "mnt"] {
        assert_ne!(namespace(one, kind), namespace(two, kind), "{kind}");
    }
    assert!(one.ends_with("\n1 testload\nup\n"), "only itself: {one}");
}

async fn pods_share_nothing(scene: &Scene) {
    let mut seen = Vec::new();
    for _ in 0..2 {
        // Both are there at once: the number of a namespace that is gone may be given again.
        let id = scene.run(&scene.pod().await, scene.container("main", &["forever"])).await;
        seen.push(scene.exec(&id, &["namespaces"]).await);
    }
    let (one, two) = (&seen[0], &seen[1]);
    for kind in ["net", "ipc", "uts", "pid", "mnt"] {
        assert_ne!(namespace(one, kind), namespace(two, kind), "{kind}");
    }
}

async fn a_pod_may_share_processes(scene: &Scene) {
    let shared = |options: &mut NamespaceOption| options.pid = NamespaceMode::Pod.into();
    let pod = pod_with(scene, shared).await;
    let config = scene.container("other", &["forever"]).with(|config| shared(config.namespaces()));
    scene.run(&pod, config).await;
    let seen = report(scene, &pod, "main", &["processes"]).await;
    let (first, others) = seen.split_once('\n').unwrap();
    assert!(first.starts_with("1 "), "the sandbox's own, which reaps: {seen}");
    let programs = others.lines().filter(|line| line.ends_with(" testload")).count();
    assert_eq!(programs, 2, "both see each other: {seen}");
}

async fn a_pod_may_see_the_hosts_processes(scene: &Scene) {
    let on_host = |options: &mut NamespaceOption| options.pid = NamespaceMode::Node.into();
    let pod = pod_with(scene, on_host).await;
    let seen = report(scene, &pod, "main", &["namespaces", "processes"]).await;
    assert_eq!(namespace(&seen, "pid"), of_host("pid"));
    let own = format!("\n{} ", std::process::id());
    assert!(seen.contains(&own), "this test is among them");
}

async fn a_container_may_see_the_processes_of_another(scene: &Scene) {
    let pod = scene.pod().await;
    let target = scene.run(&pod, scene.container("target", &["forever"])).await;
    let config = scene.container("debugger", &["namespaces", "processes"]).with(|config| {
        config.namespaces().pid = NamespaceMode::Target.into();
        config.namespaces().target_id = target.clone();
    });
    let seen = scene.report(&pod, config).await;
    assert_eq!(namespace(&seen, "pid"), namespace(&scene.exec(&target, &["namespaces"]).await, "pid"));
    assert!(seen.contains("1 testload"), "the target is number one: {seen}");
    let gone = scene.container("gone", &[]).with(|config| {
        config.namespaces().pid = NamespaceMode::Target.into();
        config.namespaces().target_id = "0123456789abcdef".into();
    });
    assert!(scene.try_create(&pod, gone).await.is_err());
}

async fn a_pod_may_be_on_the_hosts_network(scene: &Scene) {
    let pod = pod_with(scene, |options| options.network = NamespaceMode::Node.into()).await;
    let seen = report(scene, &pod, "main", &["namespaces", "hostname"]).await;
    assert_eq!(namespace(&seen, "net"), of_host("net"));
    assert_ne!(namespace(&seen, "ipc"), of_host("ipc"));
    let hostname = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    assert!(seen.ends_with(&format!("\n{hostname}")), "with the host's name: {seen}");
}

async fn a_pod_may_use_the_hosts_ipc(scene: &Scene) {
    let name = format!("reprise-test-{}", std::process::id());
    let on_host = std::path::Path::new("/dev/shm").join(&name);
    std::fs::write(&on_host, "of the host\n").unwrap();
    let pod = pod_with(scene, |options| options.ipc = NamespaceMode::Node.into()).await;
    let path = format!("/dev/shm/{name}");
    let seen = report(scene, &pod, "main", &["namespaces", "cat", &path]).await;
    std::fs::remove_file(on_host).unwrap();
    assert_eq!(namespace(&seen, "ipc"), of_host("ipc"));
    assert_ne!(namespace(&seen, "net"), of_host("net"));
    assert!(seen.ends_with("of the host\n"), "{seen}");
}

async fn a_pod_of_the_host_may_have_all_three(scene: &Scene) {
    let all = |options: &mut NamespaceOption| {
        options.network = NamespaceMode::Node.into();
        options.pid = NamespaceMode::Node.into();
        options.ipc = NamespaceMode::Node.into();
    };
    let pod = pod_with(scene, all).await;
    let seen = report(scene, &pod, "main", &["namespaces"]).await;
    for kind in ["net", "pid", "ipc"] {
        assert_eq!(namespace(&seen, kind), of_host(kind), "{kind}");
    }
    let options = scene.pod_status(&pod.id).await.linux.unwrap().namespaces.unwrap().options.unwrap();
    assert_eq!(
        (options.network(), options.pid(), options.ipc()),
        (NamespaceMode::Node, NamespaceMode::Node, NamespaceMode::Node)
    );
}

async fn shared_memory_is_shared_in_a_pod_and_not_beyond(scene: &Scene) {
    let (first, second) = (scene.pod().await, scene.pod().await);
    report(scene, &first, "writer", &["write", "/dev/shm/file", "shared"]).await;
    assert_eq!(report(scene, &first, "reader", &["cat", "/dev/shm/file"]).await, "shared\n");
    assert_eq!(report(scene, &second, "reader", &["ls", "/dev/shm"]).await, "");
}
