//! The other end of the control socket: for a process that finds an agent on its data folder.

use std::io;
use std::path::{Path, PathBuf};

use k8s_openapi::api::core::v1::EphemeralContainer;
use reprise_cri::socket;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use super::protocol::{Answer, Content, Request, VERSION, Verb};
use crate::node::WantedStreams;
use crate::paths::NodePaths;
use crate::pod_key::PodKey;
use crate::view::PodView;

/// A connection to the agent of a data folder.
#[derive(Debug)]
pub struct ControlClient {
    stream: BufReader<UnixStream>,
    path: PathBuf,
}

/// A request to a running agent that came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// No agent runs on the data folder.
    #[error("no agent runs on {}", data_dir.display())]
    NoAgent {
        /// The data folder.
        data_dir: PathBuf,
    },
    /// The socket broke.
    #[error("the agent at {} does not answer", path.display())]
    Broken {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The answer can't be understood.
    #[error("the agent at {} speaks another version: use the program that it was started with", path.display())]
    Unintelligible {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// The agent refused.
    #[error("{message}")]
    Refused {
        /// Its reason.
        message: String,
        /// There is no such Pod.
        not_found: bool,
    },
    /// The agent answered something else than was asked for.
    #[error("the agent at {} answered another request", path.display())]
    Mismatch {
        /// The socket.
        path: PathBuf,
    },
}

impl ControlClient {
    /// Connects to the agent of `data_dir`.
    ///
    /// # Errors
    /// [`ControlError::NoAgent`] if none runs, [`ControlError::Broken`] if it can't be reached.
    pub async fn connect(data_dir: &Path) -> Result<Self, ControlError> {
        let path = NodePaths::new(data_dir).control_socket();
        match socket::connect(&path).await {
            Ok(stream) => Ok(Self { stream: BufReader::new(stream), path }),
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
                Err(ControlError::NoAgent { data_dir: data_dir.to_owned() })
            }
            Err(source) => Err(ControlError::Broken { path, source }),
        }
    }

    /// All Pods of the agent.
    ///
    /// # Errors
    /// See [`ControlError`]; so for the other verbs.
    pub async fn pods(&mut self) -> Result<Vec<PodView>, ControlError> {
        match self.ask(Verb::Pods).await? {
            Content::Pods(pods) => Ok(pods),
            Content::Done | Content::Url(_) => Err(self.mismatch()),
        }
    }

    /// Deletes a Pod; with `wait` this returns when it is gone.
    ///
    /// # Errors
    /// See [`ControlError`].
    pub async fn delete(&mut self, pod: PodKey, grace_seconds: Option<i64>, wait: bool) -> Result<(), ControlError> {
        let content = self.ask(Verb::Delete { pod, grace_seconds, wait }).await?;
        self.done(&content)
    }

    /// Sets an annotation.
    ///
    /// # Errors
    /// See [`ControlError`].
    pub async fn annotate(&mut self, pod: PodKey, name: &str, value: &str) -> Result<(), ControlError> {
        let verb = Verb::Annotate { pod, name: name.to_owned(), value: value.to_owned() };
        let content = self.ask(verb).await?;
        self.done(&content)
    }

    /// Adds an ephemeral container.
    ///
    /// # Errors
    /// See [`ControlError`].
    pub async fn add_ephemeral(&mut self, pod: PodKey, container: EphemeralContainer) -> Result<(), ControlError> {
        let content = self.ask(Verb::AddEphemeral { pod, container: Box::new(container) }).await?;
        self.done(&content)
    }

    /// Where a command can be run in a container.
    ///
    /// # Errors
    /// See [`ControlError`].
    pub async fn exec(
        &mut self,
        pod: PodKey,
        container: Option<String>,
        command: Vec<String>,
        streams: WantedStreams,
    ) -> Result<String, ControlError> {
        self.url(Verb::Exec { pod, container, command, streams }).await
    }

    /// Where a client can attach to a container.
    ///
    /// # Errors
    /// See [`ControlError`].
    pub async fn attach(
        &mut self,
        pod: PodKey,
        container: Option<String>,
        streams: WantedStreams,
    ) -> Result<String, ControlError> {
        self.url(Verb::Attach { pod, container, streams }).await
    }

    async fn url(&mut self, verb: Verb) -> Result<String, ControlError> {
        match self.ask(verb).await? {
            Content::Url(url) => Ok(url),
            Content::Done | Content::Pods(_) => Err(self.mismatch()),
        }
    }

    async fn ask(&mut self, verb: Verb) -> Result<Content, ControlError> {
        let unintelligible = |source| ControlError::Unintelligible { path: self.path.clone(), source };
        let mut request = serde_json::to_vec(&Request { version: VERSION, verb }).map_err(unintelligible)?;
        request.push(b'\n');
        let line = exchange(&mut self.stream, &request)
            .await
            .map_err(|source| ControlError::Broken { path: self.path.clone(), source })?;
        let answer: Answer = serde_json::from_str(&line).map_err(unintelligible)?;
        answer
            .result
            .map_err(|refusal| ControlError::Refused { message: refusal.message, not_found: refusal.not_found })
    }

    fn done(&self, content: &Content) -> Result<(), ControlError> {
        match content {
            Content::Done => Ok(()),
            Content::Pods(_) | Content::Url(_) => Err(self.mismatch()),
        }
    }

    fn mismatch(&self) -> ControlError {
        ControlError::Mismatch { path: self.path.clone() }
    }
}

async fn exchange(stream: &mut BufReader<UnixStream>, request: &[u8]) -> io::Result<String> {
    stream.get_mut().write_all(request).await?;
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line)
}
