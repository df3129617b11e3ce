//! The runtime's side of a shim: starting one, finding one again, asking it, hearing of exits.

use std::collections::HashMap;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::{ChildStdout, Command};
use tokio::sync::{mpsc, oneshot};

use crate::disk;
use crate::layout::SandboxDir;
use crate::reexec;
use crate::shim::protocol::{Call, ContainerState, Exit, Message, Outcome, Request, ShimConfig, VERSION};
use crate::shim::{NAMESPACES, READY};

/// What went wrong with a shim.
#[derive(Debug, thiserror::Error)]
pub enum ShimError {
    /// It could not be started or reached.
    #[error("{operation} of sandbox {sandbox}")]
    Io {
        /// What was tried.
        operation: &'static str,
        /// The sandbox.
        sandbox: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// It could not set itself up.
    #[error("the shim of sandbox {sandbox} could not start: {sentence}")]
    Setup {
        /// The sandbox.
        sandbox: String,
        /// What it said.
        sentence: String,
    },
    /// Its config can't be written.
    #[error("the shim's config")]
    Disk(#[from] disk::DiskError),
    /// It speaks another version.
    #[error(
        "the shim of sandbox {sandbox} speaks version {version} of the protocol; this runtime speaks {VERSION}: remove the Pod and start it again"
    )]
    Version {
        /// The sandbox.
        sandbox: String,
        /// Its version.
        version: u32,
        /// Its process.
        pid: i32,
    },
    /// It is gone.
    #[error("the shim of sandbox {0} is gone")]
    Gone(String),
    /// It refused.
    #[error("{0}")]
    Refused(String),
}

/// What shims report without being asked.
#[derive(Debug)]
pub enum Notice {
    /// A container's program runs.
    Started {
        /// The container.
        id: String,
        /// Since when.
        at: jiff::Timestamp,
    },
    /// A container ended.
    Exited {
        /// The container.
        id: String,
        /// How.
        exit: Exit,
    },
    /// A shim ended, and with it all that its sandbox had.
    ShimGone {
        /// The sandbox.
        sandbox: String,
    },
}

/// A connected shim.
#[derive(Debug)]
pub struct Shim {
    sandbox: String,
    /// Its process.
    pub pid: i32,
    /// The first process of the shared PID namespace.
    pub pid_namespace: Option<i32>,
    next: AtomicU64,
    waiting: Waiting,
    send: mpsc::UnboundedSender<Vec<u8>>,
}

type Waiting = Arc<Mutex<Option<HashMap<u64, oneshot::Sender<Result<Outcome, String>>>>>>;

/// A shim that has its namespaces, and goes on to make the sandbox.
#[derive(Debug)]
pub struct StartingShim {
    sandbox: String,
    /// Its process.
    pub pid: i32,
    said: BufReader<ChildStdout>,
}

impl StartingShim {
    /// Starts a shim in `dir`, and waits until its namespaces are there.
    pub async fn start(
        program: &Path,
        sandbox: &str,
        dir: &SandboxDir,
        config: &ShimConfig,
    ) -> Result<Self, ShimError> {
        let error = |operation| move |source| ShimError::Io { operation, sandbox: sandbox.to_owned(), source };
        disk::write(&dir.shim_config(), config, false)?;
        let log = std::fs::File::create(dir.shim_log()).map_err(error("make the shim's log"))?;
        let mut child = Command::new(program)
            .arg(reexec::SHIM)
            .arg(dir.path())
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .map_err(error("start the shim"))?;
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
        let (Some(stdout), Some(pid)) = (child.stdout.take(), pid) else {
            return Err(ShimError::Gone(sandbox.to_owned()));
        };
        // Its end is noticed on the socket; this only keeps it from staying a zombie in its cgroup.
        tokio::spawn(async move { child.wait().await });
        let mut starting = Self { sandbox: sandbox.to_owned(), pid, said: BufReader::new(stdout) };
        starting.hear(NAMESPACES).await?;
        Ok(starting)
    }

    /// Waits until it listens, and connects to it.
    pub async fn listening(
        mut self,
        dir: &SandboxDir,
        notices: mpsc::UnboundedSender<Notice>,
    ) -> Result<Shim, ShimError> {
        self.hear(READY).await?;
        Shim::connect(&self.sandbox, dir, notices).await.map(|(shim, _)| shim)
    }

