//! What happened to a Pod, as entries that people and programs read.

use jiff::Timestamp;

use crate::probe::ProbeKind;
use crate::step::Trigger;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub time: Timestamp,
    /// The Pod's epoch then.
    pub epoch: u64,
    /// What.
    pub happened: Happened,
}

/// Kinds of things that happen to a Pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happened {
    /// The node took the Pod on.
    PodAdmitted,
    /// The node did not take the Pod on.
    PodRefused {
        /// `OutOfcpu`, `SysctlForbidden`, ...
        reason: String,
        /// A sentence.
        message: String,
    },
    /// The sandbox is there.
    SandboxReady {
        /// Its id.
        sandbox: String,
        /// The Pod's primary address, if it has its own.
        ip: Option<String>,
    },
    /// An image could not be had.
    ImageFailed {
        /// The container it is for.
        container: String,
        /// `ErrImagePull`, `ErrImageNeverPull`, ...
        reason: String,
        /// What happened and what to do.
        message: String,
    },
    /// The program of a container started.
    ContainerStarted {
        /// The container's name.
        container: String,
    },
    /// A container ended.
    ContainerExited {
        /// The container's name.
        container: String,
        /// Its exit code.
        exit_code: i32,
        /// The rule that it matched, if one says something for this exit.
        rule: Option<usize>,
        /// The reason, such as `Completed` or `OOMKilled`.
        reason: String,
        /// A sentence; may be empty.
        message: String,
    },
    /// A probe or hook of a container failed for good: the node ends it.
    ContainerCondemned {
        /// The container's name.
        container: String,
        /// The probe that failed; none if it was the postStart hook.
        probe: Option<ProbeKind>,
        /// Which probe or hook, and what it said.
        message: String,
    },
    /// The Pod restarts in place: the step is durable, the kill comes next.
    RestartStepped {
        /// Why.
        trigger: Trigger,
    },
    /// No container of the old epoch is alive.
    ContainersKilled,
    /// No container of the old epoch is left in the runtime.
    ContainersRemoved,
    /// The next start waits.
    Backoff {
        /// The container that waits, or none when the whole Pod does.
        container: Option<String>,
        /// Until when.
        until: Timestamp,
    },
    /// Making the sandbox, its volumes or a container failed; it is tried again.
    SetupFailed {
        /// The container, or none for the sandbox.
        container: Option<String>,
        /// The reason as a waiting container shows it.
        reason: String,
        /// What happened and what to do.
        message: String,
    },
    /// The Pod is Ready.
    PodReady,
    /// All containers have ended well.
    PodSucceeded,
    /// The Pod has failed.
    PodFailed {
        /// `DeadlineExceeded`, `Evicted`, ...; may be empty.
        reason: String,
        /// A sentence; may be empty.
        message: String,
    },
}

impl Happened {
    /// The name under which `run -o json` and the timeline file list it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::PodAdmitted => "PodAdmitted",
            Self::PodRefused { .. } => "PodRefused",
            Self::SandboxReady { .. } => "SandboxReady",
            Self::ImageFailed { .. } => "ImageFailed",
            Self::ContainerStarted { .. } => "ContainerStarted",
            Self::ContainerExited { .. } => "ContainerExited",
            Self::ContainerCondemned { .. } => "ContainerCondemned",
            Self::RestartStepped { .. } => "RestartStepped",
            Self::ContainersKilled => "ContainersKilled",
            Self::ContainersRemoved => "ContainersRemoved",
            Self::Backoff { .. } => "Backoff",
            Self::SetupFailed { .. } => "SetupFailed",
            Self::PodReady => "PodReady",
            Self::PodSucceeded => "PodSucceeded",
            Self::PodFailed { .. } => "PodFailed",
        }
    }
}
