//! Begins a connection in one of the protocols.

use std::io;
use std::time::Duration;

use futures::StreamExt;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;

use crate::connection::{NewStream, start};
use crate::link::Link;
use crate::spdy::{Role, SpdySink, SpdySource};
use crate::websocket::{self, ChannelCodec, ChannelSink, ChannelSource, Tunnel};

/// Something that carries bytes both ways.
pub trait Transport: AsyncRead + AsyncWrite + Send + Unpin + 'static {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Transport for T {}

/// SPDY; the streams that the peer opens come through the receiver.
pub(crate) fn spdy(
    transport: impl Transport,
    role: Role,
    idle: Duration,
) -> io::Result<(Link, mpsc::Receiver<NewStream>)> {
    let (link, queue) = Link::new();
    let (read, write) = tokio::io::split(transport);
    let sink = SpdySink::new(write, role)?;
    let opened = start(SpdySource::new(read, role), sink, link.clone(), queue, idle);
    Ok((link, opened))
}

/// SPDY through a WebSocket.
pub(crate) async fn spdy_tunnel(
    transport: impl Transport,
    role: Role,
    idle: Duration,
) -> io::Result<(Link, mpsc::Receiver<NewStream>)> {
    spdy(Tunnel::new(websocket::open(transport, role).await), role, idle)
}

/// Numbered channels over WebSocket. Open the channels before anything is awaited: what comes for others is dropped.
pub(crate) async fn channels<R>(
    transport: impl Transport,
    role: Role,
    codec: ChannelCodec,
    idle: Duration,
    open: impl FnOnce(&Link) -> R,
) -> (Link, R) {
    let (link, queue) = Link::new();
    let opened = open(&link);
    let (sink, source) = websocket::open(transport, role).await.split();
    let sink = ChannelSink::new(sink, codec, role);
    // Nobody opens further channels: none of the events does.
    drop(start(ChannelSource::new(source, codec), sink, link.clone(), queue, idle));
    (link, opened)
}
