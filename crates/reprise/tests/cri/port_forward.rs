//! Connections to ports of a Pod through the runtime.

use reprise_cri::v1::*;
use reprise_streaming::client::PortForwardProtocol;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::case::cases;
use crate::requests::{SandboxParts, With};
use crate::scene::{Scene, soon};
use crate::stream::forward;

cases![
    connections_reach_the_pods_port,
    several_connections_at_once_are_kept_apart,
    a_port_that_nobody_listens_on_is_an_error_on_that_connection_alone,
    ports_of_a_pod_on_the_hosts_network_are_reached,
    a_sandbox_that_is_not_ready_is_refused,
];

fn protocols(scene: &Scene) -> Vec<PortForwardProtocol> {
    if scene.differs("streaming::websocket") {
        vec![PortForwardProtocol::Spdy]
    } else {
        vec![PortForwardProtocol::Tunnel, PortForwardProtocol::Spdy]
    }
}

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: pod\r\nConnection: close\r\n\r\n";

/// Asks the workload's server through a connection.
async fn get(client: &reprise_streaming::client::ClientPortForward, port: u16) -> String {
    let mut connection = soon(client.open(port)).await.unwrap();
    soon(connection.data.write_all(REQUEST)).await.unwrap();
    let mut answer = String::new();
    soon(connection.data.read_to_string(&mut answer)).await.unwrap();
    answer
}

async fn served(scene: &Scene, port: &str) -> crate::scene::Pod {
    let pod = scene.pod().await;
    let config = scene.container("main", &["serve", port, "print", "up", "forever"]);
    let path = scene.log_path(&pod, &config);
    scene.run(&pod, config).await;
    scene.logged(&path, "up").await;
    pod
}

async fn connections_reach_the_pods_port(scene: &Scene) {
    let pod = served(scene, "8080").await;
    for protocol in protocols(scene) {
        let client = forward(scene, protocol, &pod.id, &[8080]).await;
        for _ in 0..2 {
            let answer = get(&client, 8080).await;
            assert!(answer.starts_with("HTTP/1.1 200 OK"), "{protocol:?}: {answer:?}");
        }
    }
}

async fn several_connections_at_once_are_kept_apart(scene: &Scene) {
    let pod = served(scene, "8080").await;
    for protocol in protocols(scene) {
        let client = forward(scene, protocol, &pod.id, &[8080]).await;
        let answers = futures::future::join_all((0..10).map(|_| get(&client, 8080))).await;
        assert!(answers.iter().all(|answer| answer.ends_with("ok\n")), "{answers:?}");
    }
}

async fn a_port_that_nobody_listens_on_is_an_error_on_that_connection_alone(scene: &Scene) {
    let pod = served(scene, "8080").await;
    for protocol in protocols(scene) {
        let client = forward(scene, protocol, &pod.id, &[8080, 81]).await;
        let mut connection = soon(client.open(81)).await.unwrap();
        let mut error = String::new();
        soon(connection.error.read_to_string(&mut error)).await.unwrap();
        assert!(error.contains("refused"), "{error:?}");
        assert!(get(&client, 8080).await.starts_with("HTTP/1.1 200 OK"));
    }
}

async fn ports_of_a_pod_on_the_hosts_network_are_reached(scene: &Scene) {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    let config = scene.pod_config("pod").with(|pod| {
        pod.namespaces().network = NamespaceMode::Node.into();
        pod.hostname.clear();
    });
    let pod = scene.pod_of(config).await;
    // Taken by the test itself: to the runtime it is a port of the host.
    let answering = tokio::task::spawn_blocking(move || {
        use std::io::{Read, Write};
        let (mut connection, _) = free.accept().unwrap();
        connection.read_exact(&mut [0; REQUEST.len()]).unwrap();
        connection.write_all(b"host").unwrap();
    });
    let client = forward(scene, PortForwardProtocol::Spdy, &pod.id, &[i32::from(port)]).await;
    assert_eq!(get(&client, port).await, "host");
    answering.await.unwrap();
}

async fn a_sandbox_that_is_not_ready_is_refused(scene: &Scene) {
    let pod = scene.pod().await;
    scene.stop_pod(&pod.id).await.unwrap();
    for id in [pod.id.as_str(), "0123456789abcdef"] {
        let request = PortForwardRequest { pod_sandbox_id: id.to_owned(), port: vec![80] };
        assert!(scene.runtime().port_forward(request).await.is_err(), "{id}");
    }
}
