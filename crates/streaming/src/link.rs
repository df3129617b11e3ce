//! What the sessions, the streams and the two loops of one connection share.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use crate::idle::Activity;
use crate::spdy::Headers;
use crate::stream::{StreamReader, StreamWriter};
use crate::table::StreamTable;

/// How many bytes of all streams together wait to be sent to a slow peer.
const SEND_BUDGET: usize = 256 * 1024;
/// What an answer to the peer takes of it.
const ANSWER: u32 = 64;

/// What is to be sent, in this order.
#[derive(Debug)]
pub(crate) enum Outgoing {
    /// Opens a stream.
    Open { stream: u32, headers: Headers },
    /// Accepts a stream that the peer opened.
    Accept { stream: u32, _permit: OwnedSemaphorePermit },
    /// Does not accept a stream that the peer opened.
    Refuse { stream: u32, _permit: OwnedSemaphorePermit },
    /// Bytes of a stream, and their part of the budget until they are sent.
    Data { stream: u32, payload: Bytes, _permit: OwnedSemaphorePermit },
    /// Nothing more comes on this stream.
    End { stream: u32 },
    /// Nobody here reads this stream any more.
    Cancel { stream: u32 },
    /// The answer to a ping of the peer.
    Pong { id: u32, _permit: OwnedSemaphorePermit },
    /// A sign of life that needs no answer.
    Heartbeat,
    /// Nothing more comes at all.
    Finish,
}

/// The connection is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Closed;

/// A handle on a connection; all clones are the same connection.
#[derive(Debug, Clone)]
pub(crate) struct Link(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    outgoing: mpsc::UnboundedSender<Outgoing>,
    budget: Arc<Semaphore>,
    table: StreamTable,
    activity: Activity,
    finishing: CancellationToken,
    sent_all: CancellationToken,
    closed: CancellationToken,
}

impl Link {
    /// A new connection and what it is to send. What waits there is bounded: data and answers to the peer by the
    /// budget, all else by the number of streams.
    pub fn new() -> (Self, mpsc::UnboundedReceiver<Outgoing>) {
        let (outgoing, queue) = mpsc::unbounded_channel();
        let closed = CancellationToken::new();
        let shared = Shared {
            outgoing,
            budget: Arc::new(Semaphore::new(SEND_BUDGET)),
            table: StreamTable::default(),
            activity: Activity::default(),
            finishing: closed.child_token(),
            sent_all: CancellationToken::new(),
            closed,
        };
        (Self(Arc::new(shared)), queue)
    }

    pub fn budget(&self) -> Arc<Semaphore> {
        self.0.budget.clone()
    }

    /// The right to answer the peer once; a peer that asks but does not read has to wait for it.
    pub async fn answer_permit(&self) -> Result<OwnedSemaphorePermit, Closed> {
        tokio::select! {
            permit = self.budget().acquire_many_owned(ANSWER) => permit.map_err(|_| Closed),
            () = self.finishing() => Err(Closed),
        }
    }

    pub fn table(&self) -> &StreamTable {
        &self.0.table
    }

    pub fn activity(&self) -> &Activity {
        &self.0.activity
    }

    /// Sends after all that was sent before.
    pub fn send(&self, item: Outgoing) -> Result<(), Closed> {
        if self.0.finishing.is_cancelled() {
            return Err(Closed);
        }
        self.0.outgoing.send(item).map_err(|_| Closed)
    }

    /// Sends what only matters while the connection lives.
    pub fn try_send(&self, item: Outgoing) {
        // A closed connection needs no answer.
        let _ = self.send(item);
    }

    /// Sends no bytes, where that says something.
    pub async fn send_empty(&self, stream: u32) {
        if let Ok(permit) = self.answer_permit().await {
            self.try_send(Outgoing::Data { stream, payload: Bytes::new(), _permit: permit });
        }
    }

    /// Both directions of a new stream.
    pub fn open(&self, stream: u32) -> (StreamReader, StreamWriter) {
        let (reader, sender, end) = StreamReader::new();
        self.0.table.insert(stream, sender, end.clone());
        (reader, StreamWriter::new(stream, self.clone(), end))
    }

    /// Nothing more is sent on this stream.
    pub fn end_local(&self, stream: u32) {
        self.try_send(Outgoing::End { stream });
        if self.0.table.end_local(stream) {
            self.try_send(Outgoing::Cancel { stream });
        }
    }

    /// Nobody reads what the peer sends on this stream.
    pub fn discard(&self, stream: u32) {
        if self.0.table.discard(stream) {
            self.try_send(Outgoing::Cancel { stream });
        }
    }

    /// Nothing more is sent at all; what the peer still sends is thrown away.
    pub fn finish(&self) {
        self.try_send(Outgoing::Finish);
        self.0.finishing.cancel();
    }

    /// Ends the connection now.
    pub fn close(&self) {
        self.0.closed.cancel();
        self.0.budget.close();
        self.0.table.reset_all();
    }

    /// From then on nothing is received.
    pub async fn finishing(&self) {
        self.0.finishing.cancelled().await;
    }

    /// The last is with the transport.
    pub fn set_sent_all(&self) {
        self.0.sent_all.cancel();
    }

    /// Waits until the last is with the transport.
    pub async fn sent_all(&self) {
        self.0.sent_all.cancelled().await;
    }

    /// Waits for the end of the connection.
    pub async fn closed(&self) {
        self.0.closed.cancelled().await;
    }
}
