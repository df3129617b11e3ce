//! Names that Pods resolve: of services and Pods, and of the world outside.

use std::net::{Ipv4Addr, UdpSocket};
use std::thread;

use super::cluster::{Cluster, Release};
use super::pods::SLEEP;
use crate::scene::eventually;

/// What the world outside says.
const OUTSIDE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 53);

/// A name server of the world outside, for as long as the test's process lives. A resolv.conf has no ports, so it has an
/// address of loopback that no other test has.
fn outside(address: Ipv4Addr) {
    let socket = UdpSocket::bind((address, 53)).unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok((length, client)) = socket.recv_from(&mut buffer) {
            // Whoever does not get it asks again.
            socket.send_to(&reply(&buffer[..length]), client).ok();
        }
    });
}

/// The question comes back with one address, if an IPv4 address is asked for.
fn reply(query: &[u8]) -> Vec<u8> {
    let name = query[12..].iter().position(|byte| *byte == 0).unwrap();
    let question = &query[12..12 + name + 5];
    let has_answer = question[name + 1..name + 3] == [0, 1];
    let header = [query[0], query[1], 0x81, 0x80, 0, 1, 0, u8::from(has_answer), 0, 0, 0, 0];
    let mut reply = [&header[..], question].concat();
    if has_answer {
        reply.extend([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        reply.extend(OUTSIDE.octets());
    }
    reply
}

fn pod(name: &str, more: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, labels: {{app: {name}}}}}\nspec:\n  {more}\n  containers:\n  - name: c\n    \
         image: {image}\n    command: [sh, -c, \"{SLEEP}\"]\n---\n",
        image = reprise_testkit::image::BUSYBOX_IMAGE
    )
}

/// The address that `name` has in the Pod `client`.
fn resolved(cluster: &Cluster, client: &str, name: &str) -> Option<String> {
    let said = cluster.kubectl(&["exec", client, "--", "ping", "-c", "1", "-w", "1", name]).stdout;
    let (_, rest) = said.split_once('(')?;
    rest.split_once(')').map(|(address, _)| address.to_owned())
}

#[test]
fn pods_resolve_services_each_other_and_the_world_outside() {
    let cluster = Cluster::with_node_config(Release::Newer, |node| {
        // No other test has a number of this node's network.
        let [_, second, third, _] = gateway(&node.subnet()).octets();
        let address = Ipv4Addr::new(127, second, third, 53);
        outside(address);
        let file = node.scratch().join("resolv.conf");
        std::fs::write(&file, format!("nameserver {address}\n")).unwrap();
        format!("resolvConf: {}\n", file.display())
    });
    let service =
        "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {clusterIP: None, selector: {app: web}}\n---\n";
    let manifest = [service, &pod("web", "hostname: first\n  subdomain: web"), &pod("client", "restartPolicy: Never")];
    cluster.ok(&["apply", "-f", &cluster.file(&manifest.concat())]);
    cluster.ok(&["wait", "--for=condition=Ready", "pod/web", "pod/client", "--timeout=60s"]);

    let server = gateway(&cluster.node.subnet());
    let resolv_conf = cluster.ok(&["exec", "client", "--", "cat", "/etc/resolv.conf"]);
    assert!(resolv_conf.contains(&format!("nameserver {server}\n")), "{resolv_conf}");
    assert!(resolv_conf.contains("search default.svc.cluster.local svc.cluster.local cluster.local"), "{resolv_conf}");

    let ip = cluster.field("pod/web", ".status.podIP");
    let of_web = Some(ip.clone());
    let resolves = |name: &str| resolved(&cluster, "client", name);
    eventually("the service's name leads to its Pod", || (resolves("web") == of_web).then_some(()));
    assert_eq!(resolves("web.default.svc.cluster.local"), of_web);
    assert_eq!(resolves("first.web"), of_web);
    assert_eq!(resolves(&format!("{}.default.pod.cluster.local", ip.replace('.', "-"))), of_web);
    assert_eq!(resolves("client.web.default.svc.cluster.local"), None);
    assert_eq!(resolves("www.example.com"), Some(OUTSIDE.to_string()));

    cluster.ok(&["delete", "pod", "web", "--now"]);
    eventually("a Pod that is gone has no name", || {
        resolves("first.web.default.svc.cluster.local").is_none().then_some(())
    });
}

/// The bridge's address.
fn gateway(subnet: &str) -> Ipv4Addr {
    subnet.replace(".0/24", ".1").parse().unwrap()
}
