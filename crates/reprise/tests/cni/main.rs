//! Pods with a network of Debian's CNI plugins (bridge, host-local, portmap), made by `reprise cri` as root. Every test
//! has a network, leases and a bridge of its own, and fails if the runtime leaves something behind.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod scene;

use reprise_cri::v1::PodSandboxState;
use scene::{PORT, Scene, ask, eventually, in_network_of, links_of, log, records};

/// From the start of a Pod over a crash of the runtime to its end.
async fn live(version: &str, both_families: bool) {
    let mut scene = Scene::start().await;
    scene.configure(version, both_families);
    let host_port = scene.node.host_port(0);
    let made = scene.run("web", Some(host_port)).await;
    let families: Vec<bool> = made.ips.iter().map(|ip| ip.is_ipv4()).collect();
    assert_eq!(families, if both_families { vec![true, false] } else { vec![true] }, "{:?}", made.ips);
    assert_eq!(scene.leased().len(), made.ips.len());
    assert!(links_of(scene.shim().pid).lines().any(|l| l.starts_with("lo ") && l.contains("LOOPBACK,UP")));
    let loopback = [127, 0, 0, 1].into();
    for ip in &made.ips {
        eventually("the Pod answers", async || ask(*ip, PORT).is_some()).await;
    }
    eventually("its host port answers", async || ask(loopback, host_port).is_some()).await;
    let refused = scene.run_sandbox("other", Some(host_port)).await.unwrap_err();
    assert!(refused.contains("is taken: Pod default/web has TCP port"), "{refused}");

    scene.crash(|_| {}).await;
    assert_eq!(scene.ips(&made.sandbox).await, made.ips);
    assert_eq!(scene.status(&made.sandbox).await.state(), PodSandboxState::SandboxReady);
    assert!(ask(loopback, host_port).is_some());
    let second = scene.run_sandbox("second", None).await.unwrap();
    assert!(scene.ips(&second).await.iter().all(|ip| !made.ips.contains(ip)), "an address was given out twice");

    scene.stop(&made.sandbox).await;
    scene.stop(&made.sandbox).await;
    assert_eq!(scene.leased().len(), made.ips.len(), "only the second Pod's are left");
    assert_eq!(ask(loopback, host_port), None);
    scene.remove(&made.sandbox).await;
    scene.remove(&second).await;
    assert!(scene.leased().is_empty() && records(&scene.node.data_dir()).is_empty());
    // Debian's portmap looks for a Pod's IPv4 rules among those of IPv6.
    let log = log(&scene.node).replace("portmap refused CHECK (code 999): could not check ipv6 dnat", "");
    assert!(!log.contains(" refused CHECK"), "CHECK after the crash: {log}");
}

#[tokio::test]
async fn a_pod_has_an_ipv4_address_and_a_host_port_by_version_0_3_1() {
    live("0.3.1", false).await;
}

#[tokio::test]
async fn a_pod_has_addresses_of_both_families_and_a_host_port_by_version_0_4_0() {
    live("0.4.0", true).await;
}

#[tokio::test]
async fn a_pod_has_addresses_of_both_families_and_a_host_port_by_version_1_0_0() {
    live("1.0.0", true).await;
}

#[tokio::test]
async fn the_runtime_is_ready_once_there_is_a_configuration_and_says_why_not_before() {
    let scene = Scene::start().await;
    let (ready, why) = scene.network_ready().await;
    assert!(!ready && why.contains("no CNI network configuration"), "{why}");
    let error = scene.run_sandbox("early", None).await.unwrap_err();
    assert!(error.contains("no CNI network configuration"), "{error}");
    // Debian's plugins do not speak it.
    scene.configure("1.1.0", false);
    let (ready, why) = scene.network_ready().await;
    assert!(!ready && why.contains("the CNI plugin bridge"), "{why}");
    let error = scene.run_sandbox("early", None).await.unwrap_err();
    assert!(error.contains("the CNI plugin bridge refused ADD (code 1): incompatible CNI versions"), "{error}");
    scene.configure("1.0.0", false);
    assert_eq!(scene.network_ready().await, (true, String::new()));
    let sandbox = scene.run_sandbox("late", None).await.unwrap();
    scene.remove(&sandbox).await;
    assert!(records(&scene.node.data_dir()).is_empty(), "the failed attempts have left something to undo");
}

#[tokio::test]
async fn a_pod_whose_link_is_gone_is_not_ready_after_a_restart_and_is_taken_down_like_any_other() {
    let mut scene = Scene::start().await;
    scene.configure("1.0.0", true);
    let made = scene.run("web", None).await;
    let shim = scene.shim();
    scene.crash(|_| drop(in_network_of(shim.pid, &["ip", "link", "delete", "eth0"]))).await;
    assert_eq!(scene.status(&made.sandbox).await.state(), PodSandboxState::SandboxNotready);
    scene.remove(&made.sandbox).await;
    assert!(scene.leased().is_empty());
}

#[tokio::test]
async fn what_a_pod_had_is_given_back_after_its_shim_was_killed() {
    let scene = Scene::start().await;
    scene.configure("1.0.0", true);
    let host_port = scene.node.host_port(0);
    let made = scene.run("web", Some(host_port)).await;
    assert_eq!(scene.leased().len(), 2);
    scene.shim().kill();
    let not_ready = async || scene.status(&made.sandbox).await.state() == PodSandboxState::SandboxNotready;
    eventually("the sandbox is not ready", not_ready).await;
    scene.stop(&made.sandbox).await;
    assert!(scene.leased().is_empty());
    scene.remove(&made.sandbox).await;
    // The port is free again.
    let again = scene.run_sandbox("again", Some(host_port)).await.unwrap();
    scene.remove(&again).await;
}

#[tokio::test]
async fn a_sandbox_whose_network_plugins_do_not_take_back_is_listed_until_they_do() {
    let mut scene = Scene::start().await;
    scene.configure_broken();
    let error = scene.run_sandbox("web", None).await.unwrap_err();
    assert!(error.contains("the CNI plugin broken failed at ADD (exit status: 1): broken"), "{error}");
    scene.crash(|_| {}).await;
    let listed = scene.sandboxes().await;
    let [left] = listed.as_slice() else { panic!("{listed:?}") };
    assert_eq!(left.state(), PodSandboxState::SandboxNotready);
    scene.mend();
    scene.stop(&left.id).await;
    scene.remove(&left.id).await;
    assert!(scene.sandboxes().await.is_empty() && records(&scene.node.data_dir()).is_empty());
}
