//! CRI's runtime calls, each handed on to the part that does it. What is not here yet is answered with `Unimplemented`.

use std::sync::Arc;
use std::time::Duration;

use reprise_cri::v1::runtime_service_server::RuntimeService;
use reprise_cri::v1::*;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::BroadcastStream;
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status};

use super::engine::{Engine, now};
use super::failure::Failure;
use super::listing::pieces;
use super::streaming::Streaming;
use super::{answer, info, runtime_answer};
use crate::shim::protocol::Call;
use crate::spec::SpecError;

/// The runtime service.
pub struct RuntimeCalls(pub Arc<Engine>, pub Streaming);

type Answer<T> = Result<Response<T>, Status>;

fn ok<T>(answer: T) -> Answer<T> {
    Ok(Response::new(answer))
}

impl RuntimeCalls {
    fn engine(&self) -> Arc<Engine> {
        Arc::clone(&self.0)
    }

    fn sandboxes(&self, filter: Option<PodSandboxFilter>) -> Vec<PodSandbox> {
        self.0.sandboxes_like(&filter.unwrap_or_default()).iter().map(|s| answer::sandbox(s)).collect()
    }

    fn containers(&self, filter: Option<ContainerFilter>) -> Vec<Container> {
        self.0.containers_like(&filter.unwrap_or_default()).iter().map(|c| answer::container(c)).collect()
    }
}

#[tonic::async_trait]
impl RuntimeService for RuntimeCalls {
    async fn version(&self, _: Request<VersionRequest>) -> Answer<VersionResponse> {
        ok(runtime_answer::version())
    }

    async fn status(&self, request: Request<StatusRequest>) -> Answer<StatusResponse> {
        ok(self.0.status(request.into_inner().verbose).await)
    }

    async fn runtime_config(&self, _: Request<RuntimeConfigRequest>) -> Answer<RuntimeConfigResponse> {
        ok(runtime_answer::cgroup_driver())
    }

    async fn update_runtime_config(
        &self,
        request: Request<UpdateRuntimeConfigRequest>,
    ) -> Answer<UpdateRuntimeConfigResponse> {
        self.0.update_config(request.get_ref())?;
        ok(UpdateRuntimeConfigResponse {})
    }

    async fn run_pod_sandbox(&self, request: Request<RunPodSandboxRequest>) -> Answer<RunPodSandboxResponse> {
        let (engine, request) = (self.engine(), request.into_inner());
        if !request.runtime_handler.is_empty() {
            let why =
                format!("there is no runtime handler {:?} here, only the default one (\"\")", request.runtime_handler);
            return Err(Failure::Invalid { field: "runtime_handler", why }.into());
        }
        let config = request.config.ok_or(Failure::Missing("sandbox config"))?;
        let work = async move {
            engine.run_sandbox(config).await.map(|pod_sandbox_id| RunPodSandboxResponse { pod_sandbox_id })
        };
        self.0.complete(work).await
    }

    async fn stop_pod_sandbox(&self, request: Request<StopPodSandboxRequest>) -> Answer<StopPodSandboxResponse> {
        let (engine, id) = (self.engine(), request.into_inner().pod_sandbox_id);
        self.0.complete(async move { engine.stop_sandbox(&id).await.map(|()| StopPodSandboxResponse {}) }).await
    }

    async fn remove_pod_sandbox(&self, request: Request<RemovePodSandboxRequest>) -> Answer<RemovePodSandboxResponse> {
        let (engine, id) = (self.engine(), request.into_inner().pod_sandbox_id);
        self.0.complete(async move { engine.remove_sandbox(&id).await.map(|()| RemovePodSandboxResponse {}) }).await
    }

    async fn pod_sandbox_status(&self, request: Request<PodSandboxStatusRequest>) -> Answer<PodSandboxStatusResponse> {
        let PodSandboxStatusRequest { pod_sandbox_id: id, verbose } = request.into_inner();
        let sandbox = self.0.inventory.sandbox(&id)?.ok_or(Failure::NotFound { kind: "sandbox", id })?;
        let containers = self.0.inventory.containers_of(&sandbox.id);
        ok(PodSandboxStatusResponse {
            status: Some(answer::sandbox_status(&sandbox)),
            info: if verbose { info::sandbox(&sandbox) } else { Default::default() },
            containers_statuses: containers.iter().map(|c| answer::container_status(c)).collect(),
            timestamp: now(),
        })
    }

    async fn list_pod_sandbox(&self, request: Request<ListPodSandboxRequest>) -> Answer<ListPodSandboxResponse> {
        ok(ListPodSandboxResponse { items: self.sandboxes(request.into_inner().filter) })
    }

