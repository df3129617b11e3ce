//! `/metrics` of the controller, over plain HTTP for this machine alone.

use std::convert::Infallible;
use std::net::SocketAddr;

use anyhow::{Context, Result};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use reprise_controllers::JobSetMetrics;
use tokio::net::TcpListener;

/// Serves them for as long as the program runs. The address is the one that was taken.
pub async fn serve(address: SocketAddr, metrics: JobSetMetrics) -> Result<SocketAddr> {
    let listener = TcpListener::bind(address).await.with_context(|| format!("can't listen at {address}"))?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else { continue };
            let metrics = metrics.clone();
            tokio::spawn(async move {
                let service = service_fn(|request| std::future::ready(Ok::<_, Infallible>(answer(&request, &metrics))));
                if let Err(error) = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await {
                    tracing::debug!("a connection for metrics ended: {error}");
                }
            });
        }
    });
    Ok(address)
}

fn answer(request: &Request<Incoming>, metrics: &JobSetMetrics) -> Response<Full<Bytes>> {
    let is_known = request.uri().path() == "/metrics";
    let text = if is_known { metrics.text() } else { "not found\n".to_owned() };
    let mut response = Response::new(Full::from(text));
    if !is_known {
        *response.status_mut() = StatusCode::NOT_FOUND;
    }
    response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static("text/plain; version=0.0.4"));
    response
}
