//! What the runtime and a shim say to each other: one JSON object a line over the shim's socket.
//!
//! A shim outlives the runtime that started it and may be older than the one that finds it: the first line it sends on
//! every connection is its version and the state of all its containers.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Exit code of a container whose program could not be executed, as in other runtimes.
pub const CANNOT_START: i32 = 128;

/// The version of this protocol.
pub const VERSION: u32 = 3;

/// What a shim is told at its start.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ShimConfig {
    /// The host name in the sandbox's UTS namespace; none keeps the host's namespace.
    pub hostname: Option<String>,
    /// Whether the sandbox has a network namespace of its own.
    pub own_network: bool,
    /// Whether the sandbox has an IPC namespace of its own.
    pub own_ipc: bool,
    /// Whether the containers share a PID namespace.
    pub shared_pid: bool,
    /// Size of `/dev/shm` in bytes.
    pub shm_bytes: u64,
    /// Kernel parameters of the sandbox's namespaces.
    pub sysctls: Vec<(String, String)>,
    /// The cgroup that the shim itself moves to.
    pub cgroup: String,
}

/// A request to a shim.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Request {
    /// Chosen by the runtime, repeated in the answer.
    pub number: u64,
    /// What to do.
    pub call: Call,
}

/// What a shim can do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Call {
    /// Create the container whose folder is prepared.
    Create {
        /// The container.
        id: String,
        /// Its folder.
        folder: std::path::PathBuf,
        /// Its cgroup, in every hierarchy.
        cgroup: String,
        /// It has no PID namespace of its own, so ending its first process doesn't end all.
        foreign_pids: bool,
        /// Its standard streams.
        streams: StreamsWanted,
    },
    /// Start a created container.
    Start {
        /// The container.
        id: String,
        /// Its log; none drops the output.
        log: Option<std::path::PathBuf>,
    },
    /// Send a signal to a container's first process; SIGKILL goes to all of its processes.
    Signal {
        /// The container.
        id: String,
        /// The signal's number.
        signal: i32,
    },
    /// Forget an ended or never started container and clear away what it had.
    Remove {
        /// The container.
        id: String,
    },
    /// End a container that was never started, and then remove it.
    Discard {
        /// The container.
        id: String,
    },
    /// Open the log file anew, after it was moved away.
    ReopenLog {
        /// The container.
        id: String,
    },
    /// Attach this connection to a container's standard streams. With the answer comes the master end of the container's
    /// terminal, if it has one, or else the pipe of its input, if that is wanted and open. After it the connection
    /// carries output only, in [frames](super::attachment::frame). Shutting down its sending side says that this
    /// client's input has ended.
    Attach {
        /// The container.
        id: String,
        /// Whether to hand over its standard input.
        stdin: bool,
        /// Whether to send its standard output.
        stdout: bool,
        /// Whether to send its standard error.
        stderr: bool,
    },
    /// Clear away what removed containers had, now.
    ClearRemoved,
    /// End all containers and then yourself.
    Shutdown,
}

/// What standard streams a container has beyond its output.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamsWanted {
    /// Standard input is a pipe that attached clients write to; otherwise it is empty.
    pub stdin: bool,
    /// That pipe is closed when the first attached client's input ends.
    pub stdin_once: bool,
    /// All three streams are one terminal.
    pub tty: bool,
}

/// A line from a shim.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Message {
    /// The first line of a connection.
    Hello {
        /// [`VERSION`].
        version: u32,
        /// The process of the shared PID namespace's init, if there is one.
        pid_namespace: Option<i32>,
        /// All containers.
        containers: Vec<ContainerState>,
    },
    /// The answer to a request.
    Answer {
        /// The request's number.
        number: u64,
        /// What came of it; an error is a sentence.
        result: Result<Outcome, String>,
    },
    /// A container's program runs.
    Started {
        /// The container.
        id: String,
        /// Since when.
        at: Timestamp,
    },
    /// A container has ended.
    Exited {
        /// The container.
        id: String,
        /// How.
        exit: Exit,
    },
}

/// What came of a request.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Outcome {
    /// It is done.
    Done,
    /// The container is created.
    Created {
        /// Its first process, as the host sees it.
        pid: i32,
    },
    /// The container's program runs.
    Started {
        /// Since when.
        at: Timestamp,
    },
}

/// A container as its shim knows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ContainerState {
    /// The container.
    pub id: String,
    /// Its first process; none before it is created.
    pub pid: Option<i32>,
    /// When its program was started.
    pub started_at: Option<Timestamp>,
    /// How it ended.
    pub exit: Option<Exit>,
}

/// How a container ended. Also the content of its `exit.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// Exit code, or 128 + signal.
    pub code: i32,
    /// `Completed`, `Error`, `OOMKilled` or `StartError`.
    pub reason: String,
    /// A sentence; may be empty.
    pub message: String,
    /// When its program was started, if it was.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Timestamp,
}
