//! What is asked of a Pod's containers: logs, exec, attach, port-forward. The kubelet of the Pod's node has the answer; the
//! API finds it, asks it as itself, and joins both ends byte for byte, so that whatever protocol they speak passes.
//!
//! ```text
//! client --WebSocket--> API --WebSocket, TLS with the API's certificate--> kubelet --> container
//! ```

mod container;
mod destination;
mod kubelet;
mod paths;
mod relay;
mod verifier;

use hyper::body::Incoming;
use hyper::{Request, Response};
use k8s_openapi::api::core::v1::Pod;

use crate::http::Body;
use crate::server::Server;
use crate::status::ApiError;
use crate::verbs::Asked;

pub(crate) use kubelet::KubeletClient;

/// Answers what is asked of a Pod's containers.
pub(crate) async fn answer(
    server: &Server,
    asked: &Asked,
    request: Request<Incoming>,
) -> Result<Response<Body>, ApiError> {
    let stored = server.store.get(&asked.key()).ok_or_else(|| asked.not_found())?;
    let pod: Pod = serde_json::from_slice(&stored.json).map_err(ApiError::internal)?;
    let path = paths::of(asked, &pod)?;
    let destination = destination::of(server, &pod)?;
    let answer = server.kubelets.send(&destination, &path, request.method(), request.headers()).await?;
    if asked.part() == "log" { relay::log(answer).await } else { relay::streams(request, answer).await }
}
