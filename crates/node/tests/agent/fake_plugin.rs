//! A device plugin in this process: its calls are written down, and tests say what it answers.

use std::path::Path;
use std::sync::{Arc, Mutex};

use reprise_device_plugin::host::{self, Identity};
use reprise_device_plugin::v1beta1::device_plugin_server::DevicePlugin;
use reprise_device_plugin::v1beta1::*;
use reprise_device_plugin::{HEALTHY, UNHEALTHY};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::WatchStream;
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status};

pub const GPU: &str = "example.com/gpu";

/// A plugin that is there until it is dropped.
pub struct FakePlugin {
    list: watch::Sender<ListAndWatchResponse>,
    calls: Arc<Mutex<Vec<String>>>,
    serving: JoinHandle<()>,
}

#[derive(Clone)]
struct Service {
    list: watch::Receiver<ListAndWatchResponse>,
    calls: Arc<Mutex<Vec<String>>>,
    options: DevicePluginOptions,
    allocate: Result<ContainerAllocateResponse, Status>,
}

impl FakePlugin {
    /// A plugin for the agent of `folder` that gives containers the annotation `devices`.
    pub fn start(folder: &Path, options: DevicePluginOptions, devices: &[(&str, bool)]) -> Self {
        Self::answering(folder, options, devices, Ok(ContainerAllocateResponse::default()))
    }

    /// The same with another answer to Allocate.
    pub fn answering(
        folder: &Path,
        options: DevicePluginOptions,
        devices: &[(&str, bool)],
        allocate: Result<ContainerAllocateResponse, Status>,
    ) -> Self {
        let (list, receiver) = watch::channel(listed(devices));
        let calls: Arc<Mutex<Vec<String>>> = Arc::default();
        let service = Service { list: receiver, calls: Arc::clone(&calls), options, allocate };
        let folder = folder.join("data/device-plugins");
        let identity = Identity { folder, endpoint: "gpu.sock".to_owned(), resource: GPU.to_owned(), options };
        let serving = tokio::spawn(async move { host::serve(&identity, service).await.unwrap() });
        Self { list, calls, serving }
    }

    pub fn set(&self, devices: &[(&str, bool)]) {
        self.list.send_replace(listed(devices));
    }

    pub fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }
}

impl Drop for FakePlugin {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn listed(devices: &[(&str, bool)]) -> ListAndWatchResponse {
    let device = |(id, healthy): &(&str, bool)| Device {
        id: (*id).to_owned(),
        health: if *healthy { HEALTHY } else { UNHEALTHY }.to_owned(),
        topology: None,
    };
    ListAndWatchResponse { devices: devices.iter().map(device).collect() }
}

impl Service {
    /// Connections outlive the plugin here, where no process ends with it.
    fn is_there(&self) -> Result<(), Status> {
        self.list.has_changed().map(drop).map_err(|_| Status::unavailable("the plugin is gone"))
    }

    fn note(&self, call: &str, ids: &[String]) {
        self.calls.lock().unwrap().push(format!("{call} {}", ids.join(",")));
    }
}

#[tonic::async_trait]
impl DevicePlugin for Service {
    async fn get_device_plugin_options(&self, _: Request<Empty>) -> Result<Response<DevicePluginOptions>, Status> {
        self.is_there()?;
        Ok(Response::new(self.options))
    }

    async fn list_and_watch(&self, _: Request<Empty>) -> Result<Response<BoxStream<ListAndWatchResponse>>, Status> {
        Ok(Response::new(Box::pin(WatchStream::new(self.list.clone()).map(Ok))))
    }

    async fn get_preferred_allocation(
        &self,
        request: Request<PreferredAllocationRequest>,
    ) -> Result<Response<PreferredAllocationResponse>, Status> {
        let wanted = request.into_inner().container_requests.remove(0);
        self.note("Prefer", &wanted.available_device_ids);
        let last = wanted.available_device_ids.into_iter().rev().take(wanted.allocation_size as usize);
        let container = ContainerPreferredAllocationResponse { device_ids: last.collect() };
        Ok(Response::new(PreferredAllocationResponse { container_responses: vec![container] }))
    }

    async fn allocate(&self, request: Request<AllocateRequest>) -> Result<Response<AllocateResponse>, Status> {
        let ids = request.into_inner().container_requests.remove(0).device_ids;
        self.note("Allocate", &ids);
        let mut answer = self.allocate.clone()?;
        answer.annotations.insert("devices".to_owned(), ids.join(","));
        Ok(Response::new(AllocateResponse { container_responses: vec![answer] }))
    }

    async fn pre_start_container(
        &self,
        request: Request<PreStartContainerRequest>,
    ) -> Result<Response<PreStartContainerResponse>, Status> {
        self.note("PreStart", &request.into_inner().device_ids);
        Ok(Response::new(PreStartContainerResponse {}))
    }
}