    async fn stream_pod_sandboxes(
        &self,
        request: Request<StreamPodSandboxesRequest>,
    ) -> Answer<BoxStream<StreamPodSandboxesResponse>> {
        let items = self.sandboxes(request.into_inner().filter);
        ok(pieces(items, |pod_sandboxes| StreamPodSandboxesResponse { pod_sandboxes }))
    }

    async fn update_pod_sandbox_resources(
        &self,
        request: Request<UpdatePodSandboxResourcesRequest>,
    ) -> Answer<UpdatePodSandboxResourcesResponse> {
        let (engine, request) = (self.engine(), request.into_inner());
        let work = async move { engine.update_sandbox_resources(request).await };
        self.0.complete(async move { work.await.map(|()| UpdatePodSandboxResourcesResponse {}) }).await
    }

    async fn create_container(&self, request: Request<CreateContainerRequest>) -> Answer<CreateContainerResponse> {
        let (engine, request) = (self.engine(), request.into_inner());
        let config = request.config.ok_or(Failure::Missing("container config"))?;
        let work = async move { engine.create_container(&request.pod_sandbox_id, config).await };
        self.0.complete(async move { work.await.map(|container_id| CreateContainerResponse { container_id }) }).await
    }

    async fn start_container(&self, request: Request<StartContainerRequest>) -> Answer<StartContainerResponse> {
        let (engine, id) = (self.engine(), request.into_inner().container_id);
        self.0.complete(async move { engine.start_container(&id).await.map(|()| StartContainerResponse {}) }).await
    }

    async fn stop_container(&self, request: Request<StopContainerRequest>) -> Answer<StopContainerResponse> {
        let (engine, request) = (self.engine(), request.into_inner());
        // As with other runtimes, a negative time is none.
        let grace = Duration::from_secs(u64::try_from(request.timeout).unwrap_or_default());
        let work = async move { engine.stop_container(&request.container_id, grace).await };
        self.0.complete(async move { work.await.map(|()| StopContainerResponse {}) }).await
    }

    async fn remove_container(&self, request: Request<RemoveContainerRequest>) -> Answer<RemoveContainerResponse> {
        let (engine, id) = (self.engine(), request.into_inner().container_id);
        self.0.complete(async move { engine.remove_container(&id).await.map(|()| RemoveContainerResponse {}) }).await
    }

    async fn list_containers(&self, request: Request<ListContainersRequest>) -> Answer<ListContainersResponse> {
        ok(ListContainersResponse { containers: self.containers(request.into_inner().filter) })
    }

    async fn stream_containers(
        &self,
        request: Request<StreamContainersRequest>,
    ) -> Answer<BoxStream<StreamContainersResponse>> {
        let items = self.containers(request.into_inner().filter);
        ok(pieces(items, |containers| StreamContainersResponse { containers }))
    }

    async fn container_status(&self, request: Request<ContainerStatusRequest>) -> Answer<ContainerStatusResponse> {
        let ContainerStatusRequest { container_id, verbose } = request.into_inner();
        let container = self.0.container(&container_id)?;
        let info = if verbose { info::container(&container) } else { Default::default() };
        ok(ContainerStatusResponse { status: Some(answer::container_status(&container)), info })
    }

    async fn update_container_resources(
        &self,
        request: Request<UpdateContainerResourcesRequest>,
    ) -> Answer<UpdateContainerResourcesResponse> {
        let (engine, request) = (self.engine(), request.into_inner());
        if request.windows.is_some() {
            return Err(Failure::from(SpecError::Unsupported("a container for Windows")).into());
        }
        let change = request.linux.unwrap_or_default();
        let work = async move { engine.update_resources(&request.container_id, &change).await };
        self.0.complete(async move { work.await.map(|()| UpdateContainerResourcesResponse {}) }).await
    }

    async fn checkpoint_container(
        &self,
        request: Request<CheckpointContainerRequest>,
    ) -> Answer<CheckpointContainerResponse> {
        self.0.container(&request.into_inner().container_id)?;
        Err(Failure::from(SpecError::Unsupported("a checkpoint of a container")).into())
    }

    async fn reopen_container_log(
        &self,
        request: Request<ReopenContainerLogRequest>,
    ) -> Answer<ReopenContainerLogResponse> {
        let container = self.0.running(&request.into_inner().container_id)?;
        if let Some(shim) = container.sandbox.shim() {
            shim.call(Call::ReopenLog { id: container.id.clone() }).await.map_err(Failure::from)?;
        }
        ok(ReopenContainerLogResponse {})
    }

