//! Parts of objects that have paths, and ways, of their own.

mod binding;
mod eviction;
mod finalize;
mod token;

use hyper::Request;
use hyper::body::Incoming;

use serde_json::json;

use super::answer::{Answer, Content};
use super::asked::Asked;
use crate::http::read_body;
use crate::proxy;
use crate::resources::{Subresource, Verb};
use crate::server::Shared;
use crate::status::ApiError;

/// Answers what is asked of a subresource other than the status.
pub(crate) async fn subresource(
    server: &Shared,
    asked: &Asked,
    subresource: &Subresource,
    verb: Verb,
    request: Request<Incoming>,
) -> Result<Answer, ApiError> {
    match (subresource.name, verb) {
        ("ephemeralcontainers", Verb::Get) => super::get(server, asked),
        ("ephemeralcontainers", Verb::Update) => {
            super::replace(server, asked, &read_body(request.into_body()).await?).await
        }
        ("ephemeralcontainers", Verb::Patch) => {
            super::patch(server, asked, &read_body(request.into_body()).await?).await
        }
        ("binding", _) => binding::bind(server, asked, &read_body(request.into_body()).await?).await,
        ("eviction", _) => eviction::evict(server, asked, &read_body(request.into_body()).await?).await,
        ("finalize", _) => finalize::finalize(server, asked, &read_body(request.into_body()).await?).await,
        ("token", _) => token::request(server, asked, &read_body(request.into_body()).await?),
        ("resize", _) => Err(no_resize(asked)),
        ("log" | "exec" | "attach" | "portforward", _) => {
            let response = proxy::answer(server, asked, request).await?;
            Ok(Answer::new(200, Content::Response(Box::new(response))))
        }
        _ => Err(ApiError::no_such_resource()),
    }
}

/// Containers keep the resources that they were made with.
fn no_resize(asked: &Asked) -> ApiError {
    let why = "containers can't be resized in place here: make a new Pod with the resources that it needs";
    ApiError::forbidden("", "pods", &asked.name, why)
}

/// 201 for what leaves no object of its own.
fn created(warnings: Vec<String>) -> Answer {
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
    Answer { code: 201, content: Content::Document(status), warnings }
}
