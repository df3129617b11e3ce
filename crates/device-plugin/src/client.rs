//! The agent's way to one plugin.

use std::collections::BTreeSet;
use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use reprise_cri::socket;
use tonic::transport::{Channel, Endpoint, Uri};
use tonic::{Response, Status, Streaming};
use tower::service_fn;

use crate::error::PluginError;
use crate::v1beta1::device_plugin_client::DevicePluginClient;
use crate::v1beta1::{
    AllocateRequest, ContainerAllocateRequest, ContainerAllocateResponse, ContainerPreferredAllocationRequest,
    DevicePluginOptions, Empty, ListAndWatchResponse, PreStartContainerRequest, PreferredAllocationRequest,
};

/// For calls that only look something up.
const SHORT: Duration = Duration::from_secs(10);
/// The kubelet's limit for PreStartContainer, which may reset a device.
const PRE_START: Duration = Duration::from_secs(30);
/// Allocate may set up hardware. The kubelet waits for ever, so a plugin that hangs would hold its Pods for ever.
const ALLOCATE: Duration = Duration::from_secs(120);

/// A connection to a plugin's socket, made with the first call and again after it broke. Clones share it.
#[derive(Debug, Clone)]
pub struct PluginClient {
    channel: Channel,
}

impl PluginClient {
    /// A client for the plugin at `path`. Must be called within a tokio runtime.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        let path: Arc<Path> = Arc::from(path);
        let connect = service_fn(move |_| {
            let path = Arc::clone(&path);
            async move { socket::connect(&path).await.map(TokioIo::new) }
        });
        // The address is never used, the connector decides; HTTP wants an authority all the same.
        let address = Endpoint::from(Uri::from_static("http://localhost"));
        Self { channel: address.connect_with_connector_lazy(connect) }
    }

    fn plugin(&self) -> DevicePluginClient<Channel> {
        DevicePluginClient::new(self.channel.clone())
    }

    /// What the plugin wants to be asked.
    ///
    /// # Errors
    /// If the plugin refuses or does not answer.
    pub async fn options(&self) -> Result<DevicePluginOptions, PluginError> {
        within("GetDevicePluginOptions", SHORT, self.plugin().get_device_plugin_options(Empty {})).await
    }

    /// The plugin's devices, now and whenever they change.
    ///
    /// # Errors
    /// If the plugin refuses or does not answer.
    pub async fn list_and_watch(&self) -> Result<Streaming<ListAndWatchResponse>, PluginError> {
        within("ListAndWatch", SHORT, self.plugin().list_and_watch(Empty {})).await
    }

    /// Which `size` of `available` the plugin would give a container, `must_include` among them.
    ///
    /// # Errors
    /// If the plugin refuses or does not answer.
    pub async fn preferred(
        &self,
        available: &BTreeSet<String>,
        must_include: &BTreeSet<String>,
        size: u64,
    ) -> Result<BTreeSet<String>, PluginError> {
        const OPERATION: &str = "GetPreferredAllocation";
        let container = ContainerPreferredAllocationRequest {
            available_device_ids: available.iter().cloned().collect(),
            must_include_device_ids: must_include.iter().cloned().collect(),
            allocation_size: i32::try_from(size).unwrap_or(i32::MAX),
        };
        let request = PreferredAllocationRequest { container_requests: vec![container] };
        let answer = within(OPERATION, SHORT, self.plugin().get_preferred_allocation(request)).await?;
        // An empty answer is no wish.
        Ok(answer.container_responses.into_iter().next().unwrap_or_default().device_ids.into_iter().collect())
    }

    /// What a container needs to use these devices.
    ///
    /// # Errors
    /// If the plugin refuses, does not answer, or answers for something else.
    pub async fn allocate(&self, ids: &BTreeSet<String>) -> Result<ContainerAllocateResponse, PluginError> {
        const OPERATION: &str = "Allocate";
        let container = ContainerAllocateRequest { device_ids: ids.iter().cloned().collect() };
        let request = AllocateRequest { container_requests: vec![container] };
        let mut answers = within(OPERATION, ALLOCATE, self.plugin().allocate(request)).await?.container_responses;
        match (answers.len(), answers.pop()) {
            (1, Some(answer)) => Ok(answer),
            (got, _) => Err(PluginError::Answers { operation: OPERATION, got }),
        }
    }

    /// Has the plugin prepare devices for another start of their container.
    ///
    /// # Errors
    /// If the plugin refuses or does not answer.
    pub async fn pre_start(&self, ids: &BTreeSet<String>) -> Result<(), PluginError> {
        let request = PreStartContainerRequest { device_ids: ids.iter().cloned().collect() };
        within("PreStartContainer", PRE_START, self.plugin().pre_start_container(request)).await.map(drop)
    }
}

pub(crate) async fn within<T>(
    operation: &'static str,
    limit: Duration,
    answer: impl Future<Output = Result<Response<T>, Status>>,
) -> Result<T, PluginError> {
    match tokio::time::timeout(limit, answer).await {
        Ok(answer) => Ok(answer?.into_inner()),
        Err(_) => Err(PluginError::Timeout { operation, limit }),
    }
}
