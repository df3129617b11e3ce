//! CRI's runtime calls. What is not here yet is answered with `Unimplemented`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use reprise_cri::v1::runtime_service_server::RuntimeService;
use reprise_cri::v1::*;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::BroadcastStream;
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status};

use super::answer;
use super::engine::Engine;
use super::failure::Failure;
use super::streaming::Streaming;
use crate::error::chain;
use crate::shim::protocol::Call;

/// The runtime service.
pub struct RuntimeCalls(pub Arc<Engine>, pub Streaming);

const API_VERSION: &str = "v1";

fn has_labels(labels: &HashMap<String, String>, wanted: &HashMap<String, String>) -> bool {
    wanted.iter().all(|(key, value)| labels.get(key) == Some(value))
}

#[tonic::async_trait]
impl RuntimeService for RuntimeCalls {
    async fn version(&self, _: Request<VersionRequest>) -> Result<Response<VersionResponse>, Status> {
        Ok(Response::new(VersionResponse {
            version: "0.1.0".to_owned(),
            runtime_name: "reprise".to_owned(),
            runtime_version: env!("CARGO_PKG_VERSION").to_owned(),
            runtime_api_version: API_VERSION.to_owned(),
        }))
    }

    async fn status(&self, _: Request<StatusRequest>) -> Result<Response<StatusResponse>, Status> {
        let condition = |kind: &str| RuntimeCondition { r#type: kind.to_owned(), status: true, ..Default::default() };
        let mut network = condition("NetworkReady");
        if let Err(e) = self.0.network.ready().await {
            network.status = false;
            network.reason = "NetworkPluginNotReady".to_owned();
            network.message = chain(&e);
        }
        let conditions = vec![condition("RuntimeReady"), network];
        Ok(Response::new(StatusResponse { status: Some(RuntimeStatus { conditions }), ..StatusResponse::default() }))
    }

    async fn runtime_config(
        &self,
        _: Request<RuntimeConfigRequest>,
    ) -> Result<Response<RuntimeConfigResponse>, Status> {
        let linux = LinuxRuntimeConfiguration { cgroup_driver: CgroupDriver::Cgroupfs.into() };
        Ok(Response::new(RuntimeConfigResponse { linux: Some(linux) }))
    }

    async fn run_pod_sandbox(
        &self,
        request: Request<RunPodSandboxRequest>,
    ) -> Result<Response<RunPodSandboxResponse>, Status> {
        let config = request.into_inner().config.ok_or(Failure::Missing("sandbox config"))?;
        let pod_sandbox_id = self.0.run_sandbox(config).await?;
        Ok(Response::new(RunPodSandboxResponse { pod_sandbox_id }))
    }

    async fn stop_pod_sandbox(
        &self,
        request: Request<StopPodSandboxRequest>,
    ) -> Result<Response<StopPodSandboxResponse>, Status> {
        self.0.stop_sandbox(&request.into_inner().pod_sandbox_id).await?;
        Ok(Response::new(StopPodSandboxResponse {}))
    }

    async fn remove_pod_sandbox(
        &self,
        request: Request<RemovePodSandboxRequest>,
    ) -> Result<Response<RemovePodSandboxResponse>, Status> {
        self.0.remove_sandbox(&request.into_inner().pod_sandbox_id).await?;
        Ok(Response::new(RemovePodSandboxResponse {}))
    }

    async fn pod_sandbox_status(
        &self,
        request: Request<PodSandboxStatusRequest>,
    ) -> Result<Response<PodSandboxStatusResponse>, Status> {
        let id = request.into_inner().pod_sandbox_id;
        let sandbox = self.0.inventory.sandbox(&id).ok_or(Failure::NotFound { kind: "sandbox", id })?;
        let containers = self.0.inventory.containers_of(&sandbox.id);
        Ok(Response::new(PodSandboxStatusResponse {
            status: Some(answer::sandbox_status(&sandbox)),
            containers_statuses: containers.iter().map(|c| answer::container_status(c)).collect(),
            ..PodSandboxStatusResponse::default()
        }))
    }

    async fn list_pod_sandbox(
        &self,
        request: Request<ListPodSandboxRequest>,
    ) -> Result<Response<ListPodSandboxResponse>, Status> {
        let filter = request.into_inner().filter.unwrap_or_default();
        let all = self.0.inventory.sandboxes().into_iter().map(|s| answer::sandbox(&s));
        let items = all
            .filter(|s| filter.id.is_empty() || s.id.starts_with(&filter.id))
            .filter(|s| filter.state.as_ref().is_none_or(|state| state.state == s.state))
            .filter(|s| has_labels(&s.labels, &filter.label_selector))
            .collect();
        Ok(Response::new(ListPodSandboxResponse { items }))
    }

    async fn create_container(
        &self,
        request: Request<CreateContainerRequest>,
    ) -> Result<Response<CreateContainerResponse>, Status> {
        let request = request.into_inner();
        let config = request.config.ok_or(Failure::Missing("container config"))?;
        let container_id = self.0.create_container(&request.pod_sandbox_id, config).await?;
        Ok(Response::new(CreateContainerResponse { container_id }))
    }

    async fn start_container(
        &self,
        request: Request<StartContainerRequest>,
    ) -> Result<Response<StartContainerResponse>, Status> {
        self.0.start_container(&request.into_inner().container_id).await?;
        Ok(Response::new(StartContainerResponse {}))
    }

    async fn stop_container(
        &self,
        request: Request<StopContainerRequest>,
    ) -> Result<Response<StopContainerResponse>, Status> {
        let request = request.into_inner();
        let grace = Duration::from_secs(u64::try_from(request.timeout).unwrap_or_default());
        self.0.stop_container(&request.container_id, grace).await?;
        Ok(Response::new(StopContainerResponse {}))
    }

    async fn remove_container(
        &self,
        request: Request<RemoveContainerRequest>,
    ) -> Result<Response<RemoveContainerResponse>, Status> {
        self.0.remove_container(&request.into_inner().container_id).await?;
        Ok(Response::new(RemoveContainerResponse {}))
    }

    async fn list_containers(
        &self,
        request: Request<ListContainersRequest>,
    ) -> Result<Response<ListContainersResponse>, Status> {
        let filter = request.into_inner().filter.unwrap_or_default();
        let all = self.0.inventory.containers().into_iter().map(|c| answer::container(&c));
        let containers = all
            .filter(|c| filter.id.is_empty() || c.id.starts_with(&filter.id))
            .filter(|c| filter.pod_sandbox_id.is_empty() || c.pod_sandbox_id == filter.pod_sandbox_id)
            .filter(|c| filter.state.as_ref().is_none_or(|state| state.state == c.state))
            .filter(|c| has_labels(&c.labels, &filter.label_selector))
            .collect();
        Ok(Response::new(ListContainersResponse { containers }))
    }

    async fn container_status(
        &self,
        request: Request<ContainerStatusRequest>,
    ) -> Result<Response<ContainerStatusResponse>, Status> {
        let container = self.0.container(&request.into_inner().container_id)?;
        let status = Some(answer::container_status(&container));
        Ok(Response::new(ContainerStatusResponse { status, ..ContainerStatusResponse::default() }))
    }

    async fn update_container_resources(
        &self,
        request: Request<UpdateContainerResourcesRequest>,
    ) -> Result<Response<UpdateContainerResourcesResponse>, Status> {
        let request = request.into_inner();
        if let Some(resources) = &request.linux {
            self.0.update_resources(&request.container_id, resources)?;
        }
        Ok(Response::new(UpdateContainerResourcesResponse {}))
    }

    async fn reopen_container_log(
        &self,
        request: Request<ReopenContainerLogRequest>,
    ) -> Result<Response<ReopenContainerLogResponse>, Status> {
        let container = self.0.running(&request.into_inner().container_id)?;
        if let Some(shim) = container.sandbox.shim() {
            shim.call(Call::ReopenLog { id: container.id.clone() }).await.map_err(Failure::from)?;
        }
        Ok(Response::new(ReopenContainerLogResponse {}))
    }

    async fn exec_sync(&self, request: Request<ExecSyncRequest>) -> Result<Response<ExecSyncResponse>, Status> {
        let request = request.into_inner();
        Ok(Response::new(self.0.exec_sync(&request.container_id, request.cmd, request.timeout).await?))
    }

    async fn exec(&self, request: Request<ExecRequest>) -> Result<Response<ExecResponse>, Status> {
        let url = self.1.exec(request.into_inner())?;
        Ok(Response::new(ExecResponse { url }))
    }

    async fn attach(&self, request: Request<AttachRequest>) -> Result<Response<AttachResponse>, Status> {
        let url = self.1.attach(request.into_inner())?;
        Ok(Response::new(AttachResponse { url }))
    }

    async fn port_forward(
        &self,
        request: Request<PortForwardRequest>,
    ) -> Result<Response<PortForwardResponse>, Status> {
        let url = self.1.port_forward(request.into_inner())?;
        Ok(Response::new(PortForwardResponse { url }))
    }

    async fn get_container_events(
        &self,
        _: Request<GetEventsRequest>,
    ) -> Result<Response<BoxStream<ContainerEventResponse>>, Status> {
        // Who falls behind is told by an error, reconnects and lists.
        let events = BroadcastStream::new(self.0.listen());
        let events = events.map(|event| event.map_err(|lost| Status::data_loss(lost.to_string())));
        Ok(Response::new(Box::pin(events)))
    }
}
