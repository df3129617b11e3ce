//! A client for both CRI services: over one unix socket, or of a server in this process.
//!
//! The connection is made with the first call and made again after it broke, so that a runtime may come later than
//! the agent and may be replaced under it. A server in this process is called with the same encoded messages, only that
//! nothing is in between: no connection, no task, no buffers. No call is repeated here: whether a call may be sent twice is the
//! caller's decision (the planner's actions are all safe to repeat). Clones share the connection.

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper_util::rt::TokioIo;
use tonic::transport::{Endpoint, Uri};
use tonic::{Response, Status};
use tower::service_fn;
use tower::util::BoxCloneSyncService;

use crate::error::CriError;
use crate::socket::{self, ShortPath};
use crate::v1::image_service_client::ImageServiceClient;
use crate::v1::image_service_server::{ImageService, ImageServiceServer};
use crate::v1::runtime_service_client::RuntimeServiceClient;
use crate::v1::runtime_service_server::{RuntimeService, RuntimeServiceServer};
use crate::way::Way;

/// The largest message in either direction; the kubelet's limit. A node full of Pods lists several megabytes.
pub const MAX_MESSAGE_BYTES: usize = 16 * 1024 * 1024;

/// How long a call may take unless it says otherwise; the kubelet's `runtimeRequestTimeout`.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(120);

/// A connection to a container runtime.
#[derive(Clone)]
pub struct CriClient {
    to_runtime: Way,
    to_images: Way,
    socket: Arc<Path>,
    timeout: Duration,
    observer: Option<Arc<dyn CallObserver>>,
}

impl std::fmt::Debug for CriClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CriClient")
            .field("socket", &self.socket)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// Somebody who is told of every call when it has ended.
pub trait CallObserver: std::fmt::Debug + Send + Sync {
    /// The CRI call `operation` took this long. For a streaming call that is the opening of the stream.
    fn ended(&self, operation: &'static str, took: Duration, succeeded: bool);
}

/// What a call is, for its time limit and for its errors.
#[derive(Debug, Clone)]
pub struct Call {
    operation: &'static str,
    object: String,
    timeout: Limit,
}

#[derive(Debug, Clone, Copy)]
enum Limit {
    OfClient,
    Within(Duration),
    None,
}

impl Call {
    /// The CRI call `operation` (its name in the protocol) on `object` (an id, an image name, or a Pod).
    pub fn new(operation: &'static str, object: impl Into<String>) -> Self {
        Self { operation, object: object.into(), timeout: Limit::OfClient }
    }

    /// Limits this call to `limit` instead of the client's default.
    #[must_use]
    pub fn within(mut self, limit: Duration) -> Self {
        self.timeout = Limit::Within(limit);
        self
    }

    /// Lets this call take as long as it takes: for pulls, which have limits of their own.
    #[must_use]
    pub fn unlimited(mut self) -> Self {
        self.timeout = Limit::None;
        self
    }
}

impl CriClient {
    /// A client for the runtime at `socket`. Connects with the first call, so the runtime need not be there yet.
    ///
    /// Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`CriError::Path`] if nothing could ever listen at that path.
    pub fn connect(socket: &Path) -> Result<Self, CriError> {
        check_path(socket)?;
        let socket: Arc<Path> = Arc::from(socket);
        let path = Arc::clone(&socket);
        // The address is never used, the connector below decides; HTTP wants an authority all the same.
        let channel =
            Endpoint::from(Uri::from_static("http://localhost")).connect_with_connector_lazy(service_fn(move |_| {
                let path = Arc::clone(&path);
                async move { socket::connect(&path).await.map(TokioIo::new) }
            }));
        let way = Way::Channel(channel);
        Ok(Self { to_runtime: way.clone(), to_images: way, socket, timeout: DEFAULT_TIMEOUT, observer: None })
    }

    /// A client for a runtime in this process. `name` takes the place of a socket in what is said about it.
    pub fn in_process<R>(name: impl AsRef<Path>, runtime: R) -> Self
    where
        R: RuntimeService + ImageService + Clone,
    {
        let images = ImageServiceServer::new(runtime.clone()).max_decoding_message_size(MAX_MESSAGE_BYTES);
        let runtime = RuntimeServiceServer::new(runtime).max_decoding_message_size(MAX_MESSAGE_BYTES);
        Self {
            to_runtime: Way::InProcess(BoxCloneSyncService::new(runtime)),
            to_images: Way::InProcess(BoxCloneSyncService::new(images)),
            socket: Arc::from(name.as_ref()),
            timeout: DEFAULT_TIMEOUT,
            observer: None,
        }
    }

    /// The same client with another default time limit for its calls.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The same client whose calls are told to `observer`.
    #[must_use]
    pub fn observed_by(mut self, observer: Arc<dyn CallObserver>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// The socket's path.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The generated client of the runtime service. Cheap; make one per call.
    #[must_use]
    pub fn runtime(&self) -> RuntimeServiceClient<Way> {
        RuntimeServiceClient::new(self.to_runtime.clone())
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES)
    }

    /// The generated client of the image service. Cheap; make one per call.
    #[must_use]
    pub fn images(&self) -> ImageServiceClient<Way> {
        ImageServiceClient::new(self.to_images.clone())
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES)
    }

    /// Waits for `answer`, a call of [`runtime`](Self::runtime) or [`images`](Self::images), within its time limit,
    /// and turns a failure into a [`CriError`] that says what was tried. For a streaming call the limit covers the
    /// opening of the stream only.
    ///
    /// ```no_run
    /// # async fn f(client: reprise_cri::CriClient) -> Result<(), reprise_cri::CriError> {
    /// use reprise_cri::{Call, v1::StartContainerRequest};
    /// let request = StartContainerRequest { container_id: "c1".into() };
    /// client.call(Call::new("StartContainer", "c1"), client.runtime().start_container(request)).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`CriError::Call`] if the runtime refused or can't be reached, [`CriError::Timeout`] if it did not answer.
    pub async fn call<T>(
        &self,
        call: Call,
        answer: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<T, CriError> {
        let (operation, begun) = (call.operation, Instant::now());
        let answer = self.limited(call, answer).await;
        if let Some(observer) = &self.observer {
            observer.ended(operation, begun.elapsed(), answer.is_ok());
        }
        answer
    }

    async fn limited<T>(
        &self,
        call: Call,
        answer: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<T, CriError> {
        let limit = match call.timeout {
            Limit::OfClient => Some(self.timeout),
            Limit::Within(limit) => Some(limit),
            Limit::None => None,
        };
        let answer = match limit {
            None => answer.await,
            Some(limit) => match tokio::time::timeout(limit, answer).await {
                Ok(answer) => answer,
                Err(_) => {
                    return Err(CriError::Timeout { operation: call.operation, object: call.object, limit });
                }
            },
        };
        match answer {
            Ok(response) => Ok(response.into_inner()),
            Err(status) => Err(CriError::from_status(call.operation, call.object, &status)),
        }
    }
}

/// Refuses paths that can't work whatever happens later; a missing folder or socket may still come.
fn check_path(socket: &Path) -> Result<(), CriError> {
    match ShortPath::of(socket) {
        Err(source) if source.kind() == io::ErrorKind::InvalidInput => {
            Err(CriError::Path { path: PathBuf::from(socket), source })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