    async fn exec_sync(&self, request: Request<ExecSyncRequest>) -> Answer<ExecSyncResponse> {
        let request = request.into_inner();
        ok(self.0.exec_sync(&request.container_id, request.cmd, request.timeout).await?)
    }

    async fn exec(&self, request: Request<ExecRequest>) -> Answer<ExecResponse> {
        ok(ExecResponse { url: self.1.exec(request.into_inner())? })
    }

    async fn attach(&self, request: Request<AttachRequest>) -> Answer<AttachResponse> {
        ok(AttachResponse { url: self.1.attach(request.into_inner())? })
    }

    async fn port_forward(&self, request: Request<PortForwardRequest>) -> Answer<PortForwardResponse> {
        ok(PortForwardResponse { url: self.1.port_forward(request.into_inner())? })
    }

    async fn container_stats(&self, request: Request<ContainerStatsRequest>) -> Answer<ContainerStatsResponse> {
        let stats = self.0.container_stats(&request.into_inner().container_id).await?;
        ok(ContainerStatsResponse { stats: Some(stats) })
    }

    async fn list_container_stats(
        &self,
        request: Request<ListContainerStatsRequest>,
    ) -> Answer<ListContainerStatsResponse> {
        let wanted = self.0.containers_for_stats(request.into_inner().filter);
        ok(ListContainerStatsResponse { stats: self.0.all_container_stats(wanted).await? })
    }

    async fn stream_container_stats(
        &self,
        request: Request<StreamContainerStatsRequest>,
    ) -> Answer<BoxStream<StreamContainerStatsResponse>> {
        let wanted = self.0.containers_for_stats(request.into_inner().filter);
        let stats = self.0.all_container_stats(wanted).await?;
        ok(pieces(stats, |container_stats| StreamContainerStatsResponse { container_stats }))
    }

    async fn pod_sandbox_stats(&self, request: Request<PodSandboxStatsRequest>) -> Answer<PodSandboxStatsResponse> {
        let id = request.into_inner().pod_sandbox_id;
        let sandbox = self.0.inventory.sandbox(&id)?.ok_or(Failure::NotFound { kind: "sandbox", id })?;
        let stats = self.0.all_sandbox_stats(vec![sandbox]).await?.pop();
        ok(PodSandboxStatsResponse { stats })
    }

    async fn list_pod_sandbox_stats(
        &self,
        request: Request<ListPodSandboxStatsRequest>,
    ) -> Answer<ListPodSandboxStatsResponse> {
        let wanted = self.0.sandboxes_for_stats(request.into_inner().filter);
        ok(ListPodSandboxStatsResponse { stats: self.0.all_sandbox_stats(wanted).await? })
    }

    async fn stream_pod_sandbox_stats(
        &self,
        request: Request<StreamPodSandboxStatsRequest>,
    ) -> Answer<BoxStream<StreamPodSandboxStatsResponse>> {
        let wanted = self.0.sandboxes_for_stats(request.into_inner().filter);
        let stats = self.0.all_sandbox_stats(wanted).await?;
        ok(pieces(stats, |pod_sandbox_stats| StreamPodSandboxStatsResponse { pod_sandbox_stats }))
    }

    async fn list_metric_descriptors(
        &self,
        _: Request<ListMetricDescriptorsRequest>,
    ) -> Answer<ListMetricDescriptorsResponse> {
        ok(ListMetricDescriptorsResponse { descriptors: self.0.metric_descriptors() })
    }

    async fn list_pod_sandbox_metrics(
        &self,
        _: Request<ListPodSandboxMetricsRequest>,
    ) -> Answer<ListPodSandboxMetricsResponse> {
        ok(ListPodSandboxMetricsResponse { pod_metrics: self.0.sandbox_metrics().await? })
    }

    async fn stream_pod_sandbox_metrics(
        &self,
        _: Request<StreamPodSandboxMetricsRequest>,
    ) -> Answer<BoxStream<StreamPodSandboxMetricsResponse>> {
        let metrics = self.0.sandbox_metrics().await?;
        ok(pieces(metrics, |pod_sandbox_metrics| StreamPodSandboxMetricsResponse { pod_sandbox_metrics }))
    }

    async fn get_container_events(&self, _: Request<GetEventsRequest>) -> Answer<BoxStream<ContainerEventResponse>> {
        // Who falls behind is told by an error, reconnects and lists.
        let events = BroadcastStream::new(self.0.listen());
        let events = events.map(|event| event.map_err(|lost| Status::data_loss(lost.to_string())));
        ok(Box::pin(events))
    }
}
