//! A client that takes nothing for a long time is cut off: until then, what it was to get is kept for it.
//!
//! The rest of a list keeps its objects alive, and a watch a place among the connections. Neither can end by itself while the
//! connection takes nothing, so it is the connection that ends. Whoever reads a log or looks at a terminal may pause.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// How long a client may take nothing.
pub(super) const STALL: Duration = Duration::from_secs(60);

/// Whether the client may pause for as long as it likes: of a connection, or of one response if there are many on it. Requests
/// have it among their extensions.
#[derive(Debug, Clone, Default)]
pub(crate) struct MayPause(Arc<AtomicBool>);

impl MayPause {
    /// From now on it may.
    pub(crate) fn allow(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it may.
    pub(super) fn is_allowed(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A connection that breaks if its other end takes nothing for too long. It belongs below TLS, which keeps some of what is
/// written: only here is written what is taken.
pub(super) struct Unstalled<S> {
    stream: S,
    longest: Duration,
    may_pause: MayPause,
    /// Runs while something waits to be taken.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S> Unstalled<S> {
    /// Around a stream.
    pub(super) fn new(stream: S, longest: Duration, may_pause: MayPause) -> Self {
        Self { stream, longest, may_pause, stalled: None }
    }

    /// What came of an attempt to write, or that there were none for too long.
    fn after<T>(&mut self, tried: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if tried.is_ready() {
            self.stalled = None;
            return tried;
        }
        let longest = self.longest;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(longest)));
        match stalled.as_mut().poll(context) {
            Poll::Ready(()) if !self.may_pause.is_allowed() => {
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes nothing")))
            }
            Poll::Ready(()) | Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Unstalled<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Unstalled<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let tried = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.after(tried, cx)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let tried = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.after(tried, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    const SHORT: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn a_client_that_takes_nothing_is_cut_off() {
        let (near, _far) = duplex(10);
        let mut near = Unstalled::new(near, SHORT, MayPause::default());
        let error = near.write_all(&[0; 100]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_client_that_takes_something_now_and_then_gets_everything() {
        let (near, mut far) = duplex(10);
        let longest = Duration::from_secs(1);
        let mut near = Unstalled::new(near, longest, MayPause::default());
        let written = tokio::spawn(async move { near.write_all(&[7; 100]).await });
        let mut read = Vec::new();
        // All of it takes longer than a client may take nothing.
        for _ in 0..10 {
            tokio::time::sleep(longest / 6).await;
            let mut some = [0; 10];
            far.read_exact(&mut some).await.unwrap();
            read.extend(some);
        }
        written.await.unwrap().unwrap();
        assert_eq!(read, [7; 100]);
    }

    #[tokio::test]
    async fn one_that_may_pause_does() {
        let (near, mut far) = duplex(10);
        let may_pause = MayPause::default();
        may_pause.allow();
        let mut near = Unstalled::new(near, SHORT, may_pause);
        let mut writes = Box::pin(near.write_all(&[0; 20]));
        assert!(tokio::time::timeout(3 * SHORT, &mut writes).await.is_err(), "it waits");
        far.read_exact(&mut [0; 20]).now_or_never();
        let mut taken = [0; 10];
        let (wrote, read) = futures::join!(writes, far.read_exact(&mut taken));
        assert!(wrote.is_ok() && read.is_ok());
    }
}
