//! Answers requests: who asks, what is asked, by whom it is answered.

use std::sync::Weak;

use hyper::body::Incoming;
use hyper::{Request, Response};

use super::access::{Access, Sender};
use super::answer::{Body, Refusal, plain, text};
use super::query::Query;
use super::review::Identity;
use super::route::{Route, Target};
use super::{cadvisor, configz, logs, pods, resource, stats, stream};
use crate::error::NodeError;
use crate::metrics::text::{CONTENT_TYPE, Text};
use crate::node::{Inner, Node};
use crate::pod_key::uid_of;
use crate::view::PodView;

/// The API of one node.
#[derive(Debug)]
pub(super) struct Server {
    node: Weak<Inner>,
    access: Access,
}

impl Server {
    pub(super) fn new(node: Weak<Inner>, access: Access) -> Self {
        Self { node, access }
    }

    /// The answer to a request, whatever it is.
    pub(super) async fn answer(&self, certificate: Option<&Identity>, request: Request<Incoming>) -> Response<Body> {
        self.carry_out(certificate, request).await.unwrap_or_else(|refusal| {
            tracing::debug!(status = %refusal.status, message = refusal.message, "a request to the API is refused");
            refusal.response()
        })
    }

    async fn carry_out(
        &self,
        certificate: Option<&Identity>,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, Refusal> {
        let route = Route::of(request.method(), request.uri().path());
        let node = Node::of(self.node.upgrade().ok_or(NodeError::ShuttingDown)?);
        if route != Ok(Route::Health) {
            let sender = Sender { certificate, headers: request.headers() };
            let review = node.access_review().map(|review| &**review);
            self.access.check(sender, request.method(), &route, review).await?;
        }
        let route = route?;
        let (path, is_long) = route.label();
        node.metrics().requested(request.method().as_str(), path, is_long);
        let query = Query::of(request.uri().query());
        match route {
            Route::Health => Ok(plain("ok")),
            Route::Pods => pods::all(&node),
            Route::RunningPods => pods::running(&node),
            Route::Metrics => Ok(metrics(node.metrics_text())),
            Route::ResourceMetrics => Ok(metrics(resource::text(&node).await)),
            Route::ContainerMetrics => Ok(metrics(cadvisor::text(&node).await)),
            Route::Summary => stats::summary(&node).await,
            Route::Configz => configz::of(&node),
            Route::Logs(target) => logs::answer(&node, &target, &query),
            Route::Exec(target) => stream::exec(&node, &target, &query, request).await,
            Route::Attach(target) => stream::attach(&node, &target, &query, request).await,
            Route::PortForward(target) => stream::port_forward(&node, &target, &query, request).await,
            Route::Run(target) => stream::run(&node, &target, &query).await,
        }
    }
}

fn metrics(content: Text) -> Response<Body> {
    text(hyper::StatusCode::OK, CONTENT_TYPE, content.into_string())
}

/// The Pod that a request is about.
pub(super) fn find(node: &Node, target: &Target) -> Result<PodView, Refusal> {
    let view = node.pod(&target.pod);
    let view = view.filter(|view| target.uid.as_deref().is_none_or(|uid| uid == uid_of(&view.pod)));
    view.ok_or_else(|| Refusal::not_found(format!("pod \"{}\" not found", target.pod.name)))
}
