//! What a node counts on, asked as a node asks: through a client.

use std::sync::Arc;

use reprise_cri::v1::*;
use reprise_cri::{Call, CodeClass, CriClient, CriError};

use super::{HollowRuntime, World};
use crate::times::Times;

struct Scene {
    runtime: HollowRuntime,
    world: Arc<World>,
    client: CriClient,
}

impl Scene {
    fn new() -> Self {
        let world = Arc::new(World::new(Times::measured()));
        let runtime = HollowRuntime::new(Arc::clone(&world), None);
        Self { client: CriClient::in_process("in memory", runtime.clone()), runtime, world }
    }

    async fn sandbox(&self, name: &str) -> Result<String, CriError> {
        let metadata = Some(PodSandboxMetadata { name: name.to_owned(), ..PodSandboxMetadata::default() });
        let config = Some(PodSandboxConfig { metadata, ..PodSandboxConfig::default() });
        let request = RunPodSandboxRequest { config, ..RunPodSandboxRequest::default() };
        let mut runtime = self.client.runtime();
        let answer = self.client.call(Call::new("RunPodSandbox", name), runtime.run_pod_sandbox(request)).await;
        answer.map(|answer| answer.pod_sandbox_id)
    }

    async fn container(&self, sandbox: &str, name: &str, command: &[&str]) -> Result<String, CriError> {
        let config = ContainerConfig {
            metadata: Some(ContainerMetadata { name: name.to_owned(), attempt: 0 }),
            command: command.iter().map(|word| (*word).to_owned()).collect(),
            ..ContainerConfig::default()
        };
        let request = CreateContainerRequest {
            pod_sandbox_id: sandbox.to_owned(),
            config: Some(config),
            ..CreateContainerRequest::default()
        };
        let mut runtime = self.client.runtime();
        let answer = self.client.call(Call::new("CreateContainer", name), runtime.create_container(request)).await;
        answer.map(|answer| answer.container_id)
    }

    async fn start(&self, id: &str) -> Result<(), CriError> {
        let request = StartContainerRequest { container_id: id.to_owned() };
        let mut runtime = self.client.runtime();
        self.client.call(Call::new("StartContainer", id), runtime.start_container(request)).await.map(drop)
    }

    async fn stop(&self, id: &str, timeout: i64) {
        let request = StopContainerRequest { container_id: id.to_owned(), timeout };
        self.client.runtime().stop_container(request).await.unwrap();
    }

    async fn remove(&self, id: &str) {
        let request = RemoveContainerRequest { container_id: id.to_owned() };
        self.client.runtime().remove_container(request).await.unwrap();
    }

    async fn status(&self, id: &str) -> Option<ContainerStatus> {
        let request = ContainerStatusRequest { container_id: id.to_owned(), verbose: false };
        self.client.runtime().container_status(request).await.ok().and_then(|answer| answer.into_inner().status)
    }

    async fn events(&self) -> tonic::Streaming<ContainerEventResponse> {
        self.client.runtime().get_container_events(GetEventsRequest {}).await.unwrap().into_inner()
    }
}

/// Waits for the next event: what, and the states of all containers of the Pod.
async fn next(events: &mut tonic::Streaming<ContainerEventResponse>) -> (ContainerEventType, Vec<ContainerState>) {
    let event = events.message().await.unwrap().unwrap();
    (event.container_event_type(), event.containers_statuses.iter().map(ContainerStatus::state).collect())
}

