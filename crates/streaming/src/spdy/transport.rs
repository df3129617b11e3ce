//! A SPDY connection over anything that carries bytes.

use std::io;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::decode::FrameDecoder;
use super::frame::{CANCEL, Frame, FrameEncoder, FrameError, REFUSED_STREAM};
use crate::connection::{Event, Sink, Source};
use crate::link::Outgoing;

const READ_BUFFER: usize = 64 * 1024;
const WRITE_BUFFER: usize = 64 * 1024;

/// Which side of the connection this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Client,
    Server,
}

impl Role {
    /// Streams and pings of the client have odd numbers, those of the server even ones.
    fn is_own(self, id: u32) -> bool {
        (id % 2 == 1) == (self == Self::Client)
    }
}

impl From<FrameError> for io::Error {
    fn from(error: FrameError) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}

/// The receiving direction.
pub(crate) struct SpdySource<R> {
    transport: R,
    buffer: BytesMut,
    decoder: FrameDecoder,
    role: Role,
    last_stream: u32,
    /// The second event of a frame that means two.
    then: Option<Event>,
}

impl<R: AsyncRead + Unpin> SpdySource<R> {
    pub fn new(transport: R, role: Role) -> Self {
        let buffer = BytesMut::with_capacity(READ_BUFFER);
        Self { transport, buffer, decoder: FrameDecoder::new(), role, last_stream: 0, then: None }
    }

    async fn frame(&mut self) -> io::Result<Option<Frame>> {
        loop {
            if let Some(frame) = self.decoder.decode(&mut self.buffer)? {
                return Ok(Some(frame));
            }
            self.buffer.reserve(READ_BUFFER / 2);
            if self.transport.read_buf(&mut self.buffer).await? == 0 {
                let is_whole = self.buffer.is_empty();
                return if is_whole { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
            }
        }
    }

    fn event(&mut self, frame: Frame) -> Event {
        match frame {
            Frame::SynStream { stream, fin, headers } => self.opened(stream, fin, headers),
            Frame::SynReply { stream, fin } => Event::Accepted { stream, fin },
            Frame::Data { stream, fin, payload } => {
                self.then = fin.then_some(Event::End { stream });
                Event::Data { stream, payload }
            }
            Frame::Headers { stream, fin: true } => Event::End { stream },
            Frame::RstStream { stream, .. } => Event::Reset { stream },
            Frame::Ping(id) if !self.role.is_own(id) => Event::Ping(id),
            _ => Event::Other,
        }
    }

    /// Numbers of streams only grow; one that does not is not taken, as spdystream does it.
    fn opened(&mut self, stream: u32, fin: bool, headers: super::Headers) -> Event {
        if stream <= self.last_stream || self.role.is_own(stream) {
            return Event::Other;
        }
        self.last_stream = stream;
        Event::Open { stream, fin, headers }
    }
}

impl<R: AsyncRead + Send + Unpin + 'static> Source for SpdySource<R> {
    async fn next(&mut self) -> io::Result<Option<Event>> {
        if let Some(event) = self.then.take() {
            return Ok(Some(event));
        }
        let frame = self.frame().await?;
        Ok(frame.map(|frame| self.event(frame)))
    }
}

/// The sending direction.
pub(crate) struct SpdySink<W> {
    transport: W,
    buffer: BytesMut,
    encoder: FrameEncoder,
    role: Role,
}

impl<W: AsyncWrite + Unpin> SpdySink<W> {
    pub fn new(transport: W, role: Role) -> io::Result<Self> {
        Ok(Self { transport, buffer: BytesMut::with_capacity(WRITE_BUFFER), encoder: FrameEncoder::new()?, role })
    }

    async fn write_buffer(&mut self) -> io::Result<()> {
        self.transport.write_all(&self.buffer).await?;
        self.buffer.clear();
        Ok(())
    }

    fn frame(&self, item: Outgoing) -> Frame {
        match item {
            Outgoing::Open { stream, headers } => Frame::SynStream { stream, fin: false, headers },
            Outgoing::Accept { stream, .. } => Frame::SynReply { stream, fin: false },
            Outgoing::Refuse { stream, .. } => Frame::RstStream { stream, status: REFUSED_STREAM },
            Outgoing::Cancel { stream } => Frame::RstStream { stream, status: CANCEL },
            Outgoing::Data { stream, payload, .. } => Frame::Data { stream, fin: false, payload },
            Outgoing::End { stream } => Frame::Data { stream, fin: true, payload: Bytes::new() },
            Outgoing::Pong { id, .. } => Frame::Ping(id),
            Outgoing::Heartbeat => Frame::Ping(if self.role == Role::Client { 1 } else { 2 }),
            Outgoing::Finish => Frame::GoAway { last_stream: 0 },
        }
    }
}

impl<W: AsyncWrite + Send + Unpin + 'static> Sink for SpdySink<W> {
    async fn feed(&mut self, item: Outgoing) -> io::Result<()> {
        let frame = self.frame(item);
        self.encoder.encode(&frame, &mut self.buffer)?;
        if self.buffer.len() >= WRITE_BUFFER {
            self.write_buffer().await?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> io::Result<()> {
        self.write_buffer().await?;
        self.transport.flush().await
    }

    async fn close(&mut self) -> io::Result<()> {
        self.feed(Outgoing::Finish).await?;
        self.flush().await?;
        self.transport.shutdown().await
    }
}
