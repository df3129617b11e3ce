//! Logs.

use futures::TryStreamExt;
use http_body_util::{BodyDataStream, BodyExt, Limited};
use hyper::body::{Frame, Incoming};
use hyper::header::HeaderMap;
use hyper::{Method, Response};

use super::pod;
use crate::http;
use crate::server::Server;
use crate::status::ApiError;
use crate::verbs::{Answer, Asked, Content};

/// What the node is asked in the same words.
const PASSED_ON: [&str; 7] =
    ["follow", "limitBytes", "previous", "sinceSeconds", "sinceTime", "tailLines", "timestamps"];
/// What may be read of a refusal, in bytes.
const REFUSAL: usize = 64 << 10;
const TEXT: &str = "text/plain";

/// Answers with a container's log. A Pod that is on no node has none yet, and an empty log.
pub(crate) async fn log(server: &Server, asked: &Asked) -> Result<Answer, ApiError> {
    let pod = pod::pod(server, asked)?;
    let container = pod::container(&pod, asked.query.text("container"))?;
    let Some(node) = pod::node(server, &pod)? else { return Ok(text(http::whole(bytes::Bytes::new()))) };
    let path = format!("/containerLogs/{}/{}/{container}?{}", asked.namespace, asked.name, passed_on(asked));
    let answer = server.kubelets.ask(&node, Method::GET, &path, HeaderMap::new()).await?;
    if !answer.status().is_success() {
        return Err(refusal(answer).await);
    }
    let frames = BodyDataStream::new(answer.into_body()).map_ok(Frame::data);
    Ok(text(http::streamed(frames)))
}

fn passed_on(asked: &Asked) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for name in PASSED_ON {
        if let Some(value) = asked.query.given(name) {
            query.append_pair(name, value);
        }
    }
    query.finish()
}

/// A node's refusal as a `Status`: what the client got wrong stays that.
pub(super) async fn refusal(answer: Response<Incoming>) -> ApiError {
    let code = answer.status().as_u16();
    let body = Limited::new(answer.into_body(), REFUSAL).collect().await;
    let message = body.map(|body| String::from_utf8_lossy(&body.to_bytes()).trim_end().to_owned());
    let message = message.unwrap_or_else(|error| format!("the node's answer can't be read: {error}"));
    match code {
        400 => ApiError::bad_request(message),
        404 => ApiError::new(404, "NotFound", message),
        422 => ApiError::new(422, "Invalid", message),
        429 => ApiError::new(429, "TooManyRequests", message),
        503 => ApiError::new(503, "ServiceUnavailable", message),
        code => ApiError::internal(format!("the node answered {code}: {message}")),
    }
}

fn text(body: http::Body) -> Answer {
    Answer::new(200, Content::Response(Box::new(http::response(200, TEXT, body))))
}
