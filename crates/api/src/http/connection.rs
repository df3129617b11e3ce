//! One connection.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::pki_types::CertificateDer;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::route;
use super::stall::{MayPause, STALL, Unstalled};
use crate::server::Shared;

/// A client that says nothing holds a connection no longer; one that is kept alive is opened again when it is needed.
const HEADER_TIMEOUT: Duration = Duration::from_secs(300);
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Answers all requests of a connection, until the client or the server closes it.
pub(super) async fn serve(stream: TcpStream, acceptor: TlsAcceptor, server: Shared) -> io::Result<()> {
    // Events and keystrokes should not wait for more of them.
    stream.set_nodelay(true)?;
    let may_pause = MayPause::default();
    let stream = Unstalled::new(stream, STALL, may_pause.clone());
    let stream = tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await??;
    // TLS lets only certificates through that it has checked.
    let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let certificate: Option<Arc<CertificateDer<'static>>> =
        chain.first().map(|first| Arc::new(first.clone().into_owned()));
    let closing = server.closing.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(may_pause.clone());
        let (server, certificate) = (Arc::clone(&server), certificate.clone());
        async move {
            Ok::<_, Infallible>(
                route::answer(&server, certificate.as_ref().map(|der| der.as_ref().as_ref()), request).await,
            )
        }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    let connection = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        done = connection.as_mut() => return done.map_err(io::Error::other),
        () = closing.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    connection.await.map_err(io::Error::other)
}