#[tokio::test(start_paused = true)]
async fn a_container_lives_as_events_say_and_its_end_has_a_code() {
    let scene = Scene::new();
    let mut events = scene.events().await;
    let sandbox = scene.sandbox("p").await.unwrap();
    let id = scene.container(&sandbox, "c", &["/bin/sleep", "2"]).await.unwrap();
    assert_eq!(
        next(&mut events).await,
        (ContainerEventType::ContainerCreatedEvent, vec![ContainerState::ContainerCreated])
    );
    scene.start(&id).await.unwrap();
    assert_eq!(
        next(&mut events).await,
        (ContainerEventType::ContainerStartedEvent, vec![ContainerState::ContainerRunning])
    );
    assert_eq!(
        next(&mut events).await,
        (ContainerEventType::ContainerStoppedEvent, vec![ContainerState::ContainerExited])
    );
    let status = scene.status(&id).await.unwrap();
    assert_eq!((status.exit_code, status.reason.as_str()), (0, "Completed"));
    assert!(status.started_at >= status.created_at && status.finished_at >= status.started_at);
    scene.remove(&id).await;
    assert_eq!(next(&mut events).await.0, ContainerEventType::ContainerDeletedEvent);
    assert!(scene.status(&id).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn signals_end_with_what_a_shell_says_and_a_fault_with_its_code() {
    let scene = Scene::new();
    let sandbox = scene.sandbox("p").await.unwrap();
    let mut ids = Vec::new();
    for name in ["terminated", "killed", "failed"] {
        let id = scene.container(&sandbox, name, &["train"]).await.unwrap();
        scene.start(&id).await.unwrap();
        ids.push(id);
    }
    assert_eq!(scene.world.census.watch().borrow().workers_running, 3);
    scene.stop(&ids[0], 5).await;
    scene.stop(&ids[1], 0).await;
    assert!(scene.runtime.exit_worker(Some("failed"), 17) && !scene.runtime.exit_worker(None, 1));
    for (id, code) in ids.iter().zip([143, 137, 17]) {
        assert_eq!(
            scene.status(id).await.map(|status| (status.exit_code, status.reason)),
            Some((code, "Error".to_owned()))
        );
    }
    let counts = *scene.world.census.watch().borrow();
    assert_eq!((counts.workers_running, counts.workers_begun, counts.sandboxes), (0, 3, 1));
}

#[tokio::test(start_paused = true)]
async fn what_is_done_again_is_done_and_names_are_taken_once() {
    let scene = Scene::new();
    let sandbox = scene.sandbox("p").await.unwrap();
    assert!(scene.sandbox("p").await.is_err_and(|error| error.class() == Some(CodeClass::AlreadyExists)));
    let id = scene.container(&sandbox, "c", &["train"]).await.unwrap();
    assert!(
        scene.container(&sandbox, "c", &[]).await.is_err_and(|error| error.class() == Some(CodeClass::AlreadyExists))
    );
    scene.start(&id).await.unwrap();
    assert!(scene.start(&id).await.is_err());
    for _ in 0..2 {
        scene.stop(&id, 0).await;
    }
    for _ in 0..2 {
        scene.remove(&id).await;
    }
    assert!(scene.start(&id).await.is_err_and(|error| error.is_not_found()));
}

#[tokio::test(start_paused = true)]
async fn with_a_sandbox_go_its_containers_and_its_address() {
    let scene = Scene::new();
    let (first, second) = (scene.sandbox("a").await.unwrap(), scene.sandbox("b").await.unwrap());
    let id = scene.container(&first, "c", &["train"]).await.unwrap();
    scene.start(&id).await.unwrap();
    let address = |id: String| async {
        let request = PodSandboxStatusRequest { pod_sandbox_id: id, verbose: false };
        let status = scene.client.runtime().pod_sandbox_status(request).await.unwrap().into_inner().status.unwrap();
        (status.state(), status.network.unwrap_or_default().ip)
    };
    let (_, taken) = address(first.clone()).await;
    assert_ne!(address(second).await.1, taken);
    let stop = || StopPodSandboxRequest { pod_sandbox_id: first.clone() };
    for _ in 0..2 {
        scene.client.runtime().stop_pod_sandbox(stop()).await.unwrap();
    }
    assert_eq!(scene.status(&id).await.map(|status| status.exit_code), Some(137));
    assert_eq!(address(first.clone()).await, (PodSandboxState::SandboxNotready, String::new()));
    let third = scene.sandbox("c").await.unwrap();
    assert_eq!(address(third).await.1, taken, "an address is used again");
    for _ in 0..2 {
        let remove = RemovePodSandboxRequest { pod_sandbox_id: first.clone() };
        scene.client.runtime().remove_pod_sandbox(remove).await.unwrap();
    }
    assert!(scene.status(&id).await.is_none());
    assert_eq!(scene.world.census.watch().borrow().sandboxes, 2);
}
