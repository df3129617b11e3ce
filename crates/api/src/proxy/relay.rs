//! The kubelet's answer on its way to the client.

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::upgrade::OnUpgrade;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;

use crate::http::{self, Body};
use crate::status::ApiError;

/// Longer than what any kubelet says about a refusal.
const MAX_REFUSAL: usize = 64 * 1024;

/// A log, which comes as it is written.
pub(super) async fn log(answer: Response<Incoming>) -> Result<Response<Body>, ApiError> {
    if !answer.status().is_success() {
        return Err(refused(answer).await);
    }
    let plain = HeaderValue::from_static("text/plain");
    let content_type = answer.headers().get(CONTENT_TYPE).cloned().unwrap_or(plain);
    let body = answer.into_body().map_err(Into::into).boxed_unsync();
    let mut response = http::response(200, "text/plain", body);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    Ok(response)
}

/// Streams: once the kubelet agrees to change the protocol, both ends are joined.
pub(super) async fn streams(
    mut request: Request<Incoming>,
    mut answer: Response<Incoming>,
) -> Result<Response<Body>, ApiError> {
    if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Err(refused(answer).await);
    }
    let (client, kubelet) = (hyper::upgrade::on(&mut request), hyper::upgrade::on(&mut answer));
    let mut response = Response::new(http::whole(bytes::Bytes::new()));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    *response.headers_mut() = std::mem::take(answer.headers_mut());
    tokio::spawn(join(client, kubelet));
    Ok(response)
}

async fn join(client: OnUpgrade, kubelet: OnUpgrade) {
    let (client, kubelet) = match futures::future::try_join(client, kubelet).await {
        Ok(ends) => ends,
        Err(error) => return tracing::debug!(%error, "a stream was not taken over"),
    };
    let (mut client, mut kubelet) = (TokioIo::new(client), TokioIo::new(kubelet));
    if let Err(error) = tokio::io::copy_bidirectional(&mut client, &mut kubelet).await {
        tracing::debug!(%error, "a stream broke");
    }
}

/// The kubelet's words as the API tells them.
async fn refused(answer: Response<Incoming>) -> ApiError {
    let status = answer.status();
    let words = Limited::new(answer.into_body(), MAX_REFUSAL).collect().await;
    // The code says enough where the words don't come.
    let words = words.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let words = String::from_utf8_lossy(&words).trim().to_owned();
    match status.as_u16() {
        400 => ApiError::bad_request(words),
        404 => ApiError::new(404, "NotFound", words),
        403 => ApiError::new(403, "Forbidden", words),
        500 => ApiError::internal(words),
        code => ApiError::internal(format!("the kubelet answers {code}: {words}")),
    }
}
