//! The CRI server.

mod answer;
mod attach_session;
mod completion;
mod containers;
mod creations;
mod ending;
mod engine;
mod exec;
mod exec_session;
mod exec_sync;
mod failure;
mod folder_usage;
mod image_service;
mod info;
mod listing;
mod lock;
mod machine;
mod names;
mod news;
mod parking;
mod port_forward;
mod pull_login;
mod recover;
mod resources;
mod runtime_answer;
mod runtime_service;
mod sandboxes;
mod state;
mod stats;
mod streaming;
mod terminal_io;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use reprise_cri::client::MAX_MESSAGE_BYTES;
use reprise_cri::v1::image_service_server::ImageServiceServer;
use reprise_cri::v1::runtime_service_server::RuntimeServiceServer;
use reprise_images::ImageStore;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_stream::wrappers::UnixListenerStream;

use crate::RuntimeConfig;
use crate::disk::{self, DiskError};
use crate::layout::Layout;
use crate::network::{Network, NetworkError};
use crate::seccomp::{Filters, Profiles};
use crate::shim_client::Notice;
use engine::Engine;
use image_service::ImageCalls;
use lock::RuntimeLock;
use runtime_service::RuntimeCalls;
use streaming::Streaming;

/// Why the runtime can't start.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// This machine lacks something that cannot be done without.
    #[error(transparent)]
    Machine(#[from] machine::MachineError),
    /// Another runtime is at work there.
    #[error(
        "another runtime{} works on {}: use its verbs, end it, or choose another --data-dir",
        pid.map(|p: u32| format!(" (pid {p})")).unwrap_or_default(),
        root.display()
    )]
    InUse {
        /// The folder.
        root: PathBuf,
        /// The other runtime's process id, if it could be read.
        pid: Option<u32>,
    },
    /// Its records can't be read or written.
    #[error("the runtime's data")]
    Disk(#[from] DiskError),
    /// The image store can't be opened.
    #[error("open the image store")]
    Images(#[from] reprise_images::Error),
    /// The network can't be had.
    #[error("the Pods' network")]
    Network(#[from] NetworkError),
    /// The address for streaming can't be had.
    #[error("listen on {address} for exec, attach and port-forward")]
    Streaming {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Streaming has neither encryption nor passwords.
    #[error("exec, attach and port-forward are streamed without encryption: {address} is not a loopback address")]
    NotLoopback {
        /// The address.
        address: SocketAddr,
    },
    /// The socket can't be opened.
    #[error("listen on {}", path.display())]
    Socket {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl RuntimeError {
    /// Whether other addresses for Pods would help.
    #[must_use]
    pub fn is_address_conflict(&self) -> bool {
        matches!(self, Self::Network(NetworkError::InUse { .. }))
    }
}

/// A running runtime.
pub struct Runtime {
    engine: Arc<Engine>,
    warnings: Vec<String>,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
    listening: JoinHandle<()>,
    _lock: RuntimeLock,
}

/// Takes up what is on disk and serves CRI in the background.
///
/// # Errors
/// The machine lacks what containers need, the Pods' address range is taken, or the data folder is unusable.
pub async fn serve(config: RuntimeConfig) -> Result<Runtime, RuntimeError> {
    let mut warnings = machine::check()?;
    let layout = Layout::new(&config.root);
    let lock = RuntimeLock::take(&config.root)?;
    for folder in [layout.sandboxes(), layout.containers()] {
        disk::make_dir(&folder)?;
    }
    let mut images = ImageStore::open(&layout.images())?;
    if let Some(folder) = &config.registry_config {
        images = images.with_registry_config(folder);
    }
    let network = Network::open(&config, &layout).await?;
    let seccomp = match compile_seccomp(&config) {
        Ok(path) => Some(path),
        Err(sentence) => {
            warnings.push(sentence);
            None
        }
    };
    let (notices, heard) = mpsc::unbounded_channel();
    let socket = config.socket.clone();
    let engine = Arc::new(Engine::new(config, images, network, Profiles::new(seccomp), notices));
    recover::recover(&engine).await?;
    for container in engine.inventory.containers() {
        engine.park_later(&container);
    }
    let streaming = Streaming::start(&engine).await?;
    let listening = tokio::spawn(listen(Arc::clone(&engine), heard));
    let failed = |source| RuntimeError::Socket { path: socket.clone(), source };
    match std::fs::remove_file(&socket) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(failed(e)),
        _ => {}
    }
    let listener = reprise_cri::socket::bind(&socket).map_err(failed)?;
    let (stop, stopped) = oneshot::channel::<()>();
    let calls = RuntimeServiceServer::new(RuntimeCalls(Arc::clone(&engine), streaming));
    let image_calls = ImageServiceServer::new(ImageCalls::new(Arc::clone(&engine)));
    let server = tonic::transport::Server::builder()
        .add_service(calls.max_decoding_message_size(MAX_MESSAGE_BYTES).max_encoding_message_size(MAX_MESSAGE_BYTES))
        .add_service(
            image_calls.max_decoding_message_size(MAX_MESSAGE_BYTES).max_encoding_message_size(MAX_MESSAGE_BYTES),
        );
    let serving = tokio::spawn(async move {
        let until = async move {
            // A dropped sender means the same.
            let _ = stopped.await;
        };
        let incoming = UnixListenerStream::new(listener);
        tokio::select! {
            result = server.serve_with_incoming(incoming) => {
                if let Err(e) = result {
                    tracing::error!(error = %e, "the CRI server ended");
                }
            }
            () = until => {}
        }
    });
    Ok(Runtime { engine, warnings, stop: Some(stop), serving, listening, _lock: lock })
}

/// Carries what shims report to the engine.
async fn listen(engine: Arc<Engine>, mut heard: mpsc::UnboundedReceiver<Notice>) {
    while let Some(notice) = heard.recv().await {
        match notice {
            Notice::Started { id, at } => {
                if let Some(container) = engine.inventory.known_container(&id) {
                    engine.started(&container, at);
                }
            }
            Notice::Exited { id, exit } => engine.exited(&id, exit),
            Notice::ShimGone { sandbox } => {
                engine.shim_gone(&sandbox);
                engine.network.lost(&sandbox).await;
            }
        }
    }
}

fn compile_seccomp(config: &RuntimeConfig) -> Result<PathBuf, String> {
    let path = config.root.join("seccomp-default.bpf");
    let filters = Filters::default_profile().map_err(|e| crate::error::chain(&e))?;
    filters.save(&path).map_err(|e| format!("write {}: {e}", path.display()))?;
    Ok(path)
}

impl Runtime {
    /// What this machine refuses, a sentence each.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The image store that this runtime uses.
    #[must_use]
    pub fn images(&self) -> &ImageStore {
        &self.engine.images
    }

    /// How many sandboxes there are.
    #[must_use]
    pub fn sandboxes(&self) -> usize {
        self.engine.inventory.sandboxes().len()
    }

    /// Stops serving. Sandboxes and containers go on.
    pub async fn shutdown(mut self) {
        if let Some(stop) = self.stop.take() {
            // It may have ended by itself.
            let _ = stop.send(());
        }
        if let Err(e) = (&mut self.serving).await {
            tracing::error!(error = %e, "the CRI server died");
        }
        self.engine.last_calls().await;
        self.listening.abort();
        if self.engine.inventory.sandboxes().is_empty() {
            self.engine.remove_cgroups().await;
        }
    }
}
