//! Connections to ports of a Pod.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream as StdTcpStream};
use std::os::fd::AsFd;
use std::time::Duration;

use reprise_cri::v1::PortForwardRequest;
use reprise_streaming::{DataStream, PortConnection, PortForwardSession};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::engine::Engine;
use super::failure::Failure;
use super::state::Sandbox;

/// A program in the Pod takes a connection at once, or its backlog is full.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

impl Engine {
    /// The sandbox, if it is ready.
    pub fn ready_sandbox(&self, id: &str) -> Result<std::sync::Arc<Sandbox>, Failure> {
        let sandbox = self.inventory.sandbox(id)?.ok_or(Failure::NotFound { kind: "sandbox", id: id.to_owned() })?;
        if sandbox.is_ready() { Ok(sandbox) } else { Err(super::containers::not_ready(&sandbox)) }
    }

    /// Connects what the client opens until it is gone, or the sandbox is: its network would live as long as a socket
    /// in it.
    pub async fn port_forward_session(&self, request: &PortForwardRequest, mut session: PortForwardSession) {
        let mut connections = JoinSet::new();
        let mut events = self.listen();
        loop {
            let connection = tokio::select! {
                connection = session.accept() => connection,
                Some(_) = connections.join_next() => continue,
                // What the event is, or whether some were missed, does not matter.
                _ = events.recv() => match self.ready_sandbox(&request.pod_sandbox_id) {
                    Ok(_) => continue,
                    Err(_) => break,
                },
            };
            let Some(connection) = connection else { break };
            match self.ready_sandbox(&request.pod_sandbox_id) {
                Ok(sandbox) => drop(connections.spawn(forward(sandbox.shim().map(|shim| shim.pid), connection))),
                Err(failure) => drop(connections.spawn(refuse(failure.to_string(), connection))),
            }
        }
    }
}

async fn refuse(sentence: String, connection: PortConnection) {
    connection.fail(&sentence).await;
}

/// Carries one connection both ways; each side may end its direction alone.
async fn forward(shim: Option<i32>, mut connection: PortConnection) {
    let port = connection.port;
    let dialled = match shim {
        Some(shim) => dial(shim, port).await,
        None => Err(io::Error::other("the sandbox is gone")),
    };
    match dialled {
        Ok(mut stream) => {
            // Small messages should not wait for more of them. Where that can't be set, they do.
            let _ = stream.set_nodelay(true);
            let carried = if connection.half_closes {
                tokio::io::copy_bidirectional(&mut connection.data, &mut stream).await.map(drop)
            } else {
                until_the_pod_ends(&mut connection.data, &mut stream).await
            };
            if let Err(error) = carried {
                tracing::debug!(port, %error, "a forwarded connection broke");
            }
        }
        Err(e) => connection.fail(&format!("can't connect to port {port} in the Pod: {e}")).await,
    }
}

/// Carries a connection whose client can't say that it has no more to send.
async fn until_the_pod_ends(client: &mut DataStream, pod: &mut TcpStream) -> io::Result<()> {
    let (mut from_pod, mut to_pod) = pod.split();
    let (mut from_client, mut to_client) = tokio::io::split(client);
    let up = async {
        tokio::io::copy(&mut from_client, &mut to_pod).await?;
        to_pod.shutdown().await?;
        std::future::pending::<io::Result<()>>().await
    };
    let down = async {
        tokio::io::copy(&mut from_pod, &mut to_client).await?;
        to_client.shutdown().await
    };
    tokio::select! {
        ended = up => ended,
        ended = down => ended,
    }
}

/// Connects to a port on the loopback address of the network namespace that the process `shim` is in.
async fn dial(shim: i32, port: u16) -> io::Result<TcpStream> {
    let (answer, dialled) = oneshot::channel();
    // A thread of its own, since it enters the namespace and never comes back. A socket stays where it was made.
    std::thread::Builder::new().name("port-forward".to_owned()).spawn(move || {
        // Whoever asked may be gone.
        let _ = answer.send(dial_inside(shim, port));
    })?;
    let stream = dialled.await.map_err(io::Error::other)??;
    stream.set_nonblocking(true)?;
    TcpStream::from_std(stream)
}

fn dial_inside(shim: i32, port: u16) -> io::Result<StdTcpStream> {
    let namespace = std::fs::File::open(format!("/proc/{shim}/ns/net"))?;
    move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
    let connect = |address: SocketAddr| StdTcpStream::connect_timeout(&address, CONNECT_LIMIT);
    let first = connect((Ipv4Addr::LOCALHOST, port).into());
    first.or_else(|e| connect((Ipv6Addr::LOCALHOST, port).into()).map_err(|_| e))
}
