//! Accepts connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustix::net::sockopt::{set_ip_freebind, set_ipv6_freebind};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use super::connection;
use super::tls;
use super::under_way::Places;
use crate::error::StartError;
use crate::security::certificates::{Certificates, Identity};
use crate::server::Shared;

/// Each may be a watch of a client that speaks HTTP/1.1. More are closed at once: a client that is told so tries again, one that waits does not.
const MAX_CONNECTIONS: usize = 16 << 10;
/// Connections that wait to be taken, as many as the standard library has it.
const BACKLOG: u32 = 128;
/// Out of descriptors: there will be some when others close theirs.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);
/// How long connections may take to end once the server closes.
const CLOSING: Duration = Duration::from_secs(5);

/// The API while it is served.
#[derive(Debug)]
pub(crate) struct Listening {
    /// Where.
    pub address: SocketAddr,
    /// Ends when all connections have.
    pub task: JoinHandle<()>,
}

/// A socket that is bound, before anything is served.
pub(crate) async fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|source| StartError::Listen { address, source })
}

/// The same at an address that may come later, and go and come back, as that of a bridge does.
pub(crate) fn bind_ahead(address: SocketAddr) -> Result<TcpListener, StartError> {
    let bound = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseaddr(true)?;
        match address {
            SocketAddr::V4(_) => set_ip_freebind(&socket, true)?,
            SocketAddr::V6(_) => set_ipv6_freebind(&socket, true)?,
        }
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    bound().map_err(|source| StartError::Listen { address, source })
}

/// Serves the API until the server closes. Where the first of the listeners is counts as its address.
pub(crate) fn listen(
    listeners: Vec<TcpListener>,
    server: Shared,
    certificates: &Certificates,
    serving: &Identity,
) -> Result<Listening, StartError> {
    let acceptor = tls::acceptor(certificates, serving)?;
    let anywhere = SocketAddr::from(([0, 0, 0, 0], 0));
    let failed = |source| StartError::Listen { address: anywhere, source };
    let address = listeners.first().map(TcpListener::local_addr).transpose().map_err(failed)?;
    let bounds = Bounds { slots: Arc::new(Semaphore::new(MAX_CONNECTIONS)), places: Places::default() };
    let mut all = JoinSet::new();
    for listener in listeners {
        all.spawn(accept(listener, acceptor.clone(), Arc::clone(&server), bounds.clone()));
    }
    let task = tokio::spawn(async move { while all.join_next().await.is_some() {} });
    Ok(Listening { address: address.unwrap_or(anywhere), task })
}

/// What connections have together, wherever they were accepted.
#[derive(Clone)]
struct Bounds {
    slots: Arc<Semaphore>,
    places: Places,
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, server: Shared, bounds: Bounds) {
    let mut connections = JoinSet::new();
    let Bounds { slots, places } = bounds;
    loop {
        let accepted = tokio::select! {
            () = server.closing.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let Ok(slot) = Arc::clone(&slots).try_acquire_owned() else {
                    tracing::warn!(%peer, "a connection is closed at once: {MAX_CONNECTIONS} are open");
                    continue;
                };
                let (acceptor, server, places) = (acceptor.clone(), Arc::clone(&server), places.clone());
                connections.spawn(async move {
                    if let Err(error) = connection::serve(stream, acceptor, server, places).await {
                        tracing::debug!(%peer, %error, "a connection broke");
                    }
                    drop(slot);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection can't be accepted");
                tokio::time::sleep(ACCEPT_AGAIN).await;
            }
        }
        // Those that have ended need no place any more.
        while connections.try_join_next().is_some() {}
    }
    let all = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(CLOSING, all).await.is_err() {
        tracing::debug!("some connections are cut off");
    }
}
