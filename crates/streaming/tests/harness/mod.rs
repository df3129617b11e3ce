//! A server whose requests are what the test wants done, and connections to it.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use hyper::Request;
use reprise_streaming::client::{
    ClientCommand, ClientPortForward, CommandProtocol, PortForwardProtocol, connect_command, connect_port_forward,
};
use reprise_streaming::{CommandSession, CommandStreams, PortForwardSession, StreamHandler, StreamServer, Timeouts};
use tokio::net::{TcpListener, TcpStream};

pub const PROTOCOLS: [CommandProtocol; 2] = [CommandProtocol::WebSocket, CommandProtocol::Spdy];
pub const FORWARD_PROTOCOLS: [PortForwardProtocol; 2] = [PortForwardProtocol::Tunnel, PortForwardProtocol::Spdy];

/// What to do with a session.
pub type Action<S> = Box<dyn FnOnce(S) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

pub fn action<S, F: Future<Output = ()> + Send + 'static>(act: impl FnOnce(S) -> F + Send + 'static) -> Action<S> {
    Box::new(|session| Box::pin(act(session)))
}

pub struct Actor;

impl StreamHandler for Actor {
    type Exec = Action<CommandSession>;
    type Attach = Action<CommandSession>;
    type PortForward = Action<PortForwardSession>;

    async fn exec(&self, request: Self::Exec, session: CommandSession) {
        request(session).await;
    }

    async fn attach(&self, request: Self::Attach, session: CommandSession) {
        request(session).await;
    }

    async fn port_forward(&self, request: Self::PortForward, session: PortForwardSession) {
        request(session).await;
    }
}

pub async fn server(timeouts: Timeouts) -> StreamServer<Actor> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    StreamServer::start(listener, Actor, timeouts).unwrap()
}

/// The streams that these letters name: in, out, err, tty.
pub fn streams(letters: &str) -> CommandStreams {
    let has = |letter| letters.contains(letter);
    CommandStreams::new(has('i'), has('o'), has('e'), has('t')).unwrap()
}

/// The connection and the request for a URL.
pub async fn dial(url: &str) -> (TcpStream, Request<()>) {
    let uri: hyper::Uri = url.parse().unwrap();
    let authority = uri.authority().unwrap().as_str().to_owned();
    let stream = TcpStream::connect(&authority).await.unwrap();
    (stream, Request::get(uri.path()).header("host", authority).body(()).unwrap())
}

/// A client whose command the server runs by this action.
pub async fn exec<F: Future<Output = ()> + Send + 'static>(
    protocol: CommandProtocol,
    letters: &str,
    act: impl FnOnce(CommandSession) -> F + Send + 'static,
) -> ClientCommand {
    let server = server(Timeouts::default()).await;
    let url = server.exec_url(streams(letters), action(act)).unwrap();
    let (transport, request) = dial(&url).await;
    connect_command(transport, request, protocol, streams(letters), Timeouts::default()).await.unwrap()
}

/// A client whose port-forward the server does by this action.
pub async fn forward<F: Future<Output = ()> + Send + 'static>(
    protocol: PortForwardProtocol,
    act: impl FnOnce(PortForwardSession) -> F + Send + 'static,
) -> ClientPortForward {
    let server = server(Timeouts::default()).await;
    let url = server.port_forward_url(Vec::new(), action(act)).unwrap();
    let (transport, request) = dial(&url).await;
    connect_port_forward(transport, request, protocol, Timeouts::default()).await.unwrap()
}

/// Fails the test if this takes too long.
pub async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), what).await.expect("this should have happened by now")
}
