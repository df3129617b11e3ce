//! A port-forward, as its client sees it.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};

use hyper::Request;
use tokio::sync::Mutex;

use super::error::ClientError;
use super::request;
use crate::begin::{self, Transport};
use crate::link::{Link, Outgoing};
use crate::port_forward::DataStream;
use crate::protocol::{DATA, ERROR, PORT, PORT_FORWARD, PORT_FORWARD_TUNNEL, REQUEST_ID, STREAM_TYPE};
use crate::spdy::{Headers, Role};
use crate::stream::{StreamReader, StreamWriter};
use crate::timeouts::Timeouts;

/// How to speak with the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortForwardProtocol {
    /// SPDY/3.1 in the messages of a WebSocket, as kubectl does it since 1.31.
    Tunnel,
    /// SPDY/3.1.
    Spdy,
}

/// A port-forward through the server. Dropping it closes all its connections.
#[derive(Debug)]
pub struct ClientPortForward {
    link: Link,
    next_stream: Mutex<u32>,
    next_request: AtomicU32,
    timeouts: Timeouts,
}

/// A connection to a port in the Pod.
#[derive(Debug)]
pub struct ForwardedConnection {
    /// The connection's bytes.
    pub data: DataStream,
    /// Why the server could not forward: nothing if all went well.
    pub error: StreamReader,
}

/// Asks for a port-forward over this connection. The request names the path, and headers such as `Host`.
pub async fn connect_port_forward(
    transport: impl Transport,
    request: Request<()>,
    protocol: PortForwardProtocol,
    timeouts: Timeouts,
) -> Result<ClientPortForward, ClientError> {
    let (link, _) = match protocol {
        PortForwardProtocol::Tunnel => {
            let transport = request::websocket(transport, request, PORT_FORWARD_TUNNEL).await?;
            begin::spdy_tunnel(transport, Role::Client, timeouts.idle).await?
        }
        PortForwardProtocol::Spdy => {
            let transport = request::spdy(transport, request, PORT_FORWARD).await?;
            begin::spdy(transport, Role::Client, timeouts.idle)?
        }
    };
    Ok(ClientPortForward { link, next_stream: Mutex::new(1), next_request: AtomicU32::new(0), timeouts })
}

impl ClientPortForward {
    /// Opens a connection to a port in the Pod.
    pub async fn open(&self, port: u16) -> Result<ForwardedConnection, ClientError> {
        let request = self.next_request.fetch_add(1, Ordering::Relaxed).to_string();
        let (error, error_writer) = self.stream(ERROR.name, port, &request).await?;
        // Nothing is written there.
        drop(error_writer);
        let (reader, writer) = self.stream(DATA, port, &request).await?;
        Ok(ForwardedConnection { data: tokio::io::join(reader, writer), error })
    }

    /// Waits until the connection to the server is closed.
    pub async fn closed(&self) {
        self.link.closed().await;
    }

    async fn stream(
        &self,
        kind: &'static str,
        port: u16,
        request: &str,
    ) -> Result<(StreamReader, StreamWriter), ClientError> {
        let (ends, accepted) = {
            // Held until the frame is queued: numbers of streams must grow.
            let mut next = self.next_stream.lock().await;
            let stream = *next;
            *next += 2;
            let ends = self.link.open(stream);
            let accepted = self.link.table().when_accepted(stream);
            let headers = Headers::new([(STREAM_TYPE, kind), (PORT, &port.to_string()), (REQUEST_ID, request)]);
            self.link.try_send(Outgoing::Open { stream, headers });
            (ends, accepted)
        };
        match tokio::time::timeout(self.timeouts.creation, accepted).await {
            Ok(Ok(())) => Ok(ends),
            Ok(Err(_)) => Err(ClientError::Stream(kind)),
            Err(_) => Err(ClientError::Connection(io::ErrorKind::TimedOut.into())),
        }
    }
}

impl Drop for ClientPortForward {
    fn drop(&mut self) {
        self.link.finish();
    }
}
