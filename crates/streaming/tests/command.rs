//! Exec and attach, from one end to the other, in every protocol that the client speaks.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod harness;

use harness::{PROTOCOLS, action, dial, exec, server, soon, streams};
use reprise_streaming::client::{ClientError, connect_command};
use reprise_streaming::{Outcome, TerminalSize, Timeouts};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::oneshot;

const LARGE: usize = 64 * 1024 * 1024;

#[tokio::test]
async fn the_end_of_stdin_reaches_the_command_and_its_output_comes_back() {
    for protocol in PROTOCOLS {
        let mut client = exec(protocol, "ioe", async |mut session| {
            let mut input = String::new();
            session.stdin.as_mut().unwrap().read_to_string(&mut input).await.unwrap();
            session.stdout.as_mut().unwrap().write_all(input.to_uppercase().as_bytes()).await.unwrap();
            session.stderr.as_mut().unwrap().write_all(b"done").await.unwrap();
            session.control.finish(Outcome::Exited(0)).await;
        })
        .await;
        client.stdin.take().unwrap().write_all(b"hello").await.unwrap();
        let (mut out, mut err) = (String::new(), String::new());
        soon(client.stdout.take().unwrap().read_to_string(&mut out)).await.unwrap();
        soon(client.stderr.take().unwrap().read_to_string(&mut err)).await.unwrap();
        assert_eq!((out.as_str(), err.as_str()), ("HELLO", "done"), "{protocol:?}");
        assert_eq!(soon(client.outcome()).await.unwrap(), Outcome::Exited(0));
    }
}

#[tokio::test]
async fn the_client_learns_how_the_command_ended() {
    for protocol in PROTOCOLS {
        let told = async |outcome: Outcome| {
            let mut client = exec(protocol, "o", async |session| session.control.finish(outcome).await).await;
            soon(client.outcome()).await
        };
        assert_eq!(told(Outcome::Exited(0)).await.unwrap(), Outcome::Exited(0));
        assert_eq!(told(Outcome::Exited(137)).await.unwrap(), Outcome::Exited(137));
        let failed = told(Outcome::Failed("no such container".into())).await.unwrap();
        assert_eq!(failed, Outcome::Failed("Internal error occurred: no such container".into()));
    }
}

#[tokio::test]
async fn a_command_that_is_dropped_ends_without_an_outcome() {
    for protocol in PROTOCOLS {
        let mut client = exec(protocol, "o", async |session| drop(session)).await;
        assert!(matches!(soon(client.outcome()).await, Err(ClientError::NoOutcome | ClientError::Connection(_))));
    }
}

