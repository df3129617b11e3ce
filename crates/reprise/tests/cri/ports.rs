//! Ports of the host that lead to a Pod.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use reprise_cri::v1::*;

use crate::case::cases;
use crate::requests::With;
use crate::scene::{Pod, Scene, eventually};

cases![
    a_host_port_leads_to_the_pod,
    a_host_port_leads_to_the_pod_for_udp_too,
    a_host_port_of_one_address_is_there_alone,
    a_host_port_is_free_again_when_the_pod_is_gone,
    a_container_port_alone_maps_nothing,
];

/// A port that nobody has at the moment.
fn free_port() -> u16 {
    TcpListener::bind("0.0.0.0:0").unwrap().local_addr().unwrap().port()
}

fn mapping(protocol: Protocol, host_port: u16, host_ip: &str) -> PortMapping {
    PortMapping {
        protocol: protocol.into(),
        container_port: 8080,
        host_port: host_port.into(),
        host_ip: host_ip.to_owned(),
    }
}

async fn answering(scene: &Scene, mapping: PortMapping) -> Pod {
    let protocol = if mapping.protocol() == Protocol::Udp { "udp" } else { "tcp" };
    let pod = scene.pod_of(scene.pod_config("pod").with(|pod| pod.port_mappings.push(mapping))).await;
    let config = scene.container("main", &["answer", protocol, "8080", "here", "print", "up", "forever"]);
    let path = scene.log_path(&pod, &config);
    scene.run(&pod, config).await;
    scene.logged(&path, "up").await;
    pod
}

/// The start of what the Pod says by TCP, or nothing.
fn ask(address: &str) -> String {
    let mut answer = String::new();
    let connected = TcpStream::connect_timeout(&address.parse().unwrap(), Duration::from_secs(2));
    if let Ok(mut connection) = connected {
        connection.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        // The answer may come without anything being asked.
        connection.write_all(b"?\n").ok();
        connection.read_to_string(&mut answer).ok();
    }
    answer
}

/// An address of the host that is not loopback: that of the Pods' bridge, their gateway.
fn gateway(scene: &Scene) -> String {
    scene.subnet().replace(".0/24", ".1")
}

async fn a_host_port_leads_to_the_pod(scene: &Scene) {
    let port = free_port();
    answering(scene, mapping(Protocol::Tcp, port, "")).await;
    for host in [gateway(scene), "127.0.0.1".to_owned()] {
        let address = format!("{host}:{port}");
        eventually(&format!("an answer from {address}"), async || ask(&address).starts_with("here").then_some(()))
            .await;
    }
    let other = scene.pod().await;
    let seen = scene.report_of(&other, &["ask", "tcp", &format!("{}:{port}", gateway(scene))]).await;
    assert!(seen.contains("here"), "from another Pod: {seen}");
}

async fn a_host_port_leads_to_the_pod_for_udp_too(scene: &Scene) {
    let port = free_port();
    answering(scene, mapping(Protocol::Udp, port, "")).await;
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let address = format!("{}:{port}", gateway(scene));
    let answer = async || {
        socket.send_to(b"?", &address).unwrap();
        let mut buffer = [0; 100];
        let length = socket.recv(&mut buffer).ok()?;
        Some(String::from_utf8_lossy(&buffer[..length]).into_owned())
    };
    let said = eventually(&format!("an answer from {address}"), answer).await;
    assert!(said.starts_with("here"), "{said}");
}

async fn a_host_port_of_one_address_is_there_alone(scene: &Scene) {
    let port = free_port();
    answering(scene, mapping(Protocol::Tcp, port, "127.0.0.1")).await;
    let address = format!("127.0.0.1:{port}");
    eventually("an answer from loopback", async || ask(&address).starts_with("here").then_some(())).await;
    assert_eq!(ask(&format!("{}:{port}", gateway(scene))), "");
}

async fn a_host_port_is_free_again_when_the_pod_is_gone(scene: &Scene) {
    let port = free_port();
    for _ in 0..2 {
        let pod = answering(scene, mapping(Protocol::Tcp, port, "")).await;
        let address = format!("127.0.0.1:{port}");
        eventually("an answer", async || ask(&address).starts_with("here").then_some(())).await;
        scene.stop_pod(&pod.id).await.unwrap();
        assert_eq!(ask(&address), "");
        scene.remove_pod(&pod.id).await.unwrap();
    }
    TcpListener::bind(("0.0.0.0", port)).unwrap();
}

async fn a_container_port_alone_maps_nothing(scene: &Scene) {
    let pod = answering(scene, mapping(Protocol::Tcp, 0, "")).await;
    let address = format!("{}:8080", scene.address(&pod).await);
    assert!(ask(&address).starts_with("here"), "the Pod's own address has it");
}