    /// Waits for a word. Another is a sentence about what went wrong.
    async fn hear(&mut self, word: &str) -> Result<(), ShimError> {
        let sandbox = self.sandbox.clone();
        let mut said = String::new();
        if let Err(source) = self.said.read_line(&mut said).await {
            return Err(ShimError::Io { operation: "listen to the shim", sandbox, source });
        }
        match said.trim() {
            said if said == word => Ok(()),
            // Killed, or out of memory: trying again may help.
            "" => Err(ShimError::Gone(sandbox)),
            sentence => Err(ShimError::Setup { sandbox, sentence: sentence.to_owned() }),
        }
    }
}

impl Shim {
    /// Connects to a shim that runs already. Returns what it holds too.
    pub async fn connect(
        sandbox: &str,
        dir: &SandboxDir,
        notices: mpsc::UnboundedSender<Notice>,
    ) -> Result<(Self, Vec<ContainerState>), ShimError> {
        let error = |operation| move |source| ShimError::Io { operation, sandbox: sandbox.to_owned(), source };
        let stream = reprise_cri::socket::connect(&dir.shim_socket()).await.map_err(error("connect to the shim"))?;
        // Of the socket's other end, not of a record: process ids are used again.
        let pid = stream.peer_cred().map_err(error("recognise the shim"))?.pid().unwrap_or_default();
        let (read, write) = stream.into_split();
        let mut lines = BufReader::new(read).lines();
        let hello = lines.next_line().await.map_err(error("listen to the shim"))?;
        let hello = hello.and_then(|line| serde_json::from_str(&line).ok());
        let Some(Message::Hello { version, pid_namespace, containers }) = hello else {
            return Err(ShimError::Gone(sandbox.to_owned()));
        };
        if version != VERSION {
            return Err(ShimError::Version { sandbox: sandbox.to_owned(), version, pid });
        }
        let waiting: Waiting = Arc::new(Mutex::new(Some(HashMap::new())));
        let (send, queue) = mpsc::unbounded_channel();
        tokio::spawn(write_lines(write, queue));
        tokio::spawn(read_lines(sandbox.to_owned(), lines, Arc::clone(&waiting), notices));
        let shim = Self { sandbox: sandbox.to_owned(), pid, pid_namespace, next: AtomicU64::new(0), waiting, send };
        Ok((shim, containers))
    }

    /// Asks the shim to do something and waits until it has.
    pub async fn call(&self, call: Call) -> Result<Outcome, ShimError> {
        self.begin(call)?.await.map_err(|_| self.gone())?.map_err(ShimError::Refused)
    }

    /// Asks the shim to do something. What is asked afterwards it hears afterwards. An answer that is not waited for is
    /// lost; when there can't be one any more, [`Notice::ShimGone`] follows.
    pub fn begin(&self, call: Call) -> Result<oneshot::Receiver<Result<Outcome, String>>, ShimError> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut line = serde_json::to_vec(&Request { number, call }).map_err(|e| ShimError::Refused(e.to_string()))?;
        line.push(b'\n');
        let (answer, result) = oneshot::channel();
        match self.waiting.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            Some(waiting) => waiting.insert(number, answer),
            None => return Err(self.gone()),
        };
        self.send.send(line).map_err(|_| self.gone())?;
        Ok(result)
    }

    fn gone(&self) -> ShimError {
        ShimError::Gone(self.sandbox.clone())
    }
}

async fn write_lines(mut write: OwnedWriteHalf, mut queue: mpsc::UnboundedReceiver<Vec<u8>>) {
    while let Some(line) = queue.recv().await {
        if write.write_all(&line).await.is_err() {
            // The reading side sees the end of the shim too, and tells.
            return;
        }
    }
}

async fn read_lines(
    sandbox: String,
    mut lines: Lines<BufReader<OwnedReadHalf>>,
    waiting: Waiting,
    notices: mpsc::UnboundedSender<Notice>,
) {
    while let Ok(Some(line)) = lines.next_line().await {
        match serde_json::from_str(&line) {
            Ok(Message::Answer { number, result }) => {
                let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(answer) = waiting.as_mut().and_then(|w| w.remove(&number)) {
                    // Whoever asked may have stopped waiting.
                    let _ = answer.send(result);
                }
            }
            Ok(Message::Started { id, at }) => {
                let _ = notices.send(Notice::Started { id, at });
            }
            Ok(Message::Exited { id, exit }) => {
                let _ = notices.send(Notice::Exited { id, exit });
            }
            Ok(Message::Hello { .. }) => {}
            Err(e) => tracing::warn!(sandbox, error = %e, "a line from the shim is not understood"),
        }
    }
    // Nobody is answered any more.
    waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
    let _ = notices.send(Notice::ShimGone { sandbox });
}
