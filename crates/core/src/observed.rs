//! What a Pod looks like from outside at one moment: values that the node gathers for [`crate::plan::plan`].

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::devices::ObservedDevices;
use crate::ephemeral_storage::StorageUse;
use crate::hook::HookResult;
use crate::probe::{ProbeKind, ProbeVerdict};

/// The reason of an exit that nobody saw, as in Kubernetes.
pub const STATUS_UNKNOWN: &str = "ContainerStatusUnknown";

/// Everything the node knows about one Pod right now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    /// The Pod's sandboxes in the runtime, in any order.
    pub sandboxes: Vec<SandboxObservation>,
    /// The Pod's containers in the runtime, of every epoch, in any order.
    pub containers: Vec<ContainerObservation>,
    /// Names of containers with a create or start call under way. What such a call makes may not be in
    /// `containers` yet, so nothing is concluded from its absence.
    pub in_flight: BTreeSet<String>,
    /// A sandbox is being created.
    pub sandbox_in_flight: bool,
    /// The last answer about each container's image, by container name.
    pub images: BTreeMap<String, ImageObservation>,
    /// Creating or starting this container failed, by container name.
    pub container_failures: BTreeMap<String, Failure>,
    /// Creating the sandbox (or setting up its volumes) failed.
    pub sandbox_failure: Option<Failure>,
    /// What the probes of each run have come to, by the runtime's id of the container and the kind of probe.
    pub probes: BTreeMap<(String, ProbeKind), ProbeVerdict>,
    /// How postStart hooks ended, by the runtime's id of the container.
    pub post_start: BTreeMap<String, HookResult>,
    /// What the Pod has on disk, where a limit makes that matter and it was measured.
    pub storage: Option<StorageUse>,
    /// What has become of the Pod's devices.
    pub devices: ObservedDevices,
}

/// A sandbox as the runtime reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SandboxObservation {
    /// The runtime's id.
    pub id: String,
    /// How many sandboxes this Pod had before.
    pub attempt: u32,
    /// Whether containers can run in it.
    pub ready: bool,
    /// Its addresses, the primary one first; empty on the host network.
    pub ips: Vec<String>,
}

/// A container as the runtime reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerObservation {
    /// The runtime's id.
    pub id: String,
    /// The id of the sandbox it is in.
    pub sandbox: String,
    /// The container's name in the Pod.
    pub name: String,
    /// The epoch it was created for; none for an ephemeral container.
    pub epoch: Option<u64>,
    /// How many runs of this container came before it.
    pub attempt: u32,
    /// What it does.
    pub state: RuntimeState,
    /// The image as the spec asked for it, as the runtime resolved it.
    pub image: String,
    /// The runtime's id of the image that it runs.
    pub image_id: String,
}

/// What a container in the runtime does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuntimeState {
    /// Created, its program not started.
    Created,
    /// Its program runs.
    Running {
        /// Since when.
        started_at: Timestamp,
    },
    /// It has ended.
    Exited(RuntimeExit),
    /// The runtime can't tell. Treated as running: nothing that may be alive is taken for dead.
    Unknown,
}

/// The end of a container, as the runtime reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimeExit {
    /// The program's exit code, or 128 + signal.
    pub exit_code: i32,
    /// A reason such as `OOMKilled` or `StartError`; may be empty.
    pub reason: String,
    /// A sentence; may be empty. Includes the termination message.
    pub message: String,
    /// When its program was started; unset if it never was.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Timestamp,
}

/// The answer to [`crate::action::Action::EnsureImage`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageObservation {
    /// The attempt of the container that it was asked for.
    pub attempt: u32,
    /// The image's reference for CreateContainer, or what went wrong.
    pub result: Result<String, Failure>,
}

/// Something that failed and will be tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The reason as a waiting container shows it, such as `ErrImagePull` or `CreateContainerError`.
    pub reason: String,
    /// What happened and what the user can do.
    pub message: String,
    /// When it last failed.
    pub at: Timestamp,
    /// How often in a row.
    pub count: u32,
}

impl ContainerObservation {
    /// Whether it may have a living process.
    #[must_use]
    pub fn may_run(&self) -> bool {
        matches!(self.state, RuntimeState::Running { .. } | RuntimeState::Unknown)
    }
}

impl Observed {
    /// The sandbox that containers can run in, the newest if there are several.
    #[must_use]
    pub fn ready_sandbox(&self) -> Option<&SandboxObservation> {
        self.sandboxes.iter().filter(|s| s.ready).max_by_key(|s| s.attempt)
    }
}
