//! One run of a container as probes and hooks reach it.

use std::borrow::Cow;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Container, HTTPGetAction, Pod};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use reprise_cri::CriError;
use reprise_cri::v1::ExecSyncResponse;

use super::http::{self, Get};
use super::target;
use crate::container::find;
use crate::worker::Shared;

/// A run of a container.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    pub shared: Arc<Shared>,
    pub pod: Arc<Pod>,
    pub container: String,
    /// The run's id in the runtime.
    pub id: String,
    /// Where the Pod is reached.
    pub address: String,
}

impl Subject {
    /// The container as written.
    pub(crate) fn spec(&self) -> Option<Cow<'_, Container>> {
        find::container(&self.pod, &self.container).ok().map(|found| found.spec)
    }

    /// The port that is meant, which may be one of the container's by name.
    pub(super) fn port(&self, port: &IntOrString) -> Result<u16, String> {
        let spec = self.spec();
        target::port(port, spec.as_ref().and_then(|c| c.ports.as_deref()).unwrap_or_default())
    }

    /// `host`, or the Pod's own address if that says nothing.
    pub(super) fn host<'a>(&'a self, host: Option<&'a str>) -> &'a str {
        host.filter(|h| !h.is_empty()).unwrap_or(&self.address)
    }

    /// The request that an httpGet means.
    pub(super) fn get(&self, action: &HTTPGetAction, user_agent: &str) -> Result<Get, String> {
        http::request(self.host(action.host.as_deref()), self.port(&action.port)?, action, user_agent)
    }

    /// Runs a command in the container; `limit_seconds` 0 is no limit.
    pub(super) async fn exec(&self, command: Vec<String>, limit_seconds: i64) -> Result<ExecSyncResponse, CriError> {
        self.shared.runtime.exec(&self.id, command, limit_seconds).await
    }
}