#[tokio::test]
async fn the_command_sees_the_newest_size_of_the_terminal() {
    for protocol in PROTOCOLS {
        let (sender, sizes) = oneshot::channel();
        let mut client = exec(protocol, "iot", async |mut session| {
            let last = TerminalSize { width: 100, height: 40 };
            while session.resizes.next().await.unwrap() != last {}
            sender.send(last).unwrap();
            session.control.finish(Outcome::Exited(0)).await;
        })
        .await;
        for (width, height) in [(80, 24), (90, 30), (100, 40)] {
            client.resize(TerminalSize { width, height }).await.unwrap();
        }
        assert_eq!(soon(sizes).await.unwrap().width, 100);
        assert_eq!(soon(client.outcome()).await.unwrap(), Outcome::Exited(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn large_transfers_lose_nothing_either_way() {
    for protocol in PROTOCOLS {
        let (sender, received) = oneshot::channel();
        let mut client = exec(protocol, "io", async |mut session| {
            let (stdin, stdout) = (session.stdin.take().unwrap(), session.stdout.take().unwrap());
            let (input, output) = tokio::join!(digest_of(stdin), write_pattern(stdout, 2));
            sender.send((input, output)).unwrap();
            session.control.finish(Outcome::Exited(7)).await;
        })
        .await;
        let (stdin, stdout) = (client.stdin.take().unwrap(), client.stdout.take().unwrap());
        let all = async { tokio::join!(write_pattern(stdin, 1), digest_of(stdout), client.outcome()) };
        let (sent, arrived, outcome) = soon(all).await;
        let (server_received, server_sent) = received.await.unwrap();
        assert_eq!(outcome.unwrap(), Outcome::Exited(7));
        assert_eq!(sent, server_received, "{protocol:?}");
        assert_eq!(arrived, server_sent, "{protocol:?}");
        assert_ne!(sent, arrived);
    }
}

#[tokio::test]
async fn all_output_before_the_end_arrives_though_the_client_reads_late_and_sends_what_nobody_reads() {
    for protocol in PROTOCOLS {
        let mut client = exec(protocol, "io", async |mut session| {
            session.stdout.as_mut().unwrap().write_all(&vec![7; LARGE / 16]).await.unwrap();
            session.control.finish(Outcome::Exited(1)).await;
        })
        .await;
        let mut stdin = client.stdin.take().unwrap();
        let writing = tokio::spawn(async move { while stdin.write_all(&[0; 4096]).await.is_ok() {} });
        let mut out = Vec::new();
        soon(client.stdout.take().unwrap().read_to_end(&mut out)).await.unwrap();
        assert_eq!(out.len(), LARGE / 16);
        assert_eq!(soon(client.outcome()).await.unwrap(), Outcome::Exited(1));
        drop(client);
        soon(writing).await.unwrap();
    }
}

#[tokio::test]
async fn a_command_that_does_not_read_holds_its_client_back() {
    for protocol in PROTOCOLS {
        let (read, may_read) = oneshot::channel::<()>();
        let mut client = exec(protocol, "io", async |mut session| {
            may_read.await.unwrap();
            digest_of(session.stdin.take().unwrap()).await;
            session.control.finish(Outcome::Exited(0)).await;
        })
        .await;
        let mut stdin = client.stdin.take().unwrap();
        let mut sent = 0;
        while let Ok(written) =
            tokio::time::timeout(std::time::Duration::from_millis(500), stdin.write(&[1; 8192])).await
        {
            sent += written.unwrap();
            assert!(sent < LARGE, "{protocol:?}: nothing holds the client back");
        }
        read.send(()).unwrap();
        soon(stdin.write_all(&[1; 8192])).await.unwrap();
        drop(stdin);
        assert_eq!(soon(client.outcome()).await.unwrap(), Outcome::Exited(0));
    }
}

#[tokio::test]
async fn a_client_that_vanishes_is_noticed() {
    for protocol in PROTOCOLS {
        let (noticed, all) = oneshot::channel();
        let server = server(Timeouts::default()).await;
        let vanished = action(async |mut session: reprise_streaming::CommandSession| {
            session.control.closed().await;
            let input = session.stdin.as_mut().unwrap().read(&mut [0; 16]).await.map_err(|error| error.kind());
            let output = session.stdout.as_mut().unwrap().write(b"x").await.map_err(|error| error.kind());
            session.control.finish(Outcome::Exited(0)).await;
            noticed.send((input, output)).unwrap();
        });
        let url = server.attach_url(streams("io"), vanished).unwrap();
        let (transport, request) = dial(&url).await;
        let transport = transport.into_std().unwrap();
        let plug = transport.try_clone().unwrap();
        let transport = tokio::net::TcpStream::from_std(transport).unwrap();
        let client = connect_command(transport, request, protocol, streams("io"), Timeouts::default()).await.unwrap();
        plug.shutdown(std::net::Shutdown::Both).unwrap();
        let (input, output) = soon(all).await.unwrap();
        assert_eq!(input, Err(std::io::ErrorKind::ConnectionReset), "{protocol:?}");
        assert_eq!(output, Err(std::io::ErrorKind::BrokenPipe), "{protocol:?}");
        soon(client.closed()).await;
    }
}

#[tokio::test]
async fn a_client_that_leaves_ends_the_commands_input_though_the_command_only_reads() {
    for protocol in PROTOCOLS {
        let (noticed, all) = oneshot::channel();
        let mut client = exec(protocol, "io", async |mut session| {
            let mut input = Vec::new();
            // Whether it reads as an end or as a failure depends on what the protocol can say.
            let _ = session.stdin.as_mut().unwrap().read_to_end(&mut input).await;
            noticed.send(input).unwrap();
        })
        .await;
        client.stdin.as_mut().unwrap().write_all(b"last words").await.unwrap();
        drop(client);
        assert_eq!(soon(all).await.unwrap(), b"last words", "{protocol:?}");
    }
}

/// Writes a large pattern and gives its digest.
async fn write_pattern(mut into: impl AsyncWrite + Unpin, seed: u8) -> [u8; 32] {
    let mut digest = Sha256::new();
    let mut block = vec![0; 40_000];
    let mut left = LARGE;
    while left > 0 {
        for (index, byte) in block.iter_mut().enumerate().step_by(97) {
            *byte = (left.wrapping_mul(31).wrapping_add(index) as u8).wrapping_mul(seed);
        }
        let part = &block[..left.min(block.len())];
        digest.update(part);
        into.write_all(part).await.unwrap();
        left -= part.len();
    }
    into.shutdown().await.unwrap();
    digest.finalize().into()
}

/// Reads to the end and gives the digest.
async fn digest_of(mut from: impl AsyncRead + Unpin) -> [u8; 32] {
    let mut digest = Sha256::new();
    let mut block = vec![0; 64 * 1024];
    loop {
        match from.read(&mut block).await.unwrap() {
            0 => return digest.finalize().into(),
            length => digest.update(&block[..length]),
        }
    }
}
