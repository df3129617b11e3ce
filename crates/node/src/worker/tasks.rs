//! The work of actions and look-ups, away from the worker: each function is one task's body and ends in an answer.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use reprise_core::observed::{ContainerObservation, RuntimeExit, RuntimeState, SandboxObservation};
use reprise_cri::v1::{ContainerState, PodSandboxConfig, PodSandboxState};
use reprise_cri::{CodeClass, CriError};
use tokio::sync::mpsc;

use super::Shared;
use super::mail::{Listed, Mail, Outcome, Resynced};
use super::sight::Sight;
use super::volumes::VolumeWork;
use crate::container::build::{self, Around, ResolvedImage, RunOf};
use crate::error::chain;
use crate::events;
use crate::image::credentials;
use crate::image::ensure::{self, Ensured};
use crate::paths::PodPaths;
use crate::pod_key::uid_of;
use crate::runtime_calls::{Runtime, labels, reading};
use crate::sandbox;
use crate::sandbox::build::SandboxConfigError;

/// The reason of a container whose configuration can't be made, or whose devices can't be prepared.
pub(super) const CONFIG_REASON: &str = "CreateContainerConfigError";

/// How often to try to remove what is in the way, and the pause in between.
const CLEARING_TRIES: u32 = 100;
/// See [`CLEARING_TRIES`].
const CLEARING_PAUSE: Duration = Duration::from_millis(200);

/// What every task for a Pod needs.
#[derive(Clone)]
pub(super) struct Job {
    pub shared: Arc<Shared>,
    pub pod: Arc<Pod>,
    pub paths: PodPaths,
    pub volumes: VolumeWork,
}

/// A container to create.
pub(super) struct Creation {
    pub container: String,
    pub sandbox: SandboxObservation,
    pub epoch: Option<u64>,
    pub attempt: u32,
    pub image: ResolvedImage,
    pub target_id: Option<String>,
    pub qos: String,
}

/// Sends mail. A worker that has ended needs none.
pub(super) fn post(mailbox: &mpsc::UnboundedSender<Mail>, mail: Mail) {
    if mailbox.send(mail).is_err() {
        tracing::debug!("mail for a worker that has ended");
    }
}

impl Job {
    /// The sandbox's configuration, the same in every call that has it.
    fn sandbox_config(&self, attempt: u32) -> Result<PodSandboxConfig, SandboxConfigError> {
        let mut config = sandbox::build::config(&self.pod, &self.shared.config, &self.paths, attempt)?;
        labels::sign(&mut config.labels, &self.shared.node_id);
        Ok(config)
    }

    fn tell(&self, event: events::PodEvent) {
        self.shared.publisher.tell_event(&self.pod, event);
    }
}

pub(super) async fn allocate_devices(job: Job) -> Outcome {
    let file = job.paths.devices_file();
    Outcome::DevicesAllocated(job.shared.devices.allocate(uid_of(&job.pod), &job.pod, &file).await)
}

/// The Pod's cgroup, volumes, then the sandbox, then its addresses.
pub(super) async fn create_sandbox(job: Job, attempt: u32) -> Outcome {
    const REASON: &str = "CreatePodSandboxError";
    let preparing = job.clone();
    let prepared = blocking(move || {
        let cgroup = preparing.shared.cgroups.set_up(&preparing.pod);
        cgroup.map_err(|e| {
            ("FailedCreatePodContainer", format!("unable to ensure pod container exists: {}", chain(&e)))
        })?;
        preparing.volumes.set_up().map_err(|e| ("FailedMount", chain(&e)))?;
        std::fs::create_dir_all(preparing.paths.logs())
            .map_err(|e| (REASON, format!("can't create the log folder {}: {e}", preparing.paths.logs().display())))?;
        preparing.sandbox_config(attempt).map_err(|e| (REASON, chain(&e)))
    });
    let config = match prepared.await {
        Ok(Ok(config)) => config,
        Ok(Err((reason, message))) => return Outcome::Failed { reason, message },
        Err(message) => return Outcome::Failed { reason: REASON, message },
    };
    let handler = match handler(&job) {
        Ok(handler) => handler,
        Err(message) => return Outcome::Failed { reason: REASON, message },
    };
    let runtime = &job.shared.runtime;
    let id = match runtime.run_sandbox(config, &handler).await {
        Ok(id) => id,
        Err(error) => return failed(error, REASON),
    };
    match runtime.sandbox_status(&id).await {
        Ok(Some(status)) => Outcome::SandboxCreated(reading::sandbox(&status)),
        Ok(None) => Outcome::Failed { reason: REASON, message: format!("the sandbox {id} is gone again") },
        Err(error) => Outcome::Unanswered(error),
    }
}

