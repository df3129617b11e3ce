//! What is no resource: health, version, discovery, schemas, metrics.

use hyper::body::Incoming;
use hyper::{Method, Request, Response};
use serde_json::json;

use super::answer::{Body, response, whole};
use super::resource::not_allowed;
use crate::KUBERNETES_VERSION;
use crate::access::User;
use crate::request::Query;
use crate::server::Server;
use crate::status::ApiError;

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
        "/healthz" | "/livez" | "/readyz" => Ok(health(server, path, query)),
        _ => Err(ApiError::no_such_resource()),
    }
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
