//! Port-forwards, from one end to the other.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod harness;

use std::future::pending;

use futures::{SinkExt, StreamExt};
use harness::{FORWARD_PROTOCOLS, action, dial, forward, server, soon};
use reprise_streaming::client::connect_port_forward;
use reprise_streaming::{PortConnection, PortForwardSession, Timeouts};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

/// Sends everything back until the client has no more, then says the port.
async fn echo(mut session: PortForwardSession) {
    while let Some(connection) = session.accept().await {
        tokio::spawn(echo_one(connection));
    }
}

async fn echo_one(mut connection: PortConnection) {
    let (mut reader, mut writer) = tokio::io::split(&mut connection.data);
    tokio::io::copy(&mut reader, &mut writer).await.unwrap();
    writer.write_all(&connection.port.to_be_bytes()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn many_connections_at_once_get_their_own_bytes_and_ends() {
    for protocol in FORWARD_PROTOCOLS {
        let client = std::sync::Arc::new(forward(protocol, echo).await);
        let one = |number: u16| {
            let client = client.clone();
            tokio::spawn(async move {
                let connection = client.open(number).await.unwrap();
                let (mut reader, mut writer) = tokio::io::split(connection.data);
                let sent: Vec<u8> = (0..700_000u32).map(|index| (index * u32::from(number)) as u8).collect();
                let write = async {
                    writer.write_all(&sent).await.unwrap();
                    writer.shutdown().await.unwrap();
                };
                let mut received = Vec::new();
                let (_, read) = tokio::join!(write, reader.read_to_end(&mut received));
                read.unwrap();
                assert_eq!(received.split_off(sent.len()), number.to_be_bytes());
                assert!(received == sent, "connection {number} got other bytes");
                let mut error = String::new();
                let mut errors = connection.error;
                errors.read_to_string(&mut error).await.unwrap();
                assert_eq!(error, "");
            })
        };
        let all: Vec<_> = (1..=24).map(one).collect();
        for connection in all {
            soon(connection).await.unwrap();
        }
    }
}

#[tokio::test]
async fn the_client_learns_why_a_connection_failed_and_can_open_another() {
    for protocol in FORWARD_PROTOCOLS {
        let client = forward(protocol, async |mut session| {
            session.accept().await.unwrap().fail("nothing listens on port 81").await;
            echo(session).await;
        })
        .await;
        let mut failed = client.open(81).await.unwrap();
        let (mut data, mut error) = (Vec::new(), String::new());
        soon(failed.error.read_to_string(&mut error)).await.unwrap();
        soon(failed.data.read_to_end(&mut data)).await.unwrap();
        assert_eq!((data.as_slice(), error.as_str()), (&b""[..], "nothing listens on port 81"));
        let mut second = client.open(80).await.unwrap();
        second.data.shutdown().await.unwrap();
        assert_eq!(soon(second.data.read_u16()).await.unwrap(), 80);
    }
}

#[tokio::test]
async fn the_pods_side_may_end_first() {
    for protocol in FORWARD_PROTOCOLS {
        let (sender, received) = oneshot::channel();
        let client = forward(protocol, async |mut session| {
            let mut connection = session.accept().await.unwrap();
            connection.data.write_all(b"bye").await.unwrap();
            connection.data.shutdown().await.unwrap();
            let mut rest = String::new();
            connection.data.read_to_string(&mut rest).await.unwrap();
            sender.send(rest).unwrap();
            pending::<()>().await;
        })
        .await;
        let mut connection = client.open(80).await.unwrap();
        let mut first = String::new();
        soon(connection.data.read_to_string(&mut first)).await.unwrap();
        assert_eq!(first, "bye");
        connection.data.write_all(b"later").await.unwrap();
        connection.data.shutdown().await.unwrap();
        assert_eq!(soon(received).await.unwrap(), "later");
    }
}

#[tokio::test]
async fn a_session_ends_when_its_client_leaves() {
    for protocol in FORWARD_PROTOCOLS {
        let (sender, ended) = oneshot::channel();
        let client = forward(protocol, async |mut session| {
            let mut connection = session.accept().await.unwrap();
            assert!(session.accept().await.is_none());
            let read = connection.data.read(&mut [0; 8]).await;
            sender.send(read.map_err(|error| error.kind())).unwrap();
        })
        .await;
        let connection = client.open(80).await.unwrap();
        drop(client);
        assert_eq!(soon(ended).await.unwrap(), Err(std::io::ErrorKind::ConnectionReset));
        drop(connection);
    }
}

#[tokio::test]
async fn a_client_that_is_dropped_by_the_server_is_told() {
    for protocol in FORWARD_PROTOCOLS {
        let server = server(Timeouts::default()).await;
        let url = server.port_forward_url(Vec::new(), action(async |session| drop(session))).unwrap();
        let (transport, request) = dial(&url).await;
        let client = connect_port_forward(transport, request, protocol, Timeouts::default()).await.unwrap();
        soon(client.closed()).await;
    }
}

#[tokio::test]
async fn channels_over_websocket_begin_with_their_ports() {
    let server = server(Timeouts::default()).await;
    let act = action(async |mut session: PortForwardSession| {
        let mut first = session.accept().await.unwrap();
        session.accept().await.unwrap().fail("refused").await;
        let byte = first.data.read_u8().await.unwrap();
        first.data.write_u8(byte + 1).await.unwrap();
        drop(first);
        assert!(session.accept().await.is_none(), "there are only two ports");
    });
    let url = server.port_forward_url(vec![80, 443], act).unwrap();
    let (transport, _) = dial(&url).await;
    let mut request = url.replace("http:", "ws:").into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", "v4.channel.k8s.io".parse().unwrap());
    let (mut socket, response) = client_async(request, transport).await.unwrap();
    assert_eq!(response.headers()["sec-websocket-protocol"], "v4.channel.k8s.io");
    socket.send(Message::Binary(vec![0, 41].into())).await.unwrap();
    let mut channels = vec![Vec::new(); 4];
    while let Some(Ok(Message::Binary(message))) = soon(socket.next()).await {
        channels[usize::from(message[0])].extend_from_slice(&message[1..]);
    }
    assert_eq!(channels, [vec![80, 0, 42], vec![80, 0], 443u16.to_le_bytes().to_vec(), b"\xbb\x01refused".to_vec()]);
}
