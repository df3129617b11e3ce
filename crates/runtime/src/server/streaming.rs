//! What happens behind the URLs that Exec, Attach and PortForward are answered with.

use std::sync::Arc;

use reprise_cri::v1::{AttachRequest, ExecRequest, PortForwardRequest};
use reprise_streaming::{CommandSession, CommandStreams, PortForwardSession, StreamHandler, StreamServer, Timeouts};
use tokio::net::TcpListener;

use super::RuntimeError;
use super::engine::Engine;
use super::failure::Failure;

/// Carries out the requests whose clients have come.
pub struct Sessions(Arc<Engine>);

/// Gives out the URLs.
pub struct Streaming {
    engine: Arc<Engine>,
    server: StreamServer<Sessions>,
}

impl StreamHandler for Sessions {
    type Exec = ExecRequest;
    type Attach = AttachRequest;
    type PortForward = PortForwardRequest;

    async fn exec(&self, request: ExecRequest, session: CommandSession) {
        self.0.exec_session(&request, session).await;
    }

    async fn attach(&self, request: AttachRequest, session: CommandSession) {
        self.0.attach_session(&request, session).await;
    }

    async fn port_forward(&self, request: PortForwardRequest, session: PortForwardSession) {
        self.0.port_forward_session(&request, session).await;
    }
}

impl Streaming {
    /// Listens where the settings say.
    pub async fn start(engine: &Arc<Engine>) -> Result<Self, RuntimeError> {
        let address = engine.config.streaming;
        let failed = |source| RuntimeError::Streaming { address, source };
        if !address.ip().is_loopback() {
            return Err(RuntimeError::NotLoopback { address });
        }
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let handler = Sessions(Arc::clone(engine));
        let server = StreamServer::start(listener, handler, Timeouts::default()).map_err(failed)?;
        Ok(Self { engine: Arc::clone(engine), server })
    }

    /// Where a client gets this exec.
    pub fn exec(&self, request: ExecRequest) -> Result<String, Failure> {
        if request.cmd.is_empty() {
            return Err(Failure::Missing("command"));
        }
        let streams = CommandStreams::new(request.stdin, request.stdout, request.stderr, request.tty)?;
        self.engine.running(&request.container_id)?;
        Ok(self.server.exec_url(streams, request)?)
    }

    /// Where a client gets this attach.
    pub fn attach(&self, request: AttachRequest) -> Result<String, Failure> {
        let streams = CommandStreams::new(request.stdin, request.stdout, request.stderr, request.tty)?;
        self.engine.running(&request.container_id)?;
        Ok(self.server.attach_url(streams, request)?)
    }

    /// Where a client gets this port-forward.
    pub fn port_forward(&self, request: PortForwardRequest) -> Result<String, Failure> {
        self.engine.ready_sandbox(&request.pod_sandbox_id)?;
        let port = |port: &i32| u16::try_from(*port).ok().filter(|port| *port > 0).ok_or(Failure::Port(*port));
        let ports = request.port.iter().map(port).collect::<Result<_, _>>()?;
        Ok(self.server.port_forward_url(ports, request)?)
    }
}
