//! The CRI calls that the node makes, one function each, with a fault point before and after.
//!
//! Nothing is decided here and nothing is tried twice: a call that is lost is made good by the next plan.

mod cgroup_driver;
mod images;
pub(crate) mod labels;
mod process;
pub(crate) mod reading;
mod report;
mod usage;

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use reprise_cri::v1::{
    AttachRequest, AuthConfig, Container, ContainerConfig, ContainerEventResponse, ContainerFilter, ContainerStatus,
    ContainerStatusRequest, CreateContainerRequest, ExecRequest, ExecSyncRequest, ExecSyncResponse, GetEventsRequest,
    Image, ImageSpec, ImageStatusRequest, ListContainersRequest, ListPodSandboxRequest, PodSandbox, PodSandboxConfig,
    PodSandboxFilter, PodSandboxStatus, PodSandboxStatusRequest, PortForwardRequest, PullImageRequest,
    RemoveContainerRequest, RemovePodSandboxRequest, RunPodSandboxRequest, StartContainerRequest, StopContainerRequest,
    StopPodSandboxRequest, VersionRequest,
};
use reprise_cri::{Call, CallObserver, CriClient, CriError};
use tonic::Streaming;

pub(crate) use cgroup_driver::CgroupDriver;

use crate::fault;
use crate::node::WantedStreams;

/// The runtime, as the node uses it. Clones share the connection.
#[derive(Debug, Clone)]
pub(crate) struct Runtime {
    client: CriClient,
    /// How long it may take for what normally takes milliseconds.
    limit: Duration,
}

/// What a listing showed.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub sandboxes: Vec<PodSandbox>,
    pub containers: Vec<Container>,
}

impl Runtime {
    /// The runtime that `client` reaches, which may take `limit` for a call; its calls are told to `observer`.
    pub(crate) fn new(client: CriClient, limit: Duration, observer: Arc<dyn CallObserver>) -> Self {
        Self { client: client.with_timeout(limit).observed_by(observer), limit }
    }

    pub(crate) async fn version(&self) -> Result<(), CriError> {
        let request = VersionRequest { version: "v1".to_owned() };
        let call = Call::new("Version", "").within(Duration::from_secs(5));
        self.client.call(call, self.client.runtime().version(request)).await.map(drop)
    }

    /// All sandboxes and containers in the runtime, or those of one Pod. Asked at once: a container whose sandbox is
    /// not listed is newer than the list of sandboxes.
    pub(crate) async fn list(&self, uid: Option<&str>) -> Result<Listing, CriError> {
        let labels = uid.map(labels::selector);
        let sandboxes = ListPodSandboxRequest {
            filter: labels.clone().map(|label_selector| PodSandboxFilter { label_selector, ..Default::default() }),
        };
        let containers = ListContainersRequest {
            filter: labels.map(|label_selector| ContainerFilter { label_selector, ..Default::default() }),
        };
        let object = uid.unwrap_or("all Pods");
        let (mut of_sandboxes, mut of_containers) = (self.client.runtime(), self.client.runtime());
        let (sandboxes, containers) = futures::join!(
            self.client.call(Call::new("ListPodSandbox", object), of_sandboxes.list_pod_sandbox(sandboxes)),
            self.client.call(Call::new("ListContainers", object), of_containers.list_containers(containers)),
        );
        Ok(Listing { sandboxes: sandboxes?.items, containers: containers?.containers })
    }

    pub(crate) async fn events(&self) -> Result<Streaming<ContainerEventResponse>, CriError> {
        let call = Call::new("GetContainerEvents", "").unlimited();
        self.client.call(call, self.client.runtime().get_container_events(GetEventsRequest {})).await
    }

    pub(crate) async fn run_sandbox(&self, config: PodSandboxConfig, handler: &str) -> Result<String, CriError> {
        let name = config.metadata.as_ref().map(|m| format!("{}/{}", m.namespace, m.name)).unwrap_or_default();
        let request = RunPodSandboxRequest { config: Some(config), runtime_handler: handler.to_owned() };
        fault::point("before RunPodSandbox");
        // Networks can be slow: the kubelet gives this call twice the time, too.
        let call = Call::new("RunPodSandbox", name).within(self.limit.saturating_mul(2));
        let answer = self.client.call(call, self.client.runtime().run_pod_sandbox(request)).await;
        fault::point("after RunPodSandbox");
        answer.map(|a| a.pod_sandbox_id)
    }

