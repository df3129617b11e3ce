//! What a runtime has.

use std::collections::{BTreeMap, HashMap};
use std::net::Ipv4Addr;
use std::time::{SystemTime, UNIX_EPOCH};

use reprise_cri::v1::{
    Container as ListedContainer, ContainerEventResponse, ContainerEventType, ContainerMetadata, ContainerState,
    ContainerStatus, ImageSpec, PodSandbox, PodSandboxMetadata, PodSandboxNetworkStatus, PodSandboxState,
    PodSandboxStatus,
};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tonic::Status;

use super::program::Program;

type Labels = HashMap<String, String>;

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) sandboxes: BTreeMap<String, Sandbox>,
    pub(super) containers: BTreeMap<String, Container>,
    pub(super) subscribers: Vec<mpsc::UnboundedSender<Result<ContainerEventResponse, Status>>>,
}

#[derive(Debug)]
pub(super) struct Sandbox {
    pub(super) metadata: PodSandboxMetadata,
    pub(super) labels: Labels,
    pub(super) annotations: Labels,
    /// None on the host's network.
    pub(super) address: Option<Ipv4Addr>,
    pub(super) created_at: i64,
    pub(super) is_ready: bool,
}

#[derive(Debug)]
pub(super) struct Container {
    pub(super) sandbox: String,
    pub(super) metadata: ContainerMetadata,
    pub(super) labels: Labels,
    pub(super) annotations: Labels,
    pub(super) image: Option<ImageSpec>,
    pub(super) log_path: String,
    pub(super) program: Program,
    pub(super) created_at: i64,
    pub(super) standing: Standing,
}

#[derive(Debug)]
pub(super) enum Standing {
    Created,
    /// The task is what its program does; a worker has none. `is_counted`: as a running worker.
    Running {
        since: i64,
        task: Option<AbortHandle>,
        is_counted: bool,
    },
    Exited {
        since: Option<i64>,
        at: i64,
        code: i32,
    },
}

impl State {
    /// The id of a running worker.
    pub(super) fn worker(&self, name: Option<&str>) -> Option<String> {
        let is_meant = |container: &Container| {
            matches!(container.standing, Standing::Running { is_counted: true, .. })
                && name.is_none_or(|name| name == container.metadata.name)
        };
        self.containers.iter().find(|(_, container)| is_meant(container)).map(|(id, _)| id.clone())
    }

    /// The ids of all that run.
    pub(super) fn running(&self) -> Vec<String> {
        let running = self.containers.iter().filter(|(_, c)| matches!(c.standing, Standing::Running { .. }));
        running.map(|(id, _)| id.clone()).collect()
    }

    /// The ids of a sandbox's containers.
    pub(super) fn of_sandbox(&self, sandbox: &str) -> Vec<String> {
        self.containers.iter().filter(|(_, c)| c.sandbox == sandbox).map(|(id, _)| id.clone()).collect()
    }

    /// Tells all who follow events.
    pub(super) fn announce(&mut self, id: &str, kind: ContainerEventType) {
        let Some(sandbox_id) = self.containers.get(id).map(|c| c.sandbox.clone()) else { return };
        let of_pod = self.containers.iter().filter(|(_, c)| c.sandbox == sandbox_id).map(|(id, c)| c.status(id));
        let event = ContainerEventResponse {
            container_id: id.to_owned(),
            container_event_type: kind as i32,
            created_at: now(),
            containers_statuses: of_pod.collect(),
            pod_sandbox_status: self.sandboxes.get(&sandbox_id).map(|sandbox| sandbox.status(&sandbox_id)),
        };
        self.subscribers.retain(|subscriber| subscriber.send(Ok(event.clone())).is_ok());
    }
}

impl Sandbox {
    fn state(&self) -> PodSandboxState {
        if self.is_ready { PodSandboxState::SandboxReady } else { PodSandboxState::SandboxNotready }
    }

    pub(super) fn listed(&self, id: &str) -> PodSandbox {
        PodSandbox {
            id: id.to_owned(),
            metadata: Some(self.metadata.clone()),
            state: self.state() as i32,
            created_at: self.created_at,
            labels: self.labels.clone(),
            annotations: self.annotations.clone(),
            ..PodSandbox::default()
        }
    }

    pub(super) fn status(&self, id: &str) -> PodSandboxStatus {
        let ip = self.address.map(|address| address.to_string()).unwrap_or_default();
        PodSandboxStatus {
            id: id.to_owned(),
            metadata: Some(self.metadata.clone()),
            state: self.state() as i32,
            created_at: self.created_at,
            network: Some(PodSandboxNetworkStatus { ip, additional_ips: Vec::new() }),
            labels: self.labels.clone(),
            annotations: self.annotations.clone(),
            ..PodSandboxStatus::default()
        }
    }
}

impl Container {
    pub(super) fn state(&self) -> ContainerState {
        match self.standing {
            Standing::Created => ContainerState::ContainerCreated,
            Standing::Running { .. } => ContainerState::ContainerRunning,
            Standing::Exited { .. } => ContainerState::ContainerExited,
        }
    }

    pub(super) fn listed(&self, id: &str) -> ListedContainer {
        ListedContainer {
            id: id.to_owned(),
            pod_sandbox_id: self.sandbox.clone(),
            metadata: Some(self.metadata.clone()),
            image: self.image.clone(),
            image_ref: self.image_ref(),
            state: self.state() as i32,
            created_at: self.created_at,
            labels: self.labels.clone(),
            annotations: self.annotations.clone(),
            ..ListedContainer::default()
        }
    }

    pub(super) fn status(&self, id: &str) -> ContainerStatus {
        let (started_at, finished_at, exit_code, reason) = match self.standing {
            Standing::Created => (0, 0, 0, ""),
            Standing::Running { since, .. } => (since, 0, 0, ""),
            Standing::Exited { since, at, code } => {
                (since.unwrap_or_default(), at, code, if code == 0 { "Completed" } else { "Error" })
            }
        };
        ContainerStatus {
            id: id.to_owned(),
            metadata: Some(self.metadata.clone()),
            state: self.state() as i32,
            created_at: self.created_at,
            started_at,
            finished_at,
            exit_code,
            image: self.image.clone(),
            image_ref: self.image_ref(),
            reason: reason.to_owned(),
            labels: self.labels.clone(),
            annotations: self.annotations.clone(),
            log_path: self.log_path.clone(),
            ..ContainerStatus::default()
        }
    }

    fn image_ref(&self) -> String {
        self.image.as_ref().map(|image| image.image.clone()).unwrap_or_default()
    }
}

/// Whether `labels` are among those that are wanted.
pub(super) fn selects(wanted: &Labels, labels: &Labels) -> bool {
    wanted.iter().all(|(key, value)| labels.get(key) == Some(value))
}

/// CRI's times: nanoseconds since 1970.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

/// An id that nothing had before or will have.
pub(super) fn new_id() -> String {
    format!("{:016x}{:016x}{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..), fastrand::u64(..), fastrand::u64(..))
}
