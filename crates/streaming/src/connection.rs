//! Runs one connection: a loop that receives, a loop that sends, and what ends them.

use std::future::Future;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tracing::debug;

use crate::link::{Closed, Link, Outgoing};
use crate::spdy::Headers;
use crate::stream::{CHUNK, StreamReader, StreamWriter};

/// How long a peer may take to close a connection that has been finished. It gets nothing more, but closing first
/// could throw away what it has not read yet.
const LINGER: Duration = Duration::from_secs(30);
/// A peer that waits for a slow reader here gets a sign of life that often; kubectl gives up after a minute without.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// How many streams wait for a session to accept them.
const WAITING_STREAMS: usize = 16;

/// What is received.
#[derive(Debug)]
pub(crate) enum Event {
    /// The peer opens a stream.
    Open { stream: u32, fin: bool, headers: Headers },
    /// The peer accepts a stream.
    Accepted { stream: u32, fin: bool },
    /// Bytes of a stream.
    Data { stream: u32, payload: Bytes },
    /// Nothing more comes on this stream.
    End { stream: u32 },
    /// Both directions of this stream are over.
    Reset { stream: u32 },
    /// The peer wants to see this again.
    Ping(u32),
    /// The peer closes the connection in good order: nothing more comes on any stream.
    Close,
    /// A sign of life.
    Other,
}

/// Reads events from a transport.
pub(crate) trait Source: Send + 'static {
    /// The next one; `None` at the end of the connection.
    fn next(&mut self) -> impl Future<Output = io::Result<Option<Event>>> + Send;
}

/// Writes to a transport.
pub(crate) trait Sink: Send + 'static {
    /// Takes one item; it may stay in a buffer of bounded size.
    fn feed(&mut self, item: Outgoing) -> impl Future<Output = io::Result<()>> + Send;
    /// Writes what is in the buffer.
    fn flush(&mut self) -> impl Future<Output = io::Result<()>> + Send;
    /// Says goodbye and ends this direction.
    fn close(&mut self) -> impl Future<Output = io::Result<()>> + Send;
}

/// A stream that the peer has opened and that is to be accepted or refused.
#[derive(Debug)]
pub(crate) struct NewStream {
    pub stream: u32,
    pub headers: Headers,
    reader: StreamReader,
    writer: StreamWriter,
    permit: OwnedSemaphorePermit,
    link: Link,
}

impl NewStream {
    pub fn accept(self) -> (StreamReader, StreamWriter) {
        self.link.try_send(Outgoing::Accept { stream: self.stream, _permit: self.permit });
        (self.reader, self.writer)
    }

    pub fn refuse(self) {
        self.link.try_send(Outgoing::Refuse { stream: self.stream, _permit: self.permit });
        self.link.table().reset(self.stream);
    }
}

/// Starts a connection. The streams that the peer opens come through the receiver.
pub(crate) fn start(
    source: impl Source,
    sink: impl Sink,
    link: Link,
    queue: mpsc::UnboundedReceiver<Outgoing>,
    idle: Duration,
) -> mpsc::Receiver<NewStream> {
    let (opened, receiver) = mpsc::channel(WAITING_STREAMS);
    tokio::spawn(run(source, sink, link, queue, opened, idle));
    receiver
}

async fn run(
    source: impl Source,
    sink: impl Sink,
    link: Link,
    queue: mpsc::UnboundedReceiver<Outgoing>,
    opened: mpsc::Sender<NewStream>,
    idle: Duration,
) {
    let both = async { tokio::join!(receive(source, &link, opened), send(sink, queue, &link)) };
    tokio::select! {
        _ = both => {}
        () = link.closed() => {}
        () = link.activity().idle_for(idle) => debug!(?idle, "a streaming connection is closed: nothing moved on it"),
        () = lingered(&link) => debug!("a streaming connection is closed: the peer did not close it"),
    }
    link.close();
}