    pub(crate) async fn sandbox_status(&self, id: &str) -> Result<Option<PodSandboxStatus>, CriError> {
        let request = PodSandboxStatusRequest { pod_sandbox_id: id.to_owned(), verbose: false };
        let call = Call::new("PodSandboxStatus", id);
        let answer = self.client.call(call, self.client.runtime().pod_sandbox_status(request)).await;
        absent_as_none(answer).map(|a| a.and_then(|a| a.status))
    }

    /// Stops and removes a sandbox. One that is gone is a success.
    pub(crate) async fn remove_sandbox(&self, id: &str) -> Result<(), CriError> {
        let request = StopPodSandboxRequest { pod_sandbox_id: id.to_owned() };
        fault::point("before StopPodSandbox");
        let stopped =
            self.client.call(Call::new("StopPodSandbox", id), self.client.runtime().stop_pod_sandbox(request)).await;
        fault::point("after StopPodSandbox");
        absent_as_none(stopped)?;
        let request = RemovePodSandboxRequest { pod_sandbox_id: id.to_owned() };
        fault::point("before RemovePodSandbox");
        let call = Call::new("RemovePodSandbox", id);
        let removed = self.client.call(call, self.client.runtime().remove_pod_sandbox(request)).await;
        fault::point("after RemovePodSandbox");
        absent_as_none(removed).map(drop)
    }

    pub(crate) async fn create_container(
        &self,
        sandbox: &str,
        config: ContainerConfig,
        sandbox_config: PodSandboxConfig,
    ) -> Result<String, CriError> {
        let name = config.metadata.as_ref().map(|m| m.name.clone()).unwrap_or_default();
        let request = CreateContainerRequest {
            pod_sandbox_id: sandbox.to_owned(),
            config: Some(config),
            sandbox_config: Some(sandbox_config),
        };
        fault::point("before CreateContainer");
        let call = Call::new("CreateContainer", name);
        let answer = self.client.call(call, self.client.runtime().create_container(request)).await;
        fault::point("after CreateContainer");
        answer.map(|a| a.container_id)
    }

    pub(crate) async fn start_container(&self, id: &str) -> Result<(), CriError> {
        let request = StartContainerRequest { container_id: id.to_owned() };
        fault::point("before StartContainer");
        let call = Call::new("StartContainer", id);
        let answer = self.client.call(call, self.client.runtime().start_container(request)).await;
        fault::point("after StartContainer");
        answer.map(drop)
    }

    /// SIGTERM, and SIGKILL after `grace_seconds`; SIGKILL at once if that is 0. One that is gone is a success.
    pub(crate) async fn stop_container(&self, id: &str, grace_seconds: i64) -> Result<(), CriError> {
        let request = StopContainerRequest { container_id: id.to_owned(), timeout: grace_seconds };
        let grace = Duration::from_secs(grace_seconds.unsigned_abs());
        fault::point("before StopContainer");
        let call = Call::new("StopContainer", id).within(self.limit.saturating_add(grace));
        let answer = self.client.call(call, self.client.runtime().stop_container(request)).await;
        fault::point("after StopContainer");
        absent_as_none(answer).map(drop)
    }

    /// One that is gone is a success.
    pub(crate) async fn remove_container(&self, id: &str) -> Result<(), CriError> {
        let request = RemoveContainerRequest { container_id: id.to_owned() };
        fault::point("before RemoveContainer");
        let call = Call::new("RemoveContainer", id);
        let answer = self.client.call(call, self.client.runtime().remove_container(request)).await;
        fault::point("after RemoveContainer");
        absent_as_none(answer).map(drop)
    }

