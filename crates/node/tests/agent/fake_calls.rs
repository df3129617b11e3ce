//! The CRI calls of the [`Fake`] runtime.

use futures::StreamExt;
use futures::stream::BoxStream;
use reprise_cri::v1::image_service_server::ImageService;
use reprise_cri::v1::runtime_service_server::RuntimeService;
use reprise_cri::v1::*;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::{Request, Response, Status};

use crate::fake_runtime::{Fake, Phase, epoch, label, now, short_name};

type Answer<T> = Result<Response<T>, Status>;

fn ok<T>(answer: T) -> Answer<T> {
    Ok(Response::new(answer))
}

#[tonic::async_trait]
impl RuntimeService for Fake {
    async fn version(&self, _: Request<VersionRequest>) -> Answer<VersionResponse> {
        ok(VersionResponse::default())
    }

    async fn status(&self, _: Request<StatusRequest>) -> Answer<StatusResponse> {
        let condition = |kind: &str| RuntimeCondition { r#type: kind.into(), status: true, ..Default::default() };
        let conditions = vec![condition("RuntimeReady"), condition("NetworkReady")];
        ok(StatusResponse { status: Some(RuntimeStatus { conditions }), ..StatusResponse::default() })
    }

    async fn run_pod_sandbox(&self, request: Request<RunPodSandboxRequest>) -> Answer<RunPodSandboxResponse> {
        self.called("RunPodSandbox", "").await?;
        let config = request.into_inner().config.unwrap_or_default();
        let id = {
            let mut state = self.state();
            state.last_id += 1;
            let id = format!("s{}", state.last_id);
            let status = PodSandboxStatus {
                id: id.clone(),
                metadata: config.metadata,
                labels: config.labels,
                annotations: config.annotations,
                network: Some(PodSandboxNetworkStatus { ip: "10.9.8.7".into(), additional_ips: Vec::new() }),
                ..PodSandboxStatus::default()
            };
            state.sandboxes.insert(id.clone(), status);
            id
        };
        self.note_change();
        ok(RunPodSandboxResponse { pod_sandbox_id: id })
    }

    async fn stop_pod_sandbox(&self, request: Request<StopPodSandboxRequest>) -> Answer<StopPodSandboxResponse> {
        self.called("StopPodSandbox", &request.into_inner().pod_sandbox_id).await?;
        ok(StopPodSandboxResponse {})
    }

    async fn remove_pod_sandbox(&self, request: Request<RemovePodSandboxRequest>) -> Answer<RemovePodSandboxResponse> {
        let id = request.into_inner().pod_sandbox_id;
        self.called("RemovePodSandbox", &id).await?;
        self.state().sandboxes.remove(&id);
        self.note_change();
        ok(RemovePodSandboxResponse {})
    }

    async fn pod_sandbox_status(&self, request: Request<PodSandboxStatusRequest>) -> Answer<PodSandboxStatusResponse> {
        let status = self.state().sandboxes.get(&request.into_inner().pod_sandbox_id).cloned();
        let status = Some(status.ok_or_else(|| Status::not_found("no such sandbox"))?);
        ok(PodSandboxStatusResponse { status, ..PodSandboxStatusResponse::default() })
    }

    async fn list_pod_sandbox(&self, request: Request<ListPodSandboxRequest>) -> Answer<ListPodSandboxResponse> {
        let wanted = request.into_inner().filter.unwrap_or_default().label_selector;
        let state = self.state();
        let items = state.sandboxes.values().filter(|s| wanted.iter().all(|(k, v)| s.labels.get(k) == Some(v)));
        let items = items.map(|s| PodSandbox {
            id: s.id.clone(),
            metadata: s.metadata.clone(),
            state: s.state,
            labels: s.labels.clone(),
            ..PodSandbox::default()
        });
        let items = items.collect();
        ok(ListPodSandboxResponse { items })
    }

    async fn create_container(&self, request: Request<CreateContainerRequest>) -> Answer<CreateContainerResponse> {
        let request = request.into_inner();
        let config = request.config.unwrap_or_default();
        let mut status = ContainerStatus {
            metadata: config.metadata,
            labels: config.labels,
            image: config.image,
            image_ref: "busybox@sha256:1".into(),
            mounts: config.mounts,
            annotations: config.annotations,
            created_at: now(),
            ..ContainerStatus::default()
        };
        self.called("CreateContainer", &label(&status)).await?;
        let id = {
            let mut state = self.state();
            state.last_id += 1;
            status.id = format!("c{}", state.last_id);
            let id = status.id.clone();
            let older = state.containers.values().any(|(_, c)| epoch(c) < epoch(&status));
            if older {
                state.fencing_broken.push(label(&status));
            }
            state.containers.insert(id.clone(), (request.pod_sandbox_id, status));
            id
        };
        self.announce(&id, ContainerEventType::ContainerCreatedEvent);
        self.hang_if(Phase::After).await;
        ok(CreateContainerResponse { container_id: id })
    }

    async fn start_container(&self, request: Request<StartContainerRequest>) -> Answer<StartContainerResponse> {
        let id = request.into_inner().container_id;
        self.called("StartContainer", &self.name_of(&id)).await?;
        let exit = {
            let mut state = self.state();
            let (_, c) = state.containers.get_mut(&id).ok_or_else(|| Status::not_found("no such container"))?;
            c.set_state(ContainerState::ContainerRunning);
            c.started_at = now();
            let name = short_name(c).to_owned();
            state.exits.get(&name).copied()
        };
        self.announce(&id, ContainerEventType::ContainerStartedEvent);
        if let Some(code) = exit {
            self.end(&id, code);
        }
        self.hang_if(Phase::After).await;
        ok(StartContainerResponse {})
    }

    async fn stop_container(&self, request: Request<StopContainerRequest>) -> Answer<StopContainerResponse> {
        let StopContainerRequest { container_id, timeout } = request.into_inner();
        self.called("StopContainer", &format!("{} {timeout}", self.name_of(&container_id))).await?;
        if timeout == 0 {
            self.end(&container_id, 137);
        } else {
            // Containers here do not listen to SIGTERM.
            let name = self.name_of(&container_id);
            self.until("the container exits or is killed", |s| {
                s.containers.get(&container_id).is_none_or(|(_, c)| c.state() == ContainerState::ContainerExited)
                    || s.called(&format!("StopContainer {name} 0"))
            })
            .await;
        }
        self.hang_if(Phase::After).await;
        ok(StopContainerResponse {})
    }

    async fn remove_container(&self, request: Request<RemoveContainerRequest>) -> Answer<RemoveContainerResponse> {
        let id = request.into_inner().container_id;
        self.called("RemoveContainer", &self.name_of(&id)).await?;
        self.announce(&id, ContainerEventType::ContainerDeletedEvent);
        self.state().containers.remove(&id);
        self.note_change();
        self.hang_if(Phase::After).await;
        ok(RemoveContainerResponse {})
    }

    async fn list_containers(&self, request: Request<ListContainersRequest>) -> Answer<ListContainersResponse> {
        let wanted = request.into_inner().filter.unwrap_or_default().label_selector;
        let state = self.state();
        let of_pod = state.containers.values().filter(|(_, c)| wanted.iter().all(|(k, v)| c.labels.get(k) == Some(v)));
        let containers = of_pod.map(|(sandbox, c)| Container {
            id: c.id.clone(),
            pod_sandbox_id: sandbox.clone(),
            metadata: c.metadata.clone(),
            state: c.state,
            labels: c.labels.clone(),
            ..Container::default()
        });
        ok(ListContainersResponse { containers: containers.collect() })
    }

    async fn container_status(&self, request: Request<ContainerStatusRequest>) -> Answer<ContainerStatusResponse> {
        let status = self.state().containers.get(&request.into_inner().container_id).map(|(_, c)| c.clone());
        let status = Some(status.ok_or_else(|| Status::not_found("no such container"))?);
        ok(ContainerStatusResponse { status, ..ContainerStatusResponse::default() })
    }

    async fn exec(&self, request: Request<ExecRequest>) -> Answer<ExecResponse> {
        let request = request.into_inner();
        self.called("Exec", &self.name_of(&request.container_id)).await?;
        ok(ExecResponse { url: format!("http://fake/exec/{}", request.cmd.join(" ")) })
    }

    async fn attach(&self, request: Request<AttachRequest>) -> Answer<AttachResponse> {
        self.called("Attach", &self.name_of(&request.into_inner().container_id)).await?;
        ok(AttachResponse { url: "http://fake/attach".to_owned() })
    }

    async fn exec_sync(&self, request: Request<ExecSyncRequest>) -> Answer<ExecSyncResponse> {
        let request = request.into_inner();
        let command = request.cmd.join(" ");
        let what = format!("{} {command}", self.name_of(&request.container_id));
        self.called("ExecSync", &what).await?;
        let codes = self.state().commands.clone();
        let exit_code = codes.get(&what).or(codes.get(&command)).copied().unwrap_or(3);
        ok(ExecSyncResponse { stdout: command.into_bytes(), stderr: vec![0xff], exit_code })
    }

    /// Sandboxes are not measured here: the node asks for containers then.
    async fn list_container_stats(&self, _: Request<ListContainerStatsRequest>) -> Answer<ListContainerStatsResponse> {
        let state = self.state();
        let stats = state.containers.values().map(|(_, c)| ContainerStats {
            attributes: Some(ContainerAttributes { id: c.id.clone(), ..ContainerAttributes::default() }),
            cpu: Some(CpuUsage {
                timestamp: 5_000_000_000,
                usage_core_nano_seconds: Some(UInt64Value { value: 1_500_000_000 }),
                ..CpuUsage::default()
            }),
            memory: Some(MemoryUsage {
                timestamp: 5_000_000_000,
                working_set_bytes: Some(UInt64Value { value: 4096 }),
                ..MemoryUsage::default()
            }),
            ..ContainerStats::default()
        });
        ok(ListContainerStatsResponse { stats: stats.collect() })
    }

    async fn get_container_events(
        &self,
        _: Request<GetEventsRequest>,
    ) -> Answer<BoxStream<'static, Result<ContainerEventResponse, Status>>> {
        if self.state().no_events {
            return Err(Status::unimplemented("no events"));
        }
        ok(UnboundedReceiverStream::new(self.add_stream()).boxed())
    }
}

#[tonic::async_trait]
impl ImageService for Fake {
    async fn image_status(&self, request: Request<ImageStatusRequest>) -> Answer<ImageStatusResponse> {
        let name = request.into_inner().image.unwrap_or_default().image;
        let known = name.starts_with("sha256:") || self.state().images.contains(&name);
        let image = known.then(|| Image {
            id: format!("sha256:{}", name.trim_start_matches("sha256:")),
            repo_digests: vec!["busybox@sha256:1".into()],
            size: 1,
            ..Image::default()
        });
        ok(ImageStatusResponse { image, ..ImageStatusResponse::default() })
    }

    async fn pull_image(&self, request: Request<PullImageRequest>) -> Answer<PullImageResponse> {
        let name = request.into_inner().image.unwrap_or_default().image;
        self.called("PullImage", &name).await?;
        self.state().images.insert(name.clone());
        ok(PullImageResponse { image_ref: format!("sha256:{name}") })
    }
}
