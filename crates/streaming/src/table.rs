//! The streams of a connection that are open.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::{Notify, mpsc, oneshot};

use crate::stream::StreamEnd;

/// How many streams a peer may have open at once: twice as many as connections through a port-forward.
pub(crate) const MAX_STREAMS: usize = 1024;

#[derive(Default)]
pub(crate) struct StreamTable {
    streams: Mutex<HashMap<u32, Stream>>,
    local_end: Notify,
}

/// A stream is listed until both directions have ended.
struct Stream {
    /// Where the peer's bytes go, until the peer ends it.
    sender: Option<mpsc::Sender<Bytes>>,
    end: Arc<StreamEnd>,
    is_local_open: bool,
    /// Who waits for the peer to accept the stream.
    accepted: Option<oneshot::Sender<()>>,
}

impl std::fmt::Debug for StreamTable {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("StreamTable").field("streams", &self.lock().len()).finish()
    }
}

impl StreamTable {
    pub fn insert(&self, stream: u32, sender: mpsc::Sender<Bytes>, end: Arc<StreamEnd>) {
        let entry = Stream { sender: Some(sender), end, is_local_open: true, accepted: None };
        self.lock().insert(stream, entry);
    }

    pub fn is_full(&self) -> bool {
        self.lock().len() >= MAX_STREAMS
    }

    /// Where the bytes of this stream go; `None` if nobody takes them any more.
    pub fn sender(&self, stream: u32) -> Option<mpsc::Sender<Bytes>> {
        self.lock().get(&stream)?.sender.clone()
    }

    /// Ends when the peer accepts the stream, with an error when it refuses it.
    pub fn when_accepted(&self, stream: u32) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        if let Some(entry) = self.lock().get_mut(&stream) {
            entry.accepted = Some(sender);
        }
        receiver
    }

    /// The peer accepts the stream.
    pub fn accept(&self, stream: u32) {
        let waiting = self.lock().get_mut(&stream).and_then(|entry| entry.accepted.take());
        if let Some(waiting) = waiting {
            // Nobody waits any more: then it does not matter.
            let _ = waiting.send(());
        }
    }

    /// The peer sends nothing more on this stream.
    pub fn end_remote(&self, stream: u32) {
        let mut streams = self.lock();
        let Some(entry) = streams.get_mut(&stream) else { return };
        entry.end.set_by_peer();
        entry.sender = None;
        if !entry.is_local_open {
            streams.remove(&stream);
        }
    }

    /// The peer sends nothing more on any stream.
    pub fn end_all_remote(&self) {
        self.lock().retain(|_, entry| {
            entry.end.set_by_peer();
            entry.sender = None;
            entry.is_local_open
        });
    }

    /// Nothing more is sent on this stream. Tells whether the peer should stop sending too, as nobody is left to read.
    pub fn end_local(&self, stream: u32) -> bool {
        let is_unread = self.lock().get_mut(&stream).is_some_and(|entry| {
            entry.is_local_open = false;
            entry.end.set_unwritable();
            entry.sender.as_ref().is_none_or(mpsc::Sender::is_closed)
        });
        let unread = if is_unread { self.lock().remove(&stream) } else { None };
        self.local_end.notify_waiters();
        unread.is_some_and(|entry| entry.sender.is_some())
    }

    /// Nobody reads what the peer sends on this stream. Tells whether the stream is over with that.
    pub fn discard(&self, stream: u32) -> bool {
        let mut streams = self.lock();
        let is_over = streams.get(&stream).is_some_and(|entry| !entry.is_local_open);
        is_over && streams.remove(&stream).is_some()
    }

    /// Both directions of a stream are over.
    pub fn reset(&self, stream: u32) {
        if let Some(entry) = self.lock().remove(&stream) {
            entry.end.set_unwritable();
        }
        self.local_end.notify_waiters();
    }

    /// The connection is over.
    pub fn reset_all(&self) {
        self.lock().drain().for_each(|(_, entry)| entry.end.set_unwritable());
        self.local_end.notify_waiters();
    }

    /// The streams on which something can be sent.
    pub fn open_here(&self) -> Vec<u32> {
        let streams = self.lock();
        streams.iter().filter(|(_, entry)| entry.is_local_open).map(|(stream, _)| *stream).collect()
    }

    /// Waits until nothing can be sent on any stream.
    pub async fn all_ended_here(&self) {
        loop {
            let ended = self.local_end.notified();
            if self.open_here().is_empty() {
                return;
            }
            ended.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u32, Stream>> {
        // The map is whole after each statement, so a panic elsewhere does not spoil it.
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