    /// None if there is no such container.
    pub(crate) async fn container_status(&self, id: &str) -> Result<Option<ContainerStatus>, CriError> {
        let request = ContainerStatusRequest { container_id: id.to_owned(), verbose: false };
        let call = Call::new("ContainerStatus", id);
        let answer = self.client.call(call, self.client.runtime().container_status(request)).await;
        absent_as_none(answer).map(|a| a.and_then(|a| a.status))
    }

    /// Where a client can run a command in a container.
    pub(crate) async fn exec_url(
        &self,
        id: &str,
        command: Vec<String>,
        streams: WantedStreams,
    ) -> Result<String, CriError> {
        let WantedStreams { stdin, stdout, stderr, tty } = streams;
        let request = ExecRequest { container_id: id.to_owned(), cmd: command, tty, stdin, stdout, stderr };
        let answer = self.client.call(Call::new("Exec", id), self.client.runtime().exec(request)).await;
        answer.map(|a| a.url)
    }

    /// Where a client can attach to a container.
    pub(crate) async fn attach_url(&self, id: &str, streams: WantedStreams) -> Result<String, CriError> {
        let WantedStreams { stdin, stdout, stderr, tty } = streams;
        let request = AttachRequest { container_id: id.to_owned(), stdin, tty, stdout, stderr };
        let answer = self.client.call(Call::new("Attach", id), self.client.runtime().attach(request)).await;
        answer.map(|a| a.url)
    }

    /// Where a client can reach ports in a sandbox.
    pub(crate) async fn port_forward_url(&self, sandbox: &str, ports: &[u16]) -> Result<String, CriError> {
        let port = ports.iter().copied().map(i32::from).collect();
        let request = PortForwardRequest { pod_sandbox_id: sandbox.to_owned(), port };
        let call = Call::new("PortForward", sandbox);
        self.client.call(call, self.client.runtime().port_forward(request)).await.map(|a| a.url)
    }

    /// Runs a command in a container. `limit_seconds` 0 is no limit.
    pub(crate) async fn exec(
        &self,
        id: &str,
        command: Vec<String>,
        limit_seconds: i64,
    ) -> Result<ExecSyncResponse, CriError> {
        let request = ExecSyncRequest { container_id: id.to_owned(), cmd: command, timeout: limit_seconds };
        let limit = Duration::from_secs(limit_seconds.unsigned_abs());
        let call = Call::new("ExecSync", id);
        let call = if limit.is_zero() { call.unlimited() } else { call.within(self.limit.saturating_add(limit)) };
        self.client.call(call, self.client.runtime().exec_sync(request)).boxed().await
    }

    /// None if the image is not there.
    pub(crate) async fn image_status(&self, image: &str) -> Result<Option<Image>, CriError> {
        let request = ImageStatusRequest { image: Some(image_spec(image)), verbose: false };
        fault::point("before ImageStatus");
        let call = Call::new("ImageStatus", image);
        let answer = self.client.call(call, self.client.images().image_status(request)).await;
        fault::point("after ImageStatus");
        absent_as_none(answer).map(|a| a.and_then(|a| a.image))
    }

    /// The reference that the runtime resolved the image to.
    pub(crate) async fn pull_image(
        &self,
        image: &str,
        auth: Option<AuthConfig>,
        sandbox: PodSandboxConfig,
    ) -> Result<String, CriError> {
        let request = PullImageRequest { image: Some(image_spec(image)), auth, sandbox_config: Some(sandbox) };
        fault::point("before PullImage");
        let call = Call::new("PullImage", image).unlimited();
        let answer = self.client.call(call, self.client.images().pull_image(request)).await;
        fault::point("after PullImage");
        answer.map(|a| a.image_ref)
    }
}

fn image_spec(image: &str) -> ImageSpec {
    ImageSpec { image: image.to_owned(), user_specified_image: image.to_owned(), ..ImageSpec::default() }
}

/// What is not there can't be read and need not be stopped or removed.
fn absent_as_none<T>(answer: Result<T, CriError>) -> Result<Option<T>, CriError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(e) if e.is_not_found() => Ok(None),
        Err(e) => Err(e),
    }
}
