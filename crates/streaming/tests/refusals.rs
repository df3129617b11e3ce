//! What clients are refused, and what they get no further with.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod harness;

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use harness::{Actor, action, dial, server, soon, streams};
use reprise_streaming::client::{ClientError, CommandProtocol, connect_command};
use reprise_streaming::{CommandSession, Outcome, StreamServer, Timeouts};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

const SPDY: &str = "connection: Upgrade\r\nupgrade: SPDY/3.1\r\nx-stream-protocol-version: ";

fn exec_url(server: &StreamServer<Actor>) -> String {
    let act = action(async |session: CommandSession| session.control.finish(Outcome::Exited(0)).await);
    server.exec_url(streams("o"), act).unwrap()
}

/// All that the server answers to this request.
async fn raw(url: &str, headers: &str, after: &[u8]) -> String {
    let (mut stream, request) = dial(url).await;
    let head = format!("GET {} HTTP/1.1\r\nhost: x\r\n{headers}\r\n\r\n", request.uri());
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(after).await.unwrap();
    let mut answer = Vec::new();
    // A server that is rude to nonsense is fine too.
    let _ = soon(stream.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_request_that_cannot_be_streamed_is_told_why() {
    let server = server(Timeouts::default()).await;
    let plain = raw(&exec_url(&server), "connection: close", b"").await;
    assert!(plain.starts_with("HTTP/1.1 400 ") && plain.contains("asks for no upgrade"), "{plain}");
    let version = raw(&exec_url(&server), &format!("{SPDY}v9.channel.k8s.io"), b"").await;
    assert!(version.starts_with("HTTP/1.1 403 "), "{version}");
    assert!(version.contains("x-accepted-stream-protocol-versions: v4.channel.k8s.io"), "{version}");
    let websocket = "connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13";
    let keyless = raw(&exec_url(&server), websocket, b"").await;
    assert!(keyless.starts_with("HTTP/1.1 400 ") && keyless.contains("Sec-WebSocket-Key"), "{keyless}");
    let unknown = format!("{websocket}\r\nsec-websocket-key: AAAA\r\nsec-websocket-protocol: chat");
    let unknown = raw(&exec_url(&server), &unknown, b"").await;
    assert!(unknown.starts_with("HTTP/1.1 403 ") && unknown.contains("v5.channel.k8s.io"), "{unknown}");
}

#[tokio::test]
async fn an_address_is_good_once_and_only_for_what_it_was_made_for() {
    let server = server(Timeouts::default()).await;
    let url = exec_url(&server);
    let connect = async |url: &str| {
        let (transport, request) = dial(url).await;
        connect_command(transport, request, CommandProtocol::Spdy, streams("o"), Timeouts::default()).await
    };
    let is_unknown = |result| matches!(result, Err(ClientError::Refused { status, .. }) if status == 404);
    assert_eq!(connect(&url).await.unwrap().outcome().await.unwrap(), Outcome::Exited(0));
    assert!(is_unknown(connect(&url).await));
    assert!(is_unknown(connect(&exec_url(&server).replace("/exec/", "/attach/")).await));
    assert!(is_unknown(connect(&exec_url(&server).replace("/exec/", "/")).await));
}

#[tokio::test]
async fn nonsense_ends_its_connection_and_nothing_else() {
    for nonsense in [&[0x80, 3, 0, 1, 0, 0xff, 0xff, 0xff][..], &[0x80, 2, 0, 1, 0, 0, 0, 0], &[0xff; 64]] {
        let (sender, ended) = oneshot::channel::<()>();
        let server = server(Timeouts::default()).await;
        let act = action(async |session: CommandSession| {
            session.control.closed().await;
            drop(sender);
        });
        let url = server.exec_url(streams("o"), act).unwrap();
        let answer = raw(&url, &format!("{SPDY}v4.channel.k8s.io"), nonsense).await;
        assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
        assert!(soon(ended).await.is_err());
        assert!(raw(&exec_url(&server), "connection: close", b"").await.starts_with("HTTP/1.1 400 "));
    }
}

#[tokio::test]
async fn a_connection_on_which_nothing_moves_is_closed() {
    let server = server(Timeouts { idle: Duration::from_millis(200), ..Timeouts::default() }).await;
    for protocol in harness::PROTOCOLS {
        let (sender, ended) = oneshot::channel::<()>();
        let act = action(async |session: CommandSession| {
            session.control.closed().await;
            drop(sender);
        });
        let url = server.exec_url(streams("o"), act).unwrap();
        let (transport, request) = dial(&url).await;
        let client = connect_command(transport, request, protocol, streams("o"), Timeouts::default()).await.unwrap();
        assert!(soon(ended).await.is_err());
        soon(client.closed()).await;
    }
}

#[tokio::test]
async fn a_client_that_does_not_open_its_streams_is_left() {
    let server = server(Timeouts { creation: Duration::from_millis(200), ..Timeouts::default() }).await;
    let answer = raw(&exec_url(&server), &format!("{SPDY}v4.channel.k8s.io"), b"").await;
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
}

#[tokio::test]
async fn a_stream_that_the_command_does_not_have_is_refused() {
    let server = server(Timeouts::default()).await;
    let url = exec_url(&server);
    let (transport, request) = dial(&url).await;
    let client = connect_command(transport, request, CommandProtocol::Spdy, streams("ioe"), Timeouts::default()).await;
    assert!(matches!(client, Err(ClientError::Stream("stdin"))), "{client:?}");
}

#[tokio::test]
async fn old_websocket_protocols_are_spoken() {
    for (protocol, stdin, stdout, outcome) in [
        ("v4.channel.k8s.io", "\0hi\n", "\u{1}hi\n", "\"reason\":\"NonZeroExitCode\""),
        ("v4.base64.channel.k8s.io", "0aGkK", "1aGkK", "3eyJ"),
        ("base64.channel.k8s.io", "0aGkK", "1aGkK", "3Y29tbWFuZ"),
        ("channel.k8s.io", "\0hi\n", "\u{1}hi\n", "command terminated with exit code 3"),
        ("", "\0hi\n", "\u{1}hi\n", "command terminated with exit code 3"),
    ] {
        let server = server(Timeouts::default()).await;
        let act = action(async |mut session: CommandSession| {
            let mut line = [0; 3];
            session.stdin.as_mut().unwrap().read_exact(&mut line).await.unwrap();
            session.stdout.as_mut().unwrap().write_all(&line).await.unwrap();
            session.control.finish(Outcome::Exited(3)).await;
        });
        let url = server.exec_url(streams("io"), act).unwrap();
        let (transport, _) = dial(&url).await;
        let mut request = url.replace("http:", "ws:").into_client_request().unwrap();
        if !protocol.is_empty() {
            request.headers_mut().insert("sec-websocket-protocol", protocol.parse().unwrap());
        }
        let (mut socket, _) = client_async(request, transport).await.unwrap();
        socket.send(Message::text(stdin)).await.unwrap();
        let mut messages = Vec::new();
        while let Some(Ok(message @ (Message::Binary(_) | Message::Text(_)))) = soon(socket.next()).await {
            messages.push(message.to_text().unwrap().to_owned());
        }
        assert_eq!(messages.len(), 3, "{protocol}: {messages:?}");
        assert_eq!(messages[0].len(), 1, "the first message only says that there is one");
        assert_eq!(messages[1], stdout, "{protocol}");
        assert!(messages[2].contains(outcome), "{protocol}: {}", messages[2]);
    }
}

#[tokio::test]
async fn a_message_that_is_too_long_ends_the_connection() {
    let (sender, ended) = oneshot::channel();
    let server = server(Timeouts::default()).await;
    let act = action(async |mut session: CommandSession| {
        let read = session.stdin.as_mut().unwrap().read(&mut [0]).await;
        sender.send(read.map_err(|error| error.kind())).unwrap();
    });
    let url = server.exec_url(streams("io"), act).unwrap();
    let (transport, _) = dial(&url).await;
    let mut request = url.replace("http:", "ws:").into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", "v5.channel.k8s.io".parse().unwrap());
    let (mut socket, _) = client_async(request, transport).await.unwrap();
    // The server stops reading in the middle.
    let _ = socket.send(Message::Binary(vec![0; 17 * 1024 * 1024].into())).await;
    assert_eq!(soon(ended).await.unwrap(), Err(std::io::ErrorKind::ConnectionReset));
}
