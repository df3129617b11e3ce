//! How encoded requests get to a service.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response};
use tonic::body::Body;
use tonic::transport::{self, Channel};
use tower::Service;
use tower::util::BoxCloneSyncService;

/// The way of a client's calls.
#[derive(Clone)]
pub enum Way {
    /// A connection.
    Channel(Channel),
    /// A server in this process, which is called where the caller waits.
    InProcess(BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>),
}

impl std::fmt::Debug for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Channel(_) => "Channel",
            Self::InProcess(_) => "InProcess",
        })
    }
}

impl Service<Request<Body>> for Way {
    type Response = Response<Body>;
    type Error = transport::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, transport::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), transport::Error>> {
        match self {
            Self::Channel(channel) => channel.poll_ready(context),
            Self::InProcess(server) => server.poll_ready(context).map_err(|never| match never {}),
        }
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        match self {
            Self::Channel(channel) => Box::pin(channel.call(request)),
            Self::InProcess(server) => {
                let answer = server.call(request);
                Box::pin(async move { answer.await.map_err(|never| match never {}) })
            }
        }
    }
}
