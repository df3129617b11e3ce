//! Clients over HTTP/2 connections that many share, for a process that is many nodes.

use std::sync::Arc;
use std::time::Duration;

use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kube::client::{Body, ConfigExt};
use kube::{Client, Config};
use tower::ServiceBuilder;

use super::CONNECT_LIMIT;

/// What the kubelet's client offers, in this order.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];
/// A connection that is silent for this long is asked whether it still is one, and given up if no answer comes in time
/// (client-go's `HTTP2_READ_IDLE_TIMEOUT_SECONDS` and `HTTP2_PING_TIMEOUT_SECONDS`).
const SILENCE: Duration = Duration::from_secs(30);
const ANSWER_LIMIT: Duration = Duration::from_secs(15);

/// A client whose calls and watches, however many, share one connection with a server that speaks HTTP/2. One that does not has
/// a connection for each that is under way.
pub(super) fn client(config: &Config) -> Result<Client, kube::Error> {
    let mut tls = config.rustls_client_config()?;
    tls.alpn_protocols = PROTOCOLS.iter().map(|name| name.to_vec()).collect();
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT_LIMIT));
    let connector = hyper_rustls::HttpsConnector::from((tcp, Arc::new(tls)));
    let http: HttpClient<_, Body> = HttpClient::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .http2_keep_alive_interval(SILENCE)
        .http2_keep_alive_timeout(ANSWER_LIMIT)
        .build(connector);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(tower::BoxError::from)
        .service(http);
    Ok(Client::new(service, config.default_namespace.clone()))
}
