//! The two ends of a stream that a session hands out: a reader and a writer, both with bounded memory behind them.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc;
use tokio_util::sync::PollSemaphore;

use crate::link::{Link, Outgoing};

/// How much of a stream is handed over at once, and how many such chunks wait for a slow reader.
pub(crate) const CHUNK: usize = 16 * 1024;
pub(crate) const WAITING_CHUNKS: usize = 8;

/// How a stream came to its end.
#[derive(Debug, Default)]
pub(crate) struct StreamEnd {
    by_peer: AtomicBool,
    unwritable: AtomicBool,
}

impl StreamEnd {
    /// The peer said that nothing follows.
    pub fn set_by_peer(&self) {
        self.by_peer.store(true, Ordering::Release);
    }

    /// Nothing can be sent any more.
    pub fn set_unwritable(&self) {
        self.unwritable.store(true, Ordering::Release);
    }
}

/// What the peer sends on a stream. Reads 0 bytes when the peer has ended it (half-close), and fails with
/// [`io::ErrorKind::ConnectionReset`] if the stream or its connection broke before.
#[derive(Debug)]
pub struct StreamReader {
    chunks: mpsc::Receiver<Bytes>,
    current: Bytes,
    end: Arc<StreamEnd>,
}

impl StreamReader {
    /// The reader, and what the connection feeds it with.
    pub(crate) fn new() -> (Self, mpsc::Sender<Bytes>, Arc<StreamEnd>) {
        let (sender, chunks) = mpsc::channel(WAITING_CHUNKS);
        let end = Arc::new(StreamEnd::default());
        (Self { chunks, current: Bytes::new(), end: end.clone() }, sender, end)
    }
}

impl AsyncRead for StreamReader {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        while self.current.is_empty() {
            match ready!(self.chunks.poll_recv(context)) {
                Some(chunk) => self.current = chunk,
                None if self.end.by_peer.load(Ordering::Acquire) => return Poll::Ready(Ok(())),
                None => return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
            }
        }
        let length = self.current.len().min(into.remaining());
        into.put_slice(&self.current[..length]);
        self.current.advance(length);
        Poll::Ready(Ok(()))
    }
}

/// What is sent to the peer on a stream. A write waits while the peer is slow; shutting down or dropping the writer
/// tells the peer that nothing follows. Fails with [`io::ErrorKind::BrokenPipe`] when the peer is gone.
#[derive(Debug)]
pub struct StreamWriter {
    stream: u32,
    link: Link,
    budget: PollSemaphore,
    end: Arc<StreamEnd>,
    is_open: bool,
}

impl StreamWriter {
    pub(crate) fn new(stream: u32, link: Link, end: Arc<StreamEnd>) -> Self {
        let budget = PollSemaphore::new(link.budget());
        Self { stream, link, budget, end, is_open: true }
    }

    pub(crate) fn stream(&self) -> u32 {
        self.stream
    }

    fn end(&mut self) {
        if std::mem::take(&mut self.is_open) {
            self.link.end_local(self.stream);
        }
    }
}

impl AsyncWrite for StreamWriter {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let length = data.len().min(CHUNK);
        if length == 0 {
            return Poll::Ready(Ok(0));
        }
        let permit = ready!(self.budget.poll_acquire_many(context, length as u32));
        let Some(permit) = permit.filter(|_| self.is_open && !self.end.unwritable.load(Ordering::Acquire)) else {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        };
        let payload = Bytes::copy_from_slice(&data[..length]);
        let sent = self.link.send(Outgoing::Data { stream: self.stream, payload, _permit: permit });
        Poll::Ready(sent.map(|()| length).map_err(|_| io::ErrorKind::BrokenPipe.into()))
    }

    /// What was written is on its way: nothing holds it back.
    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.end();
        Poll::Ready(Ok(()))
    }
}

impl Drop for StreamWriter {
    fn drop(&mut self) {
        self.end();
    }
}
