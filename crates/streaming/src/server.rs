//! The HTTP server behind the URLs that a CRI runtime answers Exec, Attach and PortForward with.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::task::AbortOnDropHandle;
use tracing::{debug, warn};

use crate::command::{CommandSession, CommandStreams};
use crate::command_upgrade::{CommandUpgrade, accept_command};
use crate::error::SessionError;
use crate::port_forward::PortForwardSession;
use crate::port_forward_upgrade::{PortForwardUpgrade, accept_port_forward};
use crate::timeouts::Timeouts;
use crate::tokens::{TokenRegistry, TooManyRequests};
use crate::upgrade::Refusal;

const MAX_CONNECTIONS: usize = 1024;
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// After a failed accept, mostly for want of file descriptors.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Does what the requests ask for. Each call runs in a task of its own.
pub trait StreamHandler: Send + Sync + 'static {
    /// An exec that waits for its client.
    type Exec: Send + 'static;
    /// An attach that waits for its client.
    type Attach: Send + 'static;
    /// A port-forward that waits for its client.
    type PortForward: Send + 'static;

    /// Runs the command.
    fn exec(&self, request: Self::Exec, session: CommandSession) -> impl Future<Output = ()> + Send;
    /// Connects the client with the running process.
    fn attach(&self, request: Self::Attach, session: CommandSession) -> impl Future<Output = ()> + Send;
    /// Connects the client with ports of the Pod.
    fn port_forward(&self, request: Self::PortForward, session: PortForwardSession) -> impl Future<Output = ()> + Send;
}

/// Gives out URLs and serves them. Dropped, it takes no new connections; sessions go on.
pub struct StreamServer<H: StreamHandler> {
    shared: Arc<Shared<H>>,
    address: SocketAddr,
    _accepting: AbortOnDropHandle<()>,
}

struct Shared<H: StreamHandler> {
    handler: H,
    timeouts: Timeouts,
    tokens: TokenRegistry<Waiting<H>>,
    connections: Arc<Semaphore>,
}

enum Waiting<H: StreamHandler> {
    Exec(CommandStreams, H::Exec),
    Attach(CommandStreams, H::Attach),
    PortForward(Vec<u16>, H::PortForward),
}

impl<H: StreamHandler> Waiting<H> {
    fn path(&self) -> &'static str {
        match self {
            Self::Exec(..) => "exec",
            Self::Attach(..) => "attach",
            Self::PortForward(..) => "portforward",
        }
    }
}

impl<H: StreamHandler> StreamServer<H> {
    /// Serves on this listener, which should be on a loopback address: there is no TLS, and who has a token is let in.
    pub fn start(listener: TcpListener, handler: H, timeouts: Timeouts) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let connections = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let shared = Arc::new(Shared { handler, timeouts, tokens: TokenRegistry::default(), connections });
        let accepting = AbortOnDropHandle::new(tokio::spawn(accept(listener, shared.clone())));
        Ok(Self { shared, address, _accepting: accepting })
    }

    /// Where a client can have this exec, once and soon.
    pub fn exec_url(&self, streams: CommandStreams, request: H::Exec) -> Result<String, TooManyRequests> {
        self.url(Waiting::Exec(streams, request))
    }

    /// Where a client can have this attach, once and soon.
    pub fn attach_url(&self, streams: CommandStreams, request: H::Attach) -> Result<String, TooManyRequests> {
        self.url(Waiting::Attach(streams, request))
    }

    /// Where a client can have this port-forward, once and soon. `ports` are those that the request names, if any.
    pub fn port_forward_url(&self, ports: Vec<u16>, request: H::PortForward) -> Result<String, TooManyRequests> {
        self.url(Waiting::PortForward(ports, request))
    }

    fn url(&self, waiting: Waiting<H>) -> Result<String, TooManyRequests> {
        let (address, path) = (self.address, waiting.path());
        Ok(format!("http://{address}/{path}/{}", self.shared.tokens.insert(waiting)?))
    }
}

async fn accept<H: StreamHandler>(listener: TcpListener, shared: Arc<Shared<H>>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => serve(stream, &shared),
            Err(error) => {
                warn!(%error, "the streaming server could not accept a connection");
                tokio::time::sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}

fn serve<H: StreamHandler>(stream: TcpStream, shared: &Arc<Shared<H>>) {
    let Ok(permit) = shared.connections.clone().try_acquire_owned() else {
        debug!("a streaming connection is closed at once: {MAX_CONNECTIONS} are open");
        return;
    };
    // Keystrokes should not wait for more of them. Where that can't be set, they do.
    let _ = stream.set_nodelay(true);
    let shared = shared.clone();
    tokio::spawn(async move {
        let service = service_fn(|request| {
            let answer = shared.clone().answer(request);
            async { Ok::<_, Infallible>(answer) }
        });
        let mut builder = http1::Builder::new();
        let builder = builder.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
        let connection = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
        if let Err(error) = connection.await {
            debug!(%error, "a streaming connection failed");
        }
        drop(permit);
    });
}

impl<H: StreamHandler> Shared<H> {
    fn answer(self: Arc<Self>, request: Request<Incoming>) -> Response<Full<Bytes>> {
        self.begin(request).unwrap_or_else(|refusal| {
            debug!(%refusal, "a streaming request is refused");
            refusal.response()
        })
    }

    fn begin(self: Arc<Self>, mut request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Refusal> {
        let waiting = self.waiting(&request)?;
        let timeouts = self.timeouts;
        Ok(match waiting {
            Waiting::Exec(streams, exec) => {
                let (response, upgrade) = accept_command(&mut request, streams, timeouts)?;
                tokio::spawn(self.exec(upgrade, exec));
                response
            }
            Waiting::Attach(streams, attach) => {
                let (response, upgrade) = accept_command(&mut request, streams, timeouts)?;
                tokio::spawn(self.attach(upgrade, attach));
                response
            }
            Waiting::PortForward(ports, forward) => {
                let (response, upgrade) = accept_port_forward(&mut request, &ports, timeouts)?;
                tokio::spawn(self.port_forward(upgrade, forward));
                response
            }
        })
    }

    /// The request whose token is in the path.
    fn waiting(&self, request: &Request<Incoming>) -> Result<Waiting<H>, Refusal> {
        if request.method() != Method::GET && request.method() != Method::POST {
            let message = format!("{} is not possible here: use GET or POST", request.method());
            return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, message));
        }
        let unknown = || {
            let message = "this address is not, or no longer, valid: it can be used once, within a minute";
            Refusal::new(StatusCode::NOT_FOUND, message)
        };
        let (path, token) = request.uri().path().trim_start_matches('/').split_once('/').ok_or_else(unknown)?;
        self.tokens.take(token).filter(|waiting| waiting.path() == path).ok_or_else(unknown)
    }

    async fn exec(self: Arc<Self>, upgrade: CommandUpgrade, request: H::Exec) {
        if let Some(session) = begun(upgrade.session().await) {
            self.handler.exec(request, session).await;
        }
    }

    async fn attach(self: Arc<Self>, upgrade: CommandUpgrade, request: H::Attach) {
        if let Some(session) = begun(upgrade.session().await) {
            self.handler.attach(request, session).await;
        }
    }

    async fn port_forward(self: Arc<Self>, upgrade: PortForwardUpgrade, request: H::PortForward) {
        if let Some(session) = begun(upgrade.session().await) {
            self.handler.port_forward(request, session).await;
        }
    }
}

fn begun<S>(session: Result<S, SessionError>) -> Option<S> {
    session
        .inspect_err(|error| debug!(error = error as &dyn std::error::Error, "a streaming session did not begin"))
        .ok()
}
