//! What is said on the control socket.

use k8s_openapi::api::core::v1::EphemeralContainer;
use serde::{Deserialize, Serialize};

use crate::node::WantedStreams;
use crate::pod_key::PodKey;
use crate::view::PodView;

/// The version of the protocol. A request of another version is refused.
pub const VERSION: u32 = 2;

/// A request.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// [`VERSION`].
    pub version: u32,
    /// What is asked for.
    #[serde(flatten)]
    pub verb: Verb,
}

/// What can be asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all_fields = "camelCase")]
pub enum Verb {
    /// All Pods.
    Pods,
    /// Delete a Pod.
    Delete {
        /// Which.
        pod: PodKey,
        /// Within how many seconds; none is the time that its spec gives.
        grace_seconds: Option<i64>,
        /// Whether to answer only when it is gone.
        wait: bool,
    },
    /// Set an annotation.
    Annotate {
        /// On which Pod.
        pod: PodKey,
        /// Its name.
        name: String,
        /// Its value.
        value: String,
    },
    /// Add an ephemeral container.
    AddEphemeral {
        /// To which Pod.
        pod: PodKey,
        /// The container.
        container: Box<EphemeralContainer>,
    },
    /// Where a command can be run in a container, by whoever asks there first.
    Exec {
        /// In which Pod.
        pod: PodKey,
        /// In which container; none is the first.
        container: Option<String>,
        /// Program and arguments.
        command: Vec<String>,
        /// Which of its streams are wanted.
        streams: WantedStreams,
    },
    /// Where a container's program can be attached to, by whoever asks there first.
    Attach {
        /// In which Pod.
        pod: PodKey,
        /// Which container; none is the first.
        container: Option<String>,
        /// Which of its streams are wanted.
        streams: WantedStreams,
    },
}

/// An answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// The agent's version of the protocol.
    pub version: u32,
    /// What came of the request.
    #[serde(flatten)]
    pub result: Result<Content, Refusal>,
}

/// What a request gave.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Content {
    /// All Pods.
    Pods(Vec<PodView>),
    /// It is done, or will be.
    Done,
    /// Where streams are to be had.
    Url(String),
}

/// Why a request was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// For people, with causes.
    pub message: String,
    /// There is no such Pod.
    pub not_found: bool,
}
