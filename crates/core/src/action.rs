//! What the node is told to do. Each action names all it needs, leaves no choice to the node and is safe to repeat.

use jiff::{SignedDuration, Timestamp};

/// How long a container has from SIGTERM to SIGKILL after a preStop hook that used up the grace period, as in Kubernetes.
pub const TERM_AT_LEAST: SignedDuration = SignedDuration::from_secs(2);

/// One thing to do for a Pod.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Give the Pod's containers their devices ([`crate::devices::allocate`]) and remember which.
    AllocateDevices,
    /// Set up the Pod's volumes and create its sandbox.
    CreateSandbox {
        /// Attempt number of the new sandbox.
        attempt: u32,
    },
    /// Make the image of a container present, by its pull policy.
    EnsureImage {
        /// The container's name.
        container: String,
        /// The attempt that it is for.
        attempt: u32,
    },
    /// Create a container in the runtime, labelled with its epoch.
    CreateContainer {
        /// The container's name.
        container: String,
        /// The sandbox to create it in.
        sandbox: String,
        /// The epoch that it belongs to; none for an ephemeral container.
        epoch: Option<u64>,
        /// Its attempt number, unique for this container in this Pod.
        attempt: u32,
        /// The image reference that [`Action::EnsureImage`] gave.
        image: String,
    },
    /// Start a created container.
    StartContainer {
        /// The container's name.
        container: String,
        /// Its id in the runtime.
        id: String,
    },
    /// End a container: SIGTERM now (after its preStop hook) and SIGKILL at the deadline, or SIGKILL at once if that has
    /// passed. A hook that takes until the deadline leaves the container [`TERM_AT_LEAST`] between the two signals.
    KillContainer {
        /// The container's name.
        container: String,
        /// Its id in the runtime.
        id: String,
        /// When SIGKILL is due; none is at once. A later action with an earlier deadline overrides.
        deadline: Option<Timestamp>,
        /// Whether the preStop hook runs before SIGTERM, for as long as the deadline allows.
        pre_stop: bool,
    },
    /// Run the postStart hook of a container whose program runs.
    RunPostStart {
        /// The container's name.
        container: String,
        /// Its id in the runtime.
        id: String,
    },
    /// Remove a container that does not run from the runtime. Its logs stay.
    RemoveContainer {
        /// The container's name.
        container: String,
        /// Its id in the runtime.
        id: String,
    },
    /// Stop a sandbox and remove it.
    RemoveSandbox {
        /// Its id in the runtime.
        id: String,
    },
}

impl Action {
    /// The container that the action is about, if it is about one.
    #[must_use]
    pub fn container(&self) -> Option<&str> {
        match self {
            Self::AllocateDevices | Self::CreateSandbox { .. } | Self::RemoveSandbox { .. } => None,
            Self::EnsureImage { container, .. }
            | Self::CreateContainer { container, .. }
            | Self::StartContainer { container, .. }
            | Self::RunPostStart { container, .. }
            | Self::KillContainer { container, .. }
            | Self::RemoveContainer { container, .. } => Some(container),
        }
    }
}
