//! What can go wrong in the node agent as a whole. Failures of one Pod are not errors here: they become part of its status.

use std::io;
use std::path::PathBuf;

use reprise_cri::CriError;

use crate::http::HttpError;
use crate::pod_key::PodKey;

/// A failed request to the node, or a node that can't start.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// Another agent works on this data folder.
    #[error(
        "another agent{} works on {}: use its verbs, end it, or choose another --data-dir",
        pid.map(|p| format!(" (pid {p})")).unwrap_or_default(),
        data_dir.display()
    )]
    AgentRunning {
        /// The data folder.
        data_dir: PathBuf,
        /// The other agent's process id, if it could be read.
        pid: Option<u32>,
    },
    /// A file or folder of the node can't be used.
    #[error("can't {operation} {}", path.display())]
    File {
        /// What was tried: `read`, `write`, `create`, ...
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A record on disk can't be understood.
    #[error("{} is not a valid record: restore it, or remove the folder of this Pod after stopping its containers", path.display())]
    BadRecord {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: serde_json::Error,
    },
    /// A record was written by a newer version.
    #[error("{} has format {found}, this version reads up to {known}: use the version that wrote it", path.display())]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest one known here.
        known: u32,
    },
    /// The client for probes and hooks over HTTP can't be made.
    #[error("can't set up HTTP for probes and hooks: does the machine give random numbers and file descriptors?")]
    HttpClient {
        /// Why not.
        source: reqwest::Error,
    },
    /// The container runtime does not answer.
    #[error("no answer from a container runtime at {}: check that it runs and serves CRI v1 there", socket.display())]
    Runtime {
        /// Its socket.
        socket: PathBuf,
        /// The last attempt's error.
        source: Box<CriError>,
    },
    /// Somebody serves device plugins in this folder already.
    #[error("{} is served already: end the kubelet or agent that does, or choose another --device-plugin-dir", path.display())]
    DevicePluginsServed {
        /// The socket.
        path: PathBuf,
    },
    /// What listens there is no container runtime.
    #[error(
        "{} does not serve CRI v1: is it the right socket, and is CRI switched on there (containerd: disabled_plugins)?",
        socket.display()
    )]
    NotCri {
        /// The socket.
        socket: PathBuf,
        /// Its answer.
        source: Box<CriError>,
    },
    /// The Pod has no name or no containers: it did not go through validation.
    #[error("the Pod {key} has no {missing}: validate it before it is given to the node")]
    NotAdmitted {
        /// The Pod.
        key: PodKey,
        /// What it lacks.
        missing: &'static str,
    },
    /// An object can't take the place of the one that has its name.
    #[error("{key} can't be changed: {}", messages.join("; "))]
    ObjectRefused {
        /// The object.
        key: reprise_core::objects::ObjectKey,
        /// What the API server says of it.
        messages: Vec<String>,
    },
    /// Something that the node mounts for itself can't be.
    #[error("can't keep objects in {}", path.display())]
    Volumes {
        /// Where.
        path: PathBuf,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A Pod of that name lives.
    #[error("a Pod {key} with another spec is running: delete it first (reprise rm {key}) or use another name")]
    PodExists {
        /// The Pod.
        key: PodKey,
    },
    /// A Pod of that name is being deleted.
    #[error("the Pod {key} is being deleted: try again when it is gone, or hurry it with a shorter grace period")]
    PodTerminating {
        /// The Pod.
        key: PodKey,
    },
    /// The Pod's containers have ended for good.
    #[error("the Pod {key} has ended: no container can be added to it")]
    PodEnded {
        /// The Pod.
        key: PodKey,
    },
    /// Ephemeral containers that the Pod can't have.
    #[error("ephemeral containers can't be added to {key}: {}", messages.iter().map(|m| m.trim_end()).collect::<Vec<_>>().join("; "))]
    EphemeralRefused {
        /// The Pod.
        key: PodKey,
        /// What the API server says of them, or what this node can't do, one message each.
        messages: Vec<String>,
    },
    /// There is no such Pod.
    #[error("there is no Pod {key} on this node")]
    NoSuchPod {
        /// The Pod.
        key: PodKey,
    },
    /// The Pod has no such container, or it does not run.
    #[error("the Pod {key} has no running container {container:?}")]
    NoSuchContainer {
        /// The Pod.
        key: PodKey,
        /// The container asked for.
        container: String,
    },
    /// A command could not be run in a container.
    #[error("can't run the command in container {container} of {key}")]
    Exec {
        /// The Pod.
        key: PodKey,
        /// The container.
        container: String,
        /// Why not.
        source: Box<CriError>,
    },
    /// A client could not be attached to a container.
    #[error("can't attach to container {container} of {key}")]
    Attach {
        /// The Pod.
        key: PodKey,
        /// The container.
        container: String,
        /// Why not.
        source: Box<CriError>,
    },
    /// A port of a Pod could not be reached.
    #[error("can't forward ports of {key}")]
    PortForward {
        /// The Pod.
        key: PodKey,
        /// Why not.
        source: Box<CriError>,
    },
    /// The kubelet's HTTP API can't be served.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The Pod's worker has ended, because the node is shutting down.
    #[error("the node is shutting down")]
    ShuttingDown,
}

impl NodeError {
    /// For `map_err` on file operations.
    pub(crate) fn file(operation: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { operation, path, source }
    }
}

/// An error with all its causes in one line, for statuses and logs that have no place for a chain.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(e) = cause {
        text.push_str(": ");
        text.push_str(&e.to_string());
        cause = e.source();
    }
    text
}