/// The runtime's handler for the Pod's RuntimeClass; the node's own where it names none.
fn handler(job: &Job) -> Result<String, String> {
    let class = job.pod.spec.as_ref().and_then(|spec| spec.runtime_class_name.clone()).unwrap_or_default();
    if class.is_empty() {
        return Ok(job.shared.config.runtime_handler.clone());
    }
    let known = job.shared.runtime_classes.lock().unwrap_or_else(PoisonError::into_inner);
    known.get(&class).cloned().ok_or_else(|| format!("failed to get sandbox runtime: RuntimeClass {class:?} not found"))
}

pub(super) async fn ensure_image(
    job: Job,
    container: String,
    attempt: u32,
    image: String,
    policy: Option<String>,
) -> Outcome {
    let sandbox = match job.sandbox_config(0) {
        Ok(config) => config,
        Err(error) => return Outcome::ImageFailed { attempt, reason: "ErrImagePull", message: chain(&error) },
    };
    let (credentials, problems) = credentials::of_pod(&job.pod, &image, &job.shared.objects);
    let pulling = || {
        for problem in problems {
            job.tell(events::warning_of_pod("FailedToRetrieveImagePullSecret", problem));
        }
        job.tell(events::pulling(&job.pod, &container, &image));
    };
    match ensure::ensure(&job.shared.runtime, &image, policy.as_deref(), credentials, sandbox, pulling).await {
        Ok(Ensured { image: resolved, pulled }) => {
            job.tell(events::pulled(&job.pod, &container, &image, pulled));
            Outcome::ImageReady { attempt, image: resolved }
        }
        // For a pull it may be the registry that is unavailable, which the user must see.
        Err(ensure::ImageError::Pull { source, .. }) if source.is_lost() => Outcome::Unanswered(source),
        Err(ensure::ImageError::Inspect { source, .. }) if source.class() == Some(CodeClass::Unavailable) => {
            Outcome::Unanswered(source)
        }
        Err(error) => Outcome::ImageFailed { attempt, reason: error.reason(), message: error.to_string() },
    }
}

pub(super) async fn create_container(job: Job, creation: Creation) -> Outcome {
    const REASON: &str = "CreateContainerError";
    let devices = &job.shared.devices;
    if let Err(message) = devices.prepare_start(uid_of(&job.pod), &creation.container).await {
        return Outcome::Failed { reason: CONFIG_REASON, message };
    }
    let grants = devices.of_container(uid_of(&job.pod), &creation.container);
    let (preparing, creation) = (job.clone(), Arc::new(creation));
    let of = Arc::clone(&creation);
    let prepared = blocking(move || {
        let run = RunOf {
            container: &of.container,
            epoch: of.epoch,
            attempt: of.attempt,
            image: &of.image,
            target_id: of.target_id.as_deref(),
        };
        let api_service = preparing.shared.api_service.get();
        let around = Around {
            pod: &preparing.pod,
            config: &preparing.shared.config,
            paths: &preparing.paths,
            pod_ips: &of.sandbox.ips,
            qos: &of.qos,
            machine: &preparing.shared.machine,
            offered: &preparing.shared.offered,
            objects: &preparing.shared.objects,
            api_service: api_service.as_ref(),
            grants: &grants,
        };
        let mut config = build::config(&around, &run).map_err(|e| (CONFIG_REASON, chain(&e)))?;
        labels::sign(&mut config.labels, &preparing.shared.node_id);
        let sandbox = preparing.sandbox_config(of.sandbox.attempt).map_err(|e| (REASON, chain(&e)))?;
        Ok((config, sandbox))
    });
    let (config, sandbox) = match prepared.await {
        Ok(Ok(configs)) => configs,
        Ok(Err((reason, message))) => return Outcome::Failed { reason, message },
        Err(message) => return Outcome::Failed { reason: REASON, message },
    };
    let image = config.image.as_ref().map(|i| i.user_specified_image.clone()).unwrap_or_default();
    match job.shared.runtime.create_container(&creation.sandbox.id, config, sandbox).await {
        Ok(id) => {
            job.tell(events::created(&job.pod, &creation.container));
            Outcome::Created(Box::new(ContainerObservation {
                id,
                sandbox: creation.sandbox.id.clone(),
                name: creation.container.clone(),
                epoch: creation.epoch,
                attempt: creation.attempt,
                state: RuntimeState::Created,
                image,
                image_id: creation.image.image_id.clone(),
            }))
        }
        Err(error) => failed(error, REASON),
    }
}

pub(super) async fn start_container(job: Job, id: String) -> Outcome {
    match job.shared.runtime.start_container(&id).await {
        Ok(()) => Outcome::Carried,
        Err(error) => failed(error, "RunContainerError"),
    }
}

pub(super) async fn kill_container(job: Job, id: String, grace_seconds: i64) -> Outcome {
    carried(job.shared.runtime.stop_container(&id, grace_seconds).await)
}

