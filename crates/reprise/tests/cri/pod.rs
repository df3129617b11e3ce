//! What the containers of one Pod have in common, and what a sandbox gives them.

use reprise_cri::v1::*;

use crate::case::cases;
use crate::requests::{SandboxParts, With, mount};
use crate::scene::Scene;

cases![
    containers_reach_each_other_by_loopback_and_pods_by_address,
    containers_share_volumes,
    the_hostname_is_the_pods,
    the_resolver_is_configured_as_the_pod_wants_it,
    without_a_dns_configuration_it_is_the_hosts,
    sysctls_of_the_pods_namespaces_are_set,
    sysctls_of_the_host_are_refused,
    low_ports_and_pings_need_no_capability,
    pods_at_once_have_addresses_of_their_own,
    an_address_stays_while_the_containers_change,
];

async fn containers_reach_each_other_by_loopback_and_pods_by_address(scene: &Scene) {
    let pod = scene.pod().await;
    let config = scene.container("server", &["serve", "8080", "print", "up", "forever"]);
    let path = scene.log_path(&pod, &config);
    scene.run(&pod, config).await;
    scene.logged(&path, "up").await;
    let seen = scene.report_of(&pod, &["get", "127.0.0.1:8080", "/"]).await;
    assert_eq!(seen, "get 127.0.0.1:8080/: HTTP/1.1 200 OK\n");
    let other = scene.pod().await;
    let address = format!("{}:8080", scene.address(&pod).await);
    let seen = scene.report_of(&other, &["get", &address, "/", "get", "127.0.0.1:8080", "/"]).await;
    let mut lines = seen.lines();
    assert_eq!(lines.next(), Some(format!("get {address}/: HTTP/1.1 200 OK").as_str()));
    assert!(lines.next().unwrap().contains("refused"), "its own loopback is another: {seen}");
}

async fn containers_share_volumes(scene: &Scene) {
    let folder = scene.folder("volume");
    let pod = scene.pod().await;
    let with_volume = |name: &str, steps: &[&str], at: &str| {
        let config = scene.container(name, steps);
        config.with(|config| config.mounts.push(mount(&folder, at)))
    };
    let waiting = scene.run(&pod, with_volume("one", &["wait-file", "/one/file", "exit", "8"], "/one")).await;
    scene.report(&pod, with_volume("two", &["write", "/two/file", "text"], "/two")).await;
    assert_eq!(scene.exit(&waiting).await.exit_code, 8);
}

async fn the_hostname_is_the_pods(scene: &Scene) {
    let pod = scene.pod_of(scene.pod_config("a-name")).await;
    let seen = scene.report_of(&pod, &["hostname", "cat", "/etc/hostname"]).await;
    assert_eq!(seen, "a-name\na-name\n");
}

async fn the_resolver_is_configured_as_the_pod_wants_it(scene: &Scene) {
    let config = scene.pod_config("pod").with(|pod| {
        pod.dns_config = Some(DnsConfig {
            servers: vec!["10.0.0.10".into(), "10.0.0.11".into()],
            searches: vec!["ns.svc.cluster.local".into(), "cluster.local".into()],
            options: vec!["ndots:5".into(), "edns0".into()],
        });
    });
    let pod = scene.pod_of(config).await;
    let seen = scene.report_of(&pod, &["cat", "/etc/resolv.conf"]).await;
    let mut lines: Vec<&str> = seen.lines().collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "nameserver 10.0.0.10",
            "nameserver 10.0.0.11",
            "options ndots:5 edns0",
            "search ns.svc.cluster.local cluster.local"
        ]
    );
}

async fn without_a_dns_configuration_it_is_the_hosts(scene: &Scene) {
    let pod = scene.pod().await;
    let seen = scene.report_of(&pod, &["cat", "/etc/resolv.conf"]).await;
    assert_eq!(seen, std::fs::read_to_string("/etc/resolv.conf").unwrap());
}

async fn sysctls_of_the_pods_namespaces_are_set(scene: &Scene) {
    let config = scene.pod_config("pod").with(|pod| {
        pod.linux().sysctls.insert("net.ipv4.ip_local_port_range".into(), "20000 30000".into());
        pod.linux().sysctls.insert("kernel.shm_rmid_forced".into(), "1".into());
    });
    let pod = scene.pod_of(config).await;
    let steps = ["cat", "/proc/sys/net/ipv4/ip_local_port_range", "cat", "/proc/sys/kernel/shm_rmid_forced"];
    assert_eq!(scene.report_of(&pod, &steps).await, "20000\t30000\n1\n");
}

async fn sysctls_of_the_host_are_refused(scene: &Scene) {
    let before = std::fs::read_to_string("/proc/sys/vm/swappiness").unwrap();
    for name in ["vm.swappiness", "no.such.sysctl"] {
        let config = scene.pod_config("pod").with(|pod| {
            pod.linux().sysctls.insert(name.into(), "11".into());
        });
        let refused = scene.try_pod(config).await.err().unwrap_or_else(|| panic!("{name} was taken"));
        assert!(refused.message().contains(name), "{refused}");
    }
    assert_eq!(std::fs::read_to_string("/proc/sys/vm/swappiness").unwrap(), before);
}

async fn low_ports_and_pings_need_no_capability(scene: &Scene) {
    let pod = scene.pod().await;
    let steps = ["cat", "/proc/sys/net/ipv4/ip_unprivileged_port_start", "cat", "/proc/sys/net/ipv4/ping_group_range"];
    let seen = scene.report_of(&pod, &steps).await;
    assert!(seen == "0\n0\t2147483647\n" || scene.differs("pod::unprivileged-ports"), "{seen}");
}

async fn pods_at_once_have_addresses_of_their_own(scene: &Scene) {
    let pods = futures::future::join_all((0..6).map(|n| scene.pod_of(scene.pod_config(&format!("pod-{n}"))))).await;
    let mut addresses = futures::future::join_all(pods.iter().map(|pod| scene.address(pod))).await;
    addresses.sort();
    addresses.dedup();
    assert_eq!(addresses.len(), 6);
}

async fn an_address_stays_while_the_containers_change(scene: &Scene) {
    let pod = scene.pod().await;
    let first = scene.report_of(&pod, &["addresses"]).await;
    let second = scene.report_of(&pod, &["addresses"]).await;
    assert_eq!(first, second);
    assert!(first.contains(&scene.address(&pod).await), "{first}");
}
