//! A running port-forward, as the container runtime sees it.

use std::collections::VecDeque;

use tokio::io::{AsyncWriteExt, Join};
use tokio::sync::mpsc;

use crate::connection::NewStream;
use crate::link::Link;
use crate::pairing::Pairing;
use crate::stream::{StreamReader, StreamWriter};

/// The bytes of one forwarded connection, both ways; either side can end its direction alone.
pub type DataStream = Join<StreamReader, StreamWriter>;

/// One connection that the client forwards.
#[derive(Debug)]
pub struct PortConnection {
    /// The port in the Pod.
    pub port: u16,
    /// The connection's bytes.
    pub data: DataStream,
    /// Whether the client can end its direction alone. Over WebSocket channels it can't: there the end of the Pod's
    /// direction is that of the connection.
    pub half_closes: bool,
    /// What can't be forwarded is said here, as text. Clients take any text as the end of the whole port-forward.
    pub error: StreamWriter,
}

impl PortConnection {
    /// Tells the client why this connection is not forwarded.
    pub async fn fail(mut self, message: &str) {
        // Without a client there is nobody to tell.
        let _ = self.error.write_all(message.as_bytes()).await;
    }
}

/// A port-forward with a client at its other end. Dropping it closes all of its connections.
#[derive(Debug)]
pub struct PortForwardSession {
    link: Link,
    source: Connections,
}

#[derive(Debug)]
enum Connections {
    /// All are there from the start.
    Fixed(VecDeque<PortConnection>),
    /// The client opens them, each as two streams.
    Opened { new: mpsc::Receiver<NewStream>, pairing: Pairing },
}

impl PortForwardSession {
    pub(crate) fn fixed(link: Link, connections: VecDeque<PortConnection>) -> Self {
        Self { link, source: Connections::Fixed(connections) }
    }

    pub(crate) fn opened(link: Link, new: mpsc::Receiver<NewStream>, pairing: Pairing) -> Self {
        Self { link, source: Connections::Opened { new, pairing } }
    }

    /// The next connection; `None` when there will be no more. Handle each in a task of its own. This must be awaited
    /// all the time: the connections that there are wait for it.
    pub async fn accept(&mut self) -> Option<PortConnection> {
        match &mut self.source {
            Connections::Fixed(connections) => {
                if let Some(connection) = connections.pop_front() {
                    return Some(connection);
                }
                self.link.table().all_ended_here().await;
                None
            }
            Connections::Opened { new, pairing } => pairing.next(new).await,
        }
    }

    /// Waits until the client is gone.
    pub async fn closed(&self) {
        self.link.closed().await;
    }
}

impl Drop for PortForwardSession {
    fn drop(&mut self) {
        self.link.finish();
    }
}