pub(super) async fn remove_container(job: Job, id: String) -> Outcome {
    carried(job.shared.runtime.remove_container(&id).await)
}

/// Removes a container that nobody counts on; until it is gone its name is taken.
pub(super) async fn clear_cut_off(job: &Job, id: &str) {
    for _ in 0..CLEARING_TRIES {
        match job.shared.runtime.remove_container(id).await {
            Ok(()) => return,
            Err(error) => tracing::debug!(id, error = %chain(&error), "a container that was not started stays"),
        }
        tokio::time::sleep(CLEARING_PAUSE).await;
    }
    tracing::warn!(id, "a container that was not started can't be removed");
}

pub(super) async fn remove_sandbox(job: Job, id: String) -> Outcome {
    carried(job.shared.runtime.remove_sandbox(&id).await)
}

/// After a start or kill that no event has confirmed.
pub(super) async fn confirm(job: Job, id: String) -> Outcome {
    match job.shared.runtime.container_status(&id).await {
        Ok(status) => Outcome::Confirmed { status: status.map(Box::new) },
        Err(error) => Outcome::Unanswered(error),
    }
}

fn carried(answer: Result<(), CriError>) -> Outcome {
    match answer {
        Ok(()) => Outcome::Carried,
        Err(error) => Outcome::Unanswered(error),
    }
}

/// A refusal is shown to the user; of a call without an answer nobody knows what came of it.
fn failed(error: CriError, reason: &'static str) -> Outcome {
    let message = || error.answer().map_or_else(|| chain(&error), str::to_owned);
    match error.class() {
        Some(CodeClass::Unavailable | CodeClass::DeadlineExceeded) => Outcome::Unanswered(error),
        Some(CodeClass::AlreadyExists) => Outcome::Taken { reason, message: message() },
        _ => Outcome::Failed { reason, message: message() },
    }
}

/// Runs file work where it may block. The error is the message of a panic.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
    tokio::task::spawn_blocking(work).await.map_err(|e| e.to_string())
}

/// Ids of what must be looked at closely: sandboxes, then containers with their sandbox.
#[derive(Debug, Default)]
pub(super) struct Open {
    sandboxes: Vec<String>,
    containers: Vec<(String, String)>,
}

impl Open {
    pub(super) fn is_empty(&self) -> bool {
        self.sandboxes.is_empty() && self.containers.is_empty()
    }
}

/// Sorts a listing into what is known already and what must be looked at.
pub(super) fn split(listed: Listed, sight: &Sight) -> (Resynced, Open) {
    let mut open = Open::default();
    let mut resynced = Resynced {
        asked_at: listed.asked_at,
        listed_sandboxes: listed.sandboxes.iter().map(|s| s.id.clone()).collect(),
        listed_containers: listed.containers.iter().map(|c| c.id.clone()).collect(),
        sandboxes: Vec::new(),
        containers: Vec::new(),
    };
    for s in listed.sandboxes {
        match sight.sandbox(&s.id) {
            Some(known) if s.state() == PodSandboxState::SandboxNotready => {
                resynced.sandboxes.push(SandboxObservation { ready: false, ..known.clone() });
            }
            Some(_) => {}
            None => open.sandboxes.push(s.id),
        }
    }
    for c in listed.containers {
        if sight.is_news(&c.id, &listed_state(c.state())) {
            open.containers.push((c.id, c.pod_sandbox_id));
        }
    }
    (resynced, open)
}

/// A state to compare by; times and codes are not in a listing.
fn listed_state(state: ContainerState) -> RuntimeState {
    let at = jiff::Timestamp::UNIX_EPOCH;
    match state {
        ContainerState::ContainerCreated => RuntimeState::Created,
        ContainerState::ContainerRunning => RuntimeState::Running { started_at: at },
        ContainerState::ContainerExited => RuntimeState::Exited(RuntimeExit {
            exit_code: 0,
            reason: String::new(),
            message: String::new(),
            started_at: None,
            finished_at: at,
        }),
        ContainerState::ContainerUnknown => RuntimeState::Unknown,
    }
}

/// Looks at everything that is open, all at once.
pub(super) async fn look_closely(runtime: &Runtime, mut to: Resynced, open: Open) -> Result<Resynced, CriError> {
    let sandboxes = open.sandboxes.iter().map(|id| runtime.sandbox_status(id));
    let containers = open.containers.iter().map(|(id, _)| runtime.container_status(id));
    let (sandboxes, containers) =
        futures::join!(futures::future::try_join_all(sandboxes), futures::future::try_join_all(containers));
    to.sandboxes.extend(sandboxes?.iter().flatten().map(reading::sandbox));
    for (status, (_, sandbox)) in containers?.iter().zip(&open.containers) {
        to.containers.extend(status.as_ref().and_then(|s| reading::container(s, sandbox)));
    }
    Ok(to)
}
