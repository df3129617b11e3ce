//! Finds the two streams of each forwarded connection: one for data, one for errors.

use std::collections::HashMap;
use std::future::pending;
use std::num::NonZeroU16;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::debug;

use crate::connection::NewStream;
use crate::port_forward::PortConnection;
use crate::protocol::{DATA, ERROR, PORT, REQUEST_ID, STREAM_TYPE};
use crate::stream::{StreamReader, StreamWriter};

/// The streams that still lack the other one.
#[derive(Debug)]
pub(crate) struct Pairing {
    waiting: HashMap<String, Half>,
    creation: Duration,
}

#[derive(Debug)]
struct Half {
    is_data: bool,
    port: u16,
    streams: (StreamReader, StreamWriter),
    until: Instant,
}

/// What a stream's headers say.
struct Kind {
    is_data: bool,
    port: u16,
    request: String,
}

impl Pairing {
    /// The second stream may come so much later than the first.
    pub fn new(creation: Duration) -> Self {
        Self { waiting: HashMap::new(), creation }
    }

    /// The next connection of which both streams are there.
    pub async fn next(&mut self, new: &mut mpsc::Receiver<NewStream>) -> Option<PortConnection> {
        loop {
            let next_limit = self.waiting.values().map(|half| half.until).min();
            tokio::select! {
                stream = new.recv() => if let Some(connection) = self.take(stream?) {
                    return Some(connection);
                },
                () = reached(next_limit) => self.give_up().await,
            }
        }
    }

    fn take(&mut self, stream: NewStream) -> Option<PortConnection> {
        let Some(kind) = Kind::of(&stream) else {
            debug!(headers = ?stream.headers, "a stream of a port-forward is refused: its headers say no kind and port");
            stream.refuse();
            return None;
        };
        let other = self.waiting.remove(&kind.request);
        let Some(other) = other else {
            let half = Half {
                is_data: kind.is_data,
                port: kind.port,
                streams: stream.accept(),
                until: Instant::now() + self.creation,
            };
            self.waiting.insert(kind.request, half);
            return None;
        };
        if other.is_data == kind.is_data {
            stream.refuse();
            self.waiting.insert(kind.request, other);
            return None;
        }
        Some(if kind.is_data { pair(kind.port, stream.accept(), other) } else { other.with_error(stream) })
    }

    async fn give_up(&mut self) {
        let now = Instant::now();
        for (request, mut half) in self.waiting.extract_if(|_, half| half.until <= now) {
            debug!(request, port = half.port, "a client opened only one stream of a connection");
            if !half.is_data {
                let message = format!("port {}: the client opened no stream for the connection's data", half.port);
                // Without a client there is nobody to tell.
                let _ = half.streams.1.write_all(message.as_bytes()).await;
            }
        }
    }
}

impl Half {
    fn with_error(self, error: NewStream) -> PortConnection {
        let (_, error) = error.accept();
        let (reader, writer) = self.streams;
        PortConnection { port: self.port, data: tokio::io::join(reader, writer), half_closes: true, error }
    }
}

fn pair(port: u16, (reader, writer): (StreamReader, StreamWriter), error: Half) -> PortConnection {
    PortConnection { port, data: tokio::io::join(reader, writer), half_closes: true, error: error.streams.1 }
}

async fn reached(limit: Option<Instant>) {
    match limit {
        Some(limit) => tokio::time::sleep_until(limit).await,
        None => pending().await,
    }
}

impl Kind {
    fn of(stream: &NewStream) -> Option<Self> {
        let port = stream.headers.get(PORT)?.parse::<NonZeroU16>().ok()?.get();
        let kind = stream.headers.get(STREAM_TYPE)?;
        let is_data = kind == DATA;
        if !is_data && kind != ERROR.name {
            return None;
        }
        // Old clients send no id, but open the error stream right before that for data.
        let first = stream.stream.saturating_sub(if is_data { 2 } else { 0 });
        let request = stream.headers.get(REQUEST_ID).map_or_else(|| format!("stream {first}"), str::to_owned);
        Some(Self { is_data, port, request })
    }
}
