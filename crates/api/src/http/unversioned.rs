//! What is no resource: health, version, discovery, schemas, metrics.

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{ACCEPT, ETAG, HOST, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH, VARY};
use hyper::{Method, Request, Response};
use serde_json::json;

use super::answer::{Body, response, whole};
use super::resource::not_allowed;
use crate::KUBERNETES_VERSION;
use crate::access::User;
use crate::encoding::{Form, negotiate};
use crate::openapi::version2;
use crate::request::Query;
use crate::server::Server;
use crate::status::ApiError;

const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

pub(super) fn answer(
    server: &Server,
    _user: &User,
    query: &Query,
    request: &Request<Incoming>,
) -> Result<Response<Body>, ApiError> {
    let path = request.uri().path().trim_end_matches('/');
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(not_allowed());
    }
    match path {
        "/version" => Ok(response(200, "application/json", whole(version().to_string().into()))),
        "/openapi/v2" => Ok(version2(request.headers())),
        "/.well-known/openid-configuration" => {
            // In HTTP/2 it is a part of the address.
            let host = request.uri().authority().map(|authority| authority.as_str());
            let host = host.or_else(|| text(request.headers(), HOST)).unwrap_or("localhost");
            let document = server.security.tokens.openid_configuration(&format!("https://{host}"));
            Ok(response(200, "application/json", whole(document.to_string().into())))
        }
        "/openid/v1/jwks" => {
            let document = server.security.tokens.public_keys().to_string();
            Ok(response(200, "application/jwk-set+json", whole(document.into())))
        }
        "/metrics" => Ok(response(200, METRICS, whole(server.metrics.text(&server.store).into()))),
        "/healthz" | "/livez" | "/readyz" => Ok(health(server, path, query)),
        _ => document(server, path, request.headers()),
    }
}

/// What clients look at last: their own protobuf, or JSON for all others.
fn version2(headers: &HeaderMap) -> Response<Body> {
    if text(headers, ACCEPT).unwrap_or_default().contains("proto-openapi") {
        return response(200, version2::PROTOBUF, whole(version2::protobuf()));
    }
    response(200, "application/json", whole(version2::json()))
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Discovery and schemas, which clients keep.
fn document(server: &Server, path: &str, headers: &HeaderMap) -> Result<Response<Body>, ApiError> {
    // What is not there is not there in any form: a client that takes protobuf alone wants to know.
    let lookup = |aggregated| match path.starts_with("/openapi/") {
        true => server.openapi.document(path),
        false => server.discovery.document(path, aggregated),
    };
    lookup(false).ok_or_else(ApiError::no_such_resource)?;
    let accepted = negotiate(text(headers, ACCEPT), &[Form::AggregatedDiscovery])?;
    let aggregated = accepted.form == Form::AggregatedDiscovery;
    let document = lookup(aggregated).ok_or_else(ApiError::no_such_resource)?;
    let is_newer = aggregated && matches!(path, "/api" | "/apis");
    let content_type = if is_newer { accepted.content_type() } else { "application/json" };
    let mut answer = if document.is_known(text(headers, IF_NONE_MATCH)) {
        response(304, content_type, whole(Bytes::new()))
    } else {
        response(200, content_type, whole(document.body().clone()))
    };
    // A digest is letters and digits.
    if let Ok(etag) = HeaderValue::from_str(&document.etag()) {
        answer.headers_mut().insert(ETAG, etag);
    }
    answer.headers_mut().insert(VARY, HeaderValue::from_static("Accept"));
    Ok(answer)
}

/// Clients want a semantic version.
fn version() -> serde_json::Value {
    let mut numbers = KUBERNETES_VERSION.trim_start_matches('v').split(['.', '+']);
    json!({
        "major": numbers.next(),
        "minor": numbers.next(),
        "gitVersion": KUBERNETES_VERSION,
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "rustc",
        "platform": format!("{}/{}", std::env::consts::OS, arch()),
    })
}

/// The machine's architecture in Go's words.
fn arch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn health(server: &Server, path: &str, query: &Query) -> Response<Body> {
    let closing = server.closing.is_cancelled();
    if path == "/readyz" && closing {
        return response(500, TEXT, whole("[-]shutdown failed: the server is closing\nreadyz check failed\n".into()));
    }
    let name = path.trim_start_matches('/');
    let text = if query.given("verbose").is_some() {
        format!("[+]ping ok\n[+]store ok\n{name} check passed\n")
    } else {
        "ok".to_owned()
    };
    response(200, TEXT, whole(text.into()))
}
