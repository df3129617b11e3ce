//! The runtime service of CRI v1, as far as a node uses it. What needs a real process (exec, attach, port-forward, statistics) is
//! answered as not implemented.

use futures::StreamExt;
use futures::stream::BoxStream;
use reprise_cri::v1::runtime_service_server::RuntimeService;
use reprise_cri::v1::*;
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::{Request, Response, Status};

use super::HollowRuntime;
use super::life::{KILLED, TERMINATED, no_such};
use super::program::Program;
use super::state::{self, Sandbox, Standing, new_id, now};
use crate::times;

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl RuntimeService for HollowRuntime {
    async fn version(&self, _: Request<VersionRequest>) -> Answer<VersionResponse> {
        ok(VersionResponse {
            version: "0.1.0".to_owned(),
            runtime_name: "hollow".to_owned(),
            runtime_version: env!("CARGO_PKG_VERSION").to_owned(),
            runtime_api_version: "v1".to_owned(),
        })
    }

    async fn status(&self, _: Request<StatusRequest>) -> Answer<StatusResponse> {
        let condition = |kind: &str| RuntimeCondition { r#type: kind.into(), status: true, ..Default::default() };
        let conditions = vec![condition("RuntimeReady"), condition("NetworkReady")];
        ok(StatusResponse { status: Some(RuntimeStatus { conditions }), ..StatusResponse::default() })
    }

    async fn run_pod_sandbox(&self, request: Request<RunPodSandboxRequest>) -> Answer<RunPodSandboxResponse> {
        let config = request.into_inner().config.unwrap_or_default();
        let metadata = config.metadata.ok_or_else(|| Status::invalid_argument("a sandbox needs metadata"))?;
        times::pass(self.inner.world.times.run_sandbox).await;
        let options = config.linux.and_then(|linux| linux.security_context).and_then(|c| c.namespace_options);
        let on_host = options.is_some_and(|options| options.network == NamespaceMode::Node as i32);
        let mut state = self.state();
        if state.sandboxes.values().any(|other| other.metadata == metadata) {
            return Err(Status::already_exists(format!("sandbox {} is there already", metadata.name)));
        }
        let network = &self.inner.world.network;
        let address = if on_host { None } else { Some(network.take().ok_or_else(no_address)?) };
        let (id, created_at) = (new_id(), now());
        let (labels, annotations) = (config.labels, config.annotations);
        let sandbox = Sandbox { metadata, labels, annotations, address, created_at, is_ready: true };
        state.sandboxes.insert(id.clone(), sandbox);
        self.inner.world.census.change(|counts| counts.sandboxes += 1);
        ok(RunPodSandboxResponse { pod_sandbox_id: id })
    }

    async fn stop_pod_sandbox(&self, request: Request<StopPodSandboxRequest>) -> Answer<StopPodSandboxResponse> {
        let id = request.into_inner().pod_sandbox_id;
        if self.state().sandboxes.get(&id).is_none_or(|sandbox| !sandbox.is_ready) {
            return ok(StopPodSandboxResponse {});
        }
        times::pass(self.inner.world.times.stop_sandbox).await;
        let containers = self.state().of_sandbox(&id);
        containers.iter().for_each(|container| self.end(container, KILLED));
        let address = self.state().sandboxes.get_mut(&id).and_then(|sandbox| {
            sandbox.is_ready = false;
            sandbox.address.take()
        });
        if let Some(address) = address {
            self.inner.world.network.give_back(address);
        }
        ok(StopPodSandboxResponse {})
    }

    async fn remove_pod_sandbox(&self, request: Request<RemovePodSandboxRequest>) -> Answer<RemovePodSandboxResponse> {
        let id = request.into_inner().pod_sandbox_id;
        self.stop_pod_sandbox(Request::new(StopPodSandboxRequest { pod_sandbox_id: id.clone() })).await?;
        if !self.state().sandboxes.contains_key(&id) {
            return ok(RemovePodSandboxResponse {});
        }
        times::pass(self.inner.world.times.remove_sandbox).await;
        self.remove_containers(&id);
        if self.state().sandboxes.remove(&id).is_some() {
            self.inner.world.census.change(|counts| counts.sandboxes -= 1);
        }
        ok(RemovePodSandboxResponse {})
    }

    async fn pod_sandbox_status(&self, request: Request<PodSandboxStatusRequest>) -> Answer<PodSandboxStatusResponse> {
        let id = request.into_inner().pod_sandbox_id;
        let status = self.state().sandboxes.get(&id).map(|sandbox| sandbox.status(&id));
        let status = Some(status.ok_or_else(|| no_such("sandbox", &id))?);
        ok(PodSandboxStatusResponse { status, ..PodSandboxStatusResponse::default() })
    }

    async fn list_pod_sandbox(&self, request: Request<ListPodSandboxRequest>) -> Answer<ListPodSandboxResponse> {
        let wanted = request.into_inner().filter.unwrap_or_default();
        let state = self.state();
        let all = state.sandboxes.iter().map(|(id, sandbox)| sandbox.listed(id));
        let items = all.filter(|sandbox| {
            (wanted.id.is_empty() || sandbox.id == wanted.id)
                && wanted.state.as_ref().is_none_or(|wanted| wanted.state == sandbox.state)
                && state::selects(&wanted.label_selector, &sandbox.labels)
        });
        ok(ListPodSandboxResponse { items: items.collect() })
    }

    async fn create_container(&self, request: Request<CreateContainerRequest>) -> Answer<CreateContainerResponse> {
        let request = request.into_inner();
        let config = request.config.unwrap_or_default();
        let program = Program::of(&config);
        let metadata = config.metadata.ok_or_else(|| Status::invalid_argument("a container needs metadata"))?;
        times::pass(self.inner.world.times.create).await;
        let mut state = self.state();
        if state.sandboxes.get(&request.pod_sandbox_id).is_none_or(|sandbox| !sandbox.is_ready) {
            return Err(no_such("ready sandbox", &request.pod_sandbox_id));
        }
        let is_same = |other: &state::Container| other.sandbox == request.pod_sandbox_id && other.metadata == metadata;
        if state.containers.values().any(is_same) {
            return Err(Status::already_exists(format!("container {} is there already", metadata.name)));
        }
        let id = new_id();
        let container = state::Container {
            sandbox: request.pod_sandbox_id,
            metadata,
            labels: config.labels,
            annotations: config.annotations,
            image: config.image,
            log_path: config.log_path,
            program,
            created_at: now(),
            standing: Standing::Created,
        };
        state.containers.insert(id.clone(), container);
        state.announce(&id, ContainerEventType::ContainerCreatedEvent);
        ok(CreateContainerResponse { container_id: id })
    }

    async fn start_container(&self, request: Request<StartContainerRequest>) -> Answer<StartContainerResponse> {
        let id = request.into_inner().container_id;
        times::pass(self.inner.world.times.start).await;
        self.begin(&id)?;
        ok(StartContainerResponse {})
    }

    /// Programs here end by SIGTERM, unless there is no time for one.
    async fn stop_container(&self, request: Request<StopContainerRequest>) -> Answer<StopContainerResponse> {
        let StopContainerRequest { container_id: id, timeout } = request.into_inner();
        if self.state().containers.get(&id).is_none_or(state::Container::is_over) {
            return ok(StopContainerResponse {});
        }
        times::pass(self.inner.world.times.end).await;
        self.end(&id, if timeout > 0 { TERMINATED } else { KILLED });
        ok(StopContainerResponse {})
    }

    async fn remove_container(&self, request: Request<RemoveContainerRequest>) -> Answer<RemoveContainerResponse> {
        let id = request.into_inner().container_id;
        if !self.state().containers.contains_key(&id) {
            return ok(RemoveContainerResponse {});
        }
        times::pass(self.inner.world.times.remove).await;
        self.forget(&id);
        ok(RemoveContainerResponse {})
    }

    async fn list_containers(&self, request: Request<ListContainersRequest>) -> Answer<ListContainersResponse> {
        let wanted = request.into_inner().filter.unwrap_or_default();
        let state = self.state();
        let all = state.containers.iter().map(|(id, container)| container.listed(id));
        let containers = all.filter(|container| {
            (wanted.id.is_empty() || container.id == wanted.id)
                && (wanted.pod_sandbox_id.is_empty() || container.pod_sandbox_id == wanted.pod_sandbox_id)
                && wanted.state.as_ref().is_none_or(|wanted| wanted.state == container.state)
                && state::selects(&wanted.label_selector, &container.labels)
        });
        ok(ListContainersResponse { containers: containers.collect() })
    }

    async fn container_status(&self, request: Request<ContainerStatusRequest>) -> Answer<ContainerStatusResponse> {
        let id = request.into_inner().container_id;
        let status = self.state().containers.get(&id).map(|container| container.status(&id));
        let status = Some(status.ok_or_else(|| no_such("container", &id))?);
        ok(ContainerStatusResponse { status, ..ContainerStatusResponse::default() })
    }

    async fn get_container_events(
        &self,
        _: Request<GetEventsRequest>,
    ) -> Answer<BoxStream<'static, Result<ContainerEventResponse, Status>>> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.state().subscribers.push(sender);
        ok(UnboundedReceiverStream::new(receiver).boxed())
    }
}

pub(super) fn ok<T>(answer: T) -> Answer<T> {
    Ok(Response::new(answer))
}

fn no_address() -> Status {
    Status::resource_exhausted("all addresses of hollow Pods are taken")
}