/// Ends some time after the last was sent.
async fn lingered(link: &Link) {
    link.sent_all().await;
    tokio::time::sleep(LINGER).await;
}

async fn receive(mut source: impl Source, link: &Link, opened: mpsc::Sender<NewStream>) {
    loop {
        match source.next().await {
            Ok(Some(event)) => {
                link.activity().touch();
                // What comes while the connection ends is only read so that the peer can get rid of it.
                let _ = take(event, link, &opened).await;
            }
            Ok(None) => break,
            Err(error) => {
                debug!(%error, "a streaming connection failed");
                break;
            }
        }
    }
    link.close();
}

async fn take(event: Event, link: &Link, opened: &mpsc::Sender<NewStream>) -> Result<(), Closed> {
    match event {
        Event::Open { stream, fin, headers } => return open(stream, fin, headers, link, opened).await,
        Event::Accepted { stream, fin } => {
            link.table().accept(stream);
            if fin {
                link.table().end_remote(stream);
            }
        }
        Event::Data { stream, payload } => return deliver(stream, payload, link).await,
        Event::End { stream } => link.table().end_remote(stream),
        Event::Reset { stream } => link.table().reset(stream),
        Event::Ping(id) => return link.send(Outgoing::Pong { id, _permit: link.answer_permit().await? }),
        Event::Close => link.table().end_all_remote(),
        Event::Other => {}
    }
    Ok(())
}

async fn open(
    stream: u32,
    fin: bool,
    headers: Headers,
    link: &Link,
    opened: &mpsc::Sender<NewStream>,
) -> Result<(), Closed> {
    let permit = link.answer_permit().await?;
    if link.table().is_full() {
        return link.send(Outgoing::Refuse { stream, _permit: permit });
    }
    let (reader, writer) = link.open(stream);
    if fin {
        link.table().end_remote(stream);
    }
    let new = NewStream { stream, headers, reader, writer, permit, link: link.clone() };
    tokio::select! {
        sent = opened.send(new) => sent.map_err(|refused| refused.0.refuse()).map_err(|()| Closed),
        () = link.finishing() => Err(Closed),
    }
}

/// Hands the bytes over, waiting while their reader is slow.
async fn deliver(stream: u32, mut payload: Bytes, link: &Link) -> Result<(), Closed> {
    let Some(sender) = link.table().sender(stream) else { return Ok(()) };
    while !payload.is_empty() {
        let chunk = payload.split_to(payload.len().min(CHUNK));
        tokio::select! {
            sent = sender.send(chunk) => if sent.is_err() {
                link.discard(stream);
                return Ok(());
            },
            () = link.finishing() => return Err(Closed),
            () = beat(link) => return Err(Closed),
        }
        link.activity().touch();
    }
    Ok(())
}

/// Shows the peer, for as long as it has to wait, that the connection lives. It also finds out whether the peer does.
async fn beat(link: &Link) {
    loop {
        tokio::time::sleep(HEARTBEAT).await;
        link.try_send(Outgoing::Heartbeat);
    }
}

async fn send(mut sink: impl Sink, mut queue: mpsc::UnboundedReceiver<Outgoing>, link: &Link) {
    match send_all(&mut sink, &mut queue, link).await {
        Ok(()) => link.set_sent_all(),
        Err(error) => {
            debug!(%error, "a streaming connection failed");
            link.close();
        }
    }
}

async fn send_all(sink: &mut impl Sink, queue: &mut mpsc::UnboundedReceiver<Outgoing>, link: &Link) -> io::Result<()> {
    while let Some(item) = queue.recv().await {
        if matches!(item, Outgoing::Finish) {
            break;
        }
        if !matches!(item, Outgoing::Heartbeat) {
            link.activity().touch();
        }
        sink.feed(item).await?;
        if queue.is_empty() {
            sink.flush().await?;
        }
    }
    queue.close();
    sink.close().await
}
