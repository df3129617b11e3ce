//! What a worker is told: by the observer, by its own tasks, by people.

use std::collections::BTreeSet;
use std::time::Instant;

use jiff::SignedDuration;
use k8s_openapi::api::core::v1::{EphemeralContainer, Pod};
use reprise_core::ephemeral_storage::StorageUse;
use reprise_core::hook::HookResult;
use reprise_core::objects::ObjectKey;
use reprise_core::observed::{ContainerObservation, SandboxObservation};
use reprise_core::probe::{ProbeKind, ProbeVerdict};
use reprise_cri::CriError;
use reprise_cri::v1::{Container, ContainerEventResponse, ContainerStatus, PodSandbox};
use tokio::sync::oneshot;

use super::flights::FlightKey;
use crate::container::build::ResolvedImage;
use crate::devices::AllocationFailure;
use crate::error::NodeError;

/// A message to a worker.
#[derive(Debug)]
pub(crate) enum Mail {
    /// The runtime reported a change.
    Event(Box<ContainerEventResponse>),
    /// All that the runtime has of this Pod, in short.
    Listed(Listed),
    /// All that the runtime has of this Pod, in full.
    Resynced(Resynced),
    /// The runtime could not be asked for all that it has.
    ResyncFailed(CriError),
    /// The status of one container; none if it is gone. Asked for because an event did not say enough.
    Status { id: String, asked_at: Instant, status: Result<Option<Box<ContainerStatus>>, CriError> },
    /// Something that a plan asked for has ended.
    Done { key: FlightKey, serial: u64, outcome: Outcome },
    /// A probe of a run has come to another verdict than before.
    Probed { id: String, kind: ProbeKind, verdict: ProbeVerdict },
    /// The preStop hook of this container has ended, or had no more time.
    PreStopOver { id: String },
    /// Objects that the Pod refers to changed.
    ObjectsChanged(BTreeSet<ObjectKey>),
    /// A token of the Pod's service account is there, or a newer one.
    TokensChanged,
    /// A device plugin came or went, or its devices changed.
    DevicesChanged,
    /// Volumes could not be brought up to date.
    NotRefreshed(Vec<String>),
    /// What the Pod has on disk.
    Measured(StorageUse),
    /// Delete the Pod within this time; none is the time that its spec gives.
    Delete { grace: Option<SignedDuration>, reply: Reply },
    /// Set an annotation.
    Annotate { name: String, value: String, reply: Reply },
    /// Bring the Pod to what the API says of it.
    Update { pod: Box<Pod>, reply: Reply },
    /// The API knows how the Pod ended: its record need not stay.
    Release,
    /// Add ephemeral containers.
    AddEphemeral { containers: Vec<EphemeralContainer>, reply: Reply },
    /// End the worker, not the Pod.
    Stop,
}

/// Answered when what was asked for is durable.
pub(crate) type Reply = oneshot::Sender<Result<(), NodeError>>;

/// A listing, as far as it concerns one Pod.
#[derive(Debug)]
pub(crate) struct Listed {
    pub asked_at: Instant,
    pub sandboxes: Vec<PodSandbox>,
    pub containers: Vec<Container>,
}

/// A listing with the details of everything whose state was not known.
#[derive(Debug)]
pub(crate) struct Resynced {
    pub asked_at: Instant,
    /// Ids of all that was listed.
    pub listed_sandboxes: Vec<String>,
    pub listed_containers: Vec<String>,
    /// What was looked at closely.
    pub sandboxes: Vec<SandboxObservation>,
    pub containers: Vec<ContainerObservation>,
}

/// How an action ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The sandbox runs.
    SandboxCreated(SandboxObservation),
    /// The Pod has its devices, or not.
    DevicesAllocated(Result<(), AllocationFailure>),
    /// The image is there.
    ImageReady { attempt: u32, image: ResolvedImage },
    /// The image could not be had.
    ImageFailed { attempt: u32, reason: &'static str, message: String },
    /// The container is created.
    Created(Box<ContainerObservation>),
    /// The runtime carried out a start, kill or removal.
    Carried,
    /// The postStart hook has ended.
    HookRan(HookResult),
    /// After a start or kill that no event has confirmed: the container's status.
    Confirmed { status: Option<Box<ContainerStatus>> },
    /// An earlier call that was cut off is still at it, or what it made has the name.
    Taken { reason: &'static str, message: String },
    /// It failed.
    Failed { reason: &'static str, message: String },
    /// The runtime did not answer: it may have been done or not.
    Unanswered(CriError),
}
