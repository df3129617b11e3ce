//! The versions of the protocol before v4, which no client here speaks.

use hyper::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::request;
use crate::begin;
use crate::link::{Link, Outgoing};
use crate::protocol::STREAM_TYPE;
use crate::spdy::{Headers, Role};
use crate::stream::{StreamReader, StreamWriter};
use crate::{CommandSession, CommandStreams, Outcome, PortForwardSession, StreamHandler, StreamServer, Timeouts};

/// Echoes a line and exits with the code that is asked for.
struct Echo;

impl StreamHandler for Echo {
    type Exec = i32;
    type Attach = ();
    type PortForward = ();

    async fn exec(&self, code: i32, mut session: CommandSession) {
        let mut line = String::new();
        session.stdin.as_mut().unwrap().read_to_string(&mut line).await.unwrap();
        session.stdout.as_mut().unwrap().write_all(line.as_bytes()).await.unwrap();
        session.control.finish(Outcome::Exited(code)).await;
    }

    async fn attach(&self, _request: (), _session: CommandSession) {}

    async fn port_forward(&self, _request: (), _session: PortForwardSession) {}
}

fn open(link: &Link, stream: u32, kind: &str) -> (StreamReader, StreamWriter) {
    link.try_send(Outgoing::Open { stream, headers: Headers::new([(STREAM_TYPE, kind)]) });
    link.open(stream)
}

/// What the client of such a version gets: output, and what is said about the end.
async fn run(version: &'static str, kinds: &[&str], code: i32) -> (String, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = StreamServer::start(listener, Echo, Timeouts::default()).unwrap();
    let streams = CommandStreams::new(true, true, false, true).unwrap();
    let url = server.exec_url(streams, code).unwrap();
    let transport = TcpStream::connect(address).await.unwrap();
    let path = url.split_once(&address.to_string()).unwrap().1;
    let request = Request::get(path).header("host", "test").body(()).unwrap();
    let transport = request::spdy(transport, request, version).await.unwrap();
    let (link, _) = begin::spdy(transport, Role::Client, Timeouts::default().idle).unwrap();
    let mut ends: Vec<_> = (1..).step_by(2).zip(kinds).map(|(stream, kind)| open(&link, stream, kind)).collect();
    let (_, mut stdin) = ends.remove(2);
    stdin.write_all(b"line").await.unwrap();
    drop(stdin);
    let (mut output, mut error) = (String::new(), String::new());
    ends[1].0.read_to_string(&mut output).await.unwrap();
    ends[0].0.read_to_string(&mut error).await.unwrap();
    (output, error)
}

#[tokio::test]
async fn failures_are_told_as_text_and_success_is_silent() {
    let text = "command terminated with exit code 3";
    for (version, kinds) in [
        ("v3.channel.k8s.io", &["error", "stdout", "stdin", "resize"][..]),
        ("v2.channel.k8s.io", &["error", "stdout", "stdin"]),
        ("channel.k8s.io", &["error", "stdout", "stdin"]),
    ] {
        assert_eq!(run(version, kinds, 3).await, ("line".into(), text.into()), "{version}");
        assert_eq!(run(version, kinds, 0).await, ("line".into(), String::new()), "{version}");
    }
}
