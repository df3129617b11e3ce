//! The headers by which HTTP/1.1 becomes WebSocket (RFC 6455, 4).

use hyper::header::{self, HeaderMap, HeaderValue};
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::upgrade::{has_token, tokens};

const VERSION: &str = "13";

/// Whether the request wants to become a WebSocket.
pub(crate) fn is_websocket(headers: &HeaderMap) -> bool {
    has_token(headers, header::CONNECTION, "upgrade") && has_token(headers, header::UPGRADE, "websocket")
}

/// The protocols that the client offers, best first.
pub(crate) fn offered_protocols(headers: &HeaderMap) -> Vec<String> {
    tokens(headers, header::SEC_WEBSOCKET_PROTOCOL).map(str::to_owned).collect()
}

/// The headers that accept the request; an error says what is wrong with it.
pub(crate) fn accept_headers(request: &HeaderMap, protocol: &str) -> Result<HeaderMap, String> {
    if !has_token(request, header::SEC_WEBSOCKET_VERSION, VERSION) {
        return Err(format!("only version {VERSION} of WebSocket is spoken here: set Sec-WebSocket-Version"));
    }
    let key = request.get(header::SEC_WEBSOCKET_KEY).ok_or("the request has no Sec-WebSocket-Key")?;
    let invalid = |_| "a header of the request can't be sent back".to_owned();
    let mut headers = HeaderMap::new();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    let accept = HeaderValue::try_from(derive_accept_key(key.as_bytes())).map_err(invalid)?;
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    if !protocol.is_empty() {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::try_from(protocol).map_err(invalid)?);
    }
    Ok(headers)
}

/// A key for a client's request.
pub(crate) fn new_key() -> String {
    generate_key()
}

/// Whether the answer is to the request with this key.
pub(crate) fn proves_key(key: &str, response: &HeaderMap) -> bool {
    has_token(response, header::UPGRADE, "websocket")
        && response.get(header::SEC_WEBSOCKET_ACCEPT).is_some_and(|accept| *accept == derive_accept_key(key.as_bytes()))
}
