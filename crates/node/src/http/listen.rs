//! Accepts connections.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use super::access::Access;
use super::config::HttpConfig;
use super::error::HttpError;
use super::serve::Server;
use super::{certificate, tls, token};
use crate::node::Inner;
use crate::paths::NodePaths;

/// A client that says nothing holds a connection no longer.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// More than all clients of a node have; each may be followed logs or a shell.
const MAX_CONNECTIONS: usize = 1024;
/// Out of descriptors: there will be some when others close theirs.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// The API while it is served.
#[derive(Debug)]
pub(crate) struct Listening {
    pub address: SocketAddr,
    pub task: JoinHandle<()>,
}

/// Serves the API until the task is aborted.
pub(crate) async fn start(
    config: &HttpConfig,
    paths: &NodePaths,
    node_name: &str,
    node: Weak<Inner>,
) -> Result<Listening, HttpError> {
    let folder = paths.http_folder();
    fs::create_dir_all(&folder).map_err(HttpError::file("create", &folder))?;
    let access = Access::new(token::read_or_make(&paths.http_token())?);
    let acceptor = tls::acceptor(config, &folder, node_name)?;
    let failed = |source| HttpError::Listen { address: config.address, source };
    let listener = TcpListener::bind(config.address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let task = tokio::spawn(accept(listener, acceptor, Arc::new(Server::new(node, access))));
    Ok(Listening { address, task })
}

/// All connections end with this task.
async fn accept(listener: TcpListener, acceptor: TlsAcceptor, server: Arc<Server>) {
    let mut connections = JoinSet::new();
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let Ok(slot) = Arc::clone(&slots).try_acquire_owned() else {
                    tracing::warn!(%peer, "a connection to the API is closed at once: {MAX_CONNECTIONS} are open");
                    continue;
                };
                let (acceptor, server) = (acceptor.clone(), Arc::clone(&server));
                connections.spawn(async move {
                    if let Err(error) = serve(stream, acceptor, server).await {
                        tracing::debug!(%peer, %error, "a connection to the API broke");
                    }
                    drop(slot);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection to the API can't be accepted");
                tokio::time::sleep(ACCEPT_AGAIN).await;
            }
        }
        // Those that have ended need no place any more.
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(stream: TcpStream, acceptor: TlsAcceptor, server: Arc<Server>) -> io::Result<()> {
    // Keystrokes should not wait for more of them.
    stream.set_nodelay(true)?;
    let stream = tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await??;
    // TLS lets only certificates through that it has checked.
    let leaf = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
    let certificate = leaf.map(|leaf| certificate::identity(leaf)).map(Arc::new);
    let service = service_fn(move |request| {
        let (server, certificate) = (Arc::clone(&server), certificate.clone());
        async move { Ok::<_, std::convert::Infallible>(server.answer(certificate.as_deref(), request).await) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    let connection = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
    connection.await.map_err(io::Error::other)
}
