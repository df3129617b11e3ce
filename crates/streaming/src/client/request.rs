//! The request that changes an HTTP/1.1 connection into a streaming one.

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::upgrade::Upgraded;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;

use super::error::ClientError;
use crate::begin::Transport;
use crate::upgrade::{PROTOCOL_VERSION, SPDY};
use crate::websocket::{new_key, proves_key};

/// Of a refusal, more than this is not read.
const MAX_MESSAGE: usize = 16 * 1024;

/// Asks for a WebSocket with this protocol.
pub(super) async fn websocket(
    transport: impl Transport,
    mut request: Request<()>,
    protocol: &'static str,
) -> Result<TokioIo<Upgraded>, ClientError> {
    let key = new_key();
    let headers = request.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol));
    // A key is base64, which any header can hold.
    headers.insert(header::SEC_WEBSOCKET_KEY, HeaderValue::try_from(&key).unwrap_or(HeaderValue::from_static("")));
    let response = send(transport, request).await?;
    let agreed = agreed(response.headers(), header::SEC_WEBSOCKET_PROTOCOL);
    if !proves_key(&key, response.headers()) || agreed != protocol {
        return Err(ClientError::Protocol(agreed));
    }
    Ok(TokioIo::new(hyper::upgrade::on(response).await?))
}

/// Asks for SPDY with this version of the streams' protocol.
pub(super) async fn spdy(
    transport: impl Transport,
    mut request: Request<()>,
    version: &'static str,
) -> Result<TokioIo<Upgraded>, ClientError> {
    let headers = request.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static(SPDY));
    headers.insert(PROTOCOL_VERSION, HeaderValue::from_static(version));
    let response = send(transport, request).await?;
    let agreed = agreed(response.headers(), PROTOCOL_VERSION);
    if agreed != version {
        return Err(ClientError::Protocol(agreed));
    }
    Ok(TokioIo::new(hyper::upgrade::on(response).await?))
}

fn agreed(headers: &HeaderMap, name: hyper::header::HeaderName) -> String {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

async fn send(transport: impl Transport, request: Request<()>) -> Result<Response<Incoming>, ClientError> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(transport)).await?;
    // Its failures come out of the request, or of the connection after the upgrade.
    tokio::spawn(async { drop(connection.with_upgrades().await) });
    let response = sender.send_request(request.map(|()| Empty::<Bytes>::new())).await?;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return Ok(response);
    }
    let status = response.status();
    let body = Limited::new(response.into_body(), MAX_MESSAGE).collect().await;
    let message = body.map(|body| String::from_utf8_lossy(&body.to_bytes()).trim().to_owned()).unwrap_or_default();
    Err(ClientError::Refused { status, message })
}
