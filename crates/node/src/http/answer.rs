//! Answers, and refusals that say what is wrong.

use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::header::{CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode};
use serde::Serialize;

use crate::error::{NodeError, chain};

/// What an answer carries: a text, or what comes as it comes.
pub(super) type Body = UnsyncBoxBody<Bytes, Infallible>;

/// An answer that has a text.
pub(super) fn text(status: StatusCode, content_type: &'static str, text: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Full::new(text.into()).boxed_unsync());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// An answer for people.
pub(super) fn plain(words: impl Into<Bytes>) -> Response<Body> {
    text(StatusCode::OK, "text/plain; charset=utf-8", words)
}

/// An answer for programs.
pub(super) fn json(value: &impl Serialize) -> Result<Response<Body>, Refusal> {
    let encoded = serde_json::to_vec(value);
    let encoded = encoded.map_err(|e| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, e.to_string()))?;
    Ok(text(StatusCode::OK, "application/json", encoded))
}

/// A request that is not carried out.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub status: StatusCode,
    pub message: String,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// The runtime can't be reached or understood.
    pub(super) fn bad_gateway(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_GATEWAY, message)
    }

    /// For whoever is not let in.
    pub(super) fn stranger() -> Self {
        let message = "Unauthorized: a client certificate of the node's client CA is needed, or the token of the node's \
                       data folder (kubelet/token) as a bearer token";
        Self::new(StatusCode::UNAUTHORIZED, message)
    }

    pub(super) fn response(self) -> Response<Body> {
        let mut response = text(self.status, "text/plain; charset=utf-8", self.message + "\n");
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<NodeError> for Refusal {
    fn from(error: NodeError) -> Self {
        let status = match error {
            NodeError::NoSuchPod { .. } | NodeError::NoSuchContainer { .. } => StatusCode::NOT_FOUND,
            NodeError::ShuttingDown => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, chain(&error))
    }
}
