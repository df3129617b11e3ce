//! The node as its HTTP API sees it.

use std::net::SocketAddr;
use std::sync::{Arc, Weak};

use reprise_cri::CriError;
use reprise_cri::v1::{ContainerStats, MetricDescriptor, PodSandboxMetrics, PodSandboxStats};

use super::{Inner, Node};
use crate::error::NodeError;
use crate::http::{self, AccessReview, Listening};
use crate::metrics::text::Text;
use crate::metrics::{self, Metrics};
use crate::worker::Shared;

impl Node {
    /// Serves the API if the settings ask for it.
    pub(super) async fn serve_http(&self) -> Result<(), NodeError> {
        let Shared { config, paths, .. } = &*self.inner.shared;
        if let Some(http) = &config.http {
            let Listening { address, task } = http::start(http, paths, &config.node_name, self.downgrade()).await?;
            self.inner.tasks().push(task);
            self.inner.http_address.get_or_init(|| address);
        }
        Ok(())
    }

    /// Where the kubelet's HTTP API is served, if it is.
    #[must_use]
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.inner.http_address.get().copied()
    }

    /// Has `review` say who clients of the HTTP API are and what they may do. Only the first one counts.
    pub fn review_access(&self, review: Arc<dyn AccessReview>) {
        if self.inner.review.set(review).is_err() {
            tracing::error!("somebody else is asked about clients already");
        }
    }

    pub(crate) fn access_review(&self) -> Option<&Arc<dyn AccessReview>> {
        self.inner.review.get()
    }

    pub(crate) fn downgrade(&self) -> Weak<Inner> {
        Arc::downgrade(&self.inner)
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.inner.shared.metrics
    }

    /// All that is counted and measured.
    pub(crate) fn metrics_text(&self) -> Text {
        let mut text = Text::default();
        metrics::pods::write(&mut text, &self.config().node_name, &self.pods());
        self.metrics().write(&mut text);
        text
    }

    /// What sandboxes and containers use, as the runtime has measured it. Containers come within their sandboxes
    /// where the runtime knows those.
    pub(crate) async fn runtime_metrics(&self) -> Result<(Vec<MetricDescriptor>, Vec<PodSandboxMetrics>), CriError> {
        self.inner.shared.runtime.metrics().await
    }

    pub(crate) async fn usage(&self) -> Result<(Vec<PodSandboxStats>, Vec<ContainerStats>), CriError> {
        self.inner.shared.runtime.usage().await
    }
}
