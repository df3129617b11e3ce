//! Reads from a request which protocol its client wants, and answers it.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};

pub(crate) const SPDY: &str = "SPDY/3.1";
pub(crate) const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("x-stream-protocol-version");
const ACCEPTED_VERSIONS: HeaderName = HeaderName::from_static("x-accepted-stream-protocol-versions");

/// A request that can't be streamed: the client is told why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    status: StatusCode,
    message: String,
    /// What the client could have asked for.
    accepted: Vec<&'static str>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), accepted: Vec::new() }
    }

    /// None of the protocols that the client offers is spoken here.
    pub(crate) fn protocols(offered: &[String], accepted: &[&'static str]) -> Self {
        let message = format!(
            "the client speaks {}, the server speaks {}: use a client that speaks one of these",
            offered.join(", "),
            accepted.join(", ")
        );
        Self { status: StatusCode::FORBIDDEN, message, accepted: accepted.to_vec() }
    }

    /// The answer to the request.
    pub fn response(&self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::from(format!("{}\n", self.message)));
        *response.status_mut() = self.status;
        let text = HeaderValue::from_static("text/plain; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, text);
        // Who wanted another protocol does not go on in this one.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        for version in &self.accepted {
            response.headers_mut().append(ACCEPTED_VERSIONS, HeaderValue::from_static(version));
        }
        response
    }
}

/// The words of a header that is a list.
pub(crate) fn tokens(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).filter(|token| !token.is_empty())
}

pub(crate) fn has_token(headers: &HeaderMap, name: HeaderName, wanted: &str) -> bool {
    tokens(headers, name).any(|token| token.eq_ignore_ascii_case(wanted))
}

pub(crate) fn is_spdy(headers: &HeaderMap) -> bool {
    has_token(headers, header::CONNECTION, "upgrade") && has_token(headers, header::UPGRADE, SPDY)
}

/// A request that wants neither WebSocket nor SPDY.
pub(crate) fn no_upgrade() -> Refusal {
    let message = format!("this address only speaks WebSocket or {SPDY}: the request asks for no upgrade to them");
    Refusal::new(StatusCode::BAD_REQUEST, message)
}

/// The first of the client's protocols that is spoken here.
pub(crate) fn choose<T: Copy>(offered: &[String], spoken: &[(&'static str, T)]) -> Result<(&'static str, T), Refusal> {
    let of = |offer: &String| spoken.iter().find(|(name, _)| name == offer).copied();
    let accepted: Vec<_> = spoken.iter().map(|(name, _)| *name).filter(|name| !name.is_empty()).collect();
    offered.iter().find_map(of).ok_or_else(|| Refusal::protocols(offered, &accepted))
}

/// The headers that accept a request for SPDY, in this version of the streams' protocol if the client offered any.
pub(crate) fn spdy_headers(version: &'static str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static(SPDY));
    if !version.is_empty() {
        headers.insert(PROTOCOL_VERSION, HeaderValue::from_static(version));
    }
    headers
}

/// The answer after which the connection speaks the new protocol.
pub(crate) fn switching(headers: HeaderMap) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    *response.headers_mut() = headers;
    response
}
