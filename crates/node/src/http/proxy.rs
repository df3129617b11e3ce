//! Joins a client with the runtime's streaming server: the request goes on as it came, and after the upgrade every
//! byte does, so that whatever protocol both ends speak passes.

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, COOKIE, HOST, TRANSFER_ENCODING};
use hyper::upgrade::OnUpgrade;
use hyper::{HeaderMap, Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::answer::{Body, Refusal, text};

/// Longer than what any runtime says about a refusal.
const MAX_REFUSAL: usize = 64 * 1024;

/// Lets the runtime answer at `url`.
pub(super) async fn relay(url: &str, mut request: Request<Incoming>) -> Result<Response<Body>, Refusal> {
    let unusable = || Refusal::bad_gateway(format!("the runtime gave {url:?}, which is no http:// address"));
    let target: Uri = url.parse().map_err(|_| unusable())?;
    if target.scheme_str() != Some("http") {
        return Err(unusable());
    }
    let authority = target.authority().ok_or_else(unusable)?.as_str().to_owned();
    let lost = |error: &dyn std::error::Error| Refusal::bad_gateway(format!("the runtime's streams: {error}"));
    let stream = TcpStream::connect(with_port(&authority)).await.map_err(|e| lost(&e))?;
    stream.set_nodelay(true).map_err(|e| lost(&e))?;
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|e| lost(&e))?;
    tokio::spawn(async move {
        if let Err(error) = connection.with_upgrades().await {
            tracing::debug!(%error, "a connection to the runtime's streams broke");
        }
    });
    let client = hyper::upgrade::on(&mut request);
    let forwarded = forwarded(&request, &target, &authority).map_err(|e| lost(&e))?;
    let mut answer = sender.send_request(forwarded).await.map_err(|e| lost(&e))?;
    if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Ok(refused(answer).await);
    }
    let runtime = hyper::upgrade::on(&mut answer);
    let mut response = Response::new(Empty::new().boxed_unsync());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    *response.headers_mut() = std::mem::take(answer.headers_mut());
    tokio::spawn(join(client, runtime));
    Ok(response)
}

/// The client's request without what is between it and this node only.
fn forwarded(
    request: &Request<Incoming>,
    target: &Uri,
    authority: &str,
) -> Result<Request<Empty<Bytes>>, hyper::http::Error> {
    let path = target.path_and_query().map_or("/", |path| path.as_str());
    let mut headers: HeaderMap = request.headers().clone();
    for name in [HOST, AUTHORIZATION, COOKIE, CONTENT_LENGTH, TRANSFER_ENCODING] {
        headers.remove(name);
    }
    let mut forwarded =
        Request::builder().method(request.method().clone()).uri(path).header(HOST, authority).body(Empty::new())?;
    forwarded.headers_mut().extend(headers);
    Ok(forwarded)
}

fn with_port(authority: &str) -> String {
    let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    if has_port { authority.to_owned() } else { format!("{authority}:80") }
}

async fn refused(answer: Response<Incoming>) -> Response<Body> {
    let status = answer.status();
    let words = Limited::new(answer.into_body(), MAX_REFUSAL).collect().await;
    // The status says enough where the words don't come.
    let words = words.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    text(status, "text/plain; charset=utf-8", words)
}

async fn join(client: OnUpgrade, runtime: OnUpgrade) {
    let ends = futures::future::try_join(client, runtime).await;
    let (client, runtime) = match ends {
        Ok(ends) => ends,
        Err(error) => return tracing::debug!(%error, "a stream was not taken over"),
    };
    let (mut client, mut runtime) = (TokioIo::new(client), TokioIo::new(runtime));
    if let Err(error) = tokio::io::copy_bidirectional(&mut client, &mut runtime).await {
        tracing::debug!(%error, "a stream broke");
    }
}
