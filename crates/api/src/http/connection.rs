//! One connection: of HTTP/2, with many requests at once, or of HTTP/1.1, as whatever changes the protocol needs it (exec,
//! attach, port-forward). TLS settles which of both.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::TcpStream;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_rustls::TlsAcceptor;

use super::answer::{Body, refusal};
use super::route;
use super::stall::{MayPause, STALL, Unstalled};
use super::tls::HTTP2;
use super::under_way::{Places, Responses};
use crate::security::authentication::PeerCertificate;
use crate::server::Shared;

/// A client that says nothing holds a connection no longer; one that is kept alive is opened again when it is needed.
const IDLE: Duration = Duration::from_secs(300);
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Requests of one connection at once, most of them watches. Whoever has more waits, or opens another connection.
const MAX_STREAMS: u32 = 4096;
/// So much of a request's body may come before somebody reads it, as it waits for its turn.
const STREAM_WINDOW: u32 = 64 << 10;
/// All of them may: those who wait must not keep out what those need who are served.
const CONNECTION_WINDOW: u32 = MAX_STREAMS * STREAM_WINDOW;
/// Requests that were given up before they were looked at. More at once is no client that has changed its mind.
const MAX_GIVEN_UP: usize = 1024;
/// Longer than any token with all that browsers and proxies add.
const MAX_HEADERS: u32 = 64 << 10;
/// What one response may have ready to be sent.
const SEND_BUFFER: usize = 64 << 10;
/// How often a client of HTTP/2 is asked whether it is there, and how long its answer may take.
const PING: Duration = Duration::from_secs(60);
const PONG: Duration = Duration::from_secs(30);
/// How often it is looked at which responses nobody takes anything of.
const LOOK: Duration = Duration::from_secs(15);

/// Answers all requests of a connection, until the client or the server closes it.
pub(super) async fn serve(stream: TcpStream, acceptor: TlsAcceptor, server: Shared, places: Places) -> io::Result<()> {
    // Events and keystrokes should not wait for more of them.
    stream.set_nodelay(true)?;
    let may_pause = MayPause::default();
    let stream = Unstalled::new(stream, STALL, may_pause.clone());
    let stream = tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await??;
    let tls = stream.get_ref().1;
    // TLS lets only certificates through that it has checked.
    let chain = tls.peer_certificates().unwrap_or_default();
    let certificate = chain.first().map(|first| Arc::new(PeerCertificate::new(first.clone().into_owned())));
    let many = tls.alpn_protocol() == Some(HTTP2);
    let responses = Arc::new(Responses::new(places));
    let service = {
        let (server, responses) = (Arc::clone(&server), Arc::clone(&responses));
        service_fn(move |request: Request<Incoming>| {
            let (server, certificate, responses) = (Arc::clone(&server), certificate.clone(), Arc::clone(&responses));
            // A pause of one response is one of its whole connection only where there is no other.
            let may_pause = if many { MayPause::default() } else { may_pause.clone() };
            async move { Ok::<_, Infallible>(answer(server, certificate, responses, may_pause, request).await) }
        })
    };
    let builder = builder(many);
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let mut closing = std::pin::pin!(server.closing.cancelled());
    let mut look = interval_at(Instant::now() + LOOK, LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut ends = false;
    loop {
        tokio::select! {
            done = connection.as_mut() => return done.map_err(io::Error::other),
            () = closing.as_mut(), if !ends => {
                ends = true;
                connection.as_mut().graceful_shutdown();
            }
            _ = look.tick(), if many => {
                responses.drop_stalled(STALL);
                if !ends && responses.idle_for() >= IDLE {
                    ends = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }
}

/// The answer to one request, as one of those that are under way.
async fn answer(
    server: Shared,
    certificate: Option<Arc<PeerCertificate>>,
    responses: Arc<Responses>,
    may_pause: MayPause,
    mut request: Request<Incoming>,
) -> Response<Body> {
    let place = match responses.begin() {
        Ok(place) => place,
        Err(refused) => return refusal(&refused),
    };
    request.extensions_mut().insert(may_pause.clone());
    let response = route::answer(&server, certificate.as_deref(), request).await;
    response.map(|body| place.with(body, may_pause))
}

/// `many`: HTTP/2.
fn builder(many: bool) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(IDLE);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_pending_accept_reset_streams(MAX_GIVEN_UP)
        .max_header_list_size(MAX_HEADERS)
        .max_send_buf_size(SEND_BUFFER)
        .keep_alive_interval(PING)
        .keep_alive_timeout(PONG);
    if many { builder.http2_only() } else { builder.http1_only() }
}
