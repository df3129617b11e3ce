//! A connection of channels over WebSocket.

use std::io;

use bytes::Bytes;
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use super::channels::{ChannelCodec, ChannelMessage, Encoding, decode, encode, encode_end};
use super::to_io;
use crate::connection::{Event, Sink, Source};
use crate::link::Outgoing;
use crate::spdy::Role;

/// The receiving direction.
pub(crate) struct ChannelSource<T> {
    messages: SplitStream<WebSocketStream<T>>,
    codec: ChannelCodec,
}

impl<T> ChannelSource<T> {
    pub fn new(messages: SplitStream<WebSocketStream<T>>, codec: ChannelCodec) -> Self {
        Self { messages, codec }
    }

    fn event(&self, message: Message) -> io::Result<Event> {
        let bytes = match message {
            Message::Binary(bytes) => bytes,
            // The Python client sends text as text, also where the protocol is binary.
            Message::Text(text) => Bytes::from(text),
            Message::Close(_) => return Ok(Event::Close),
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => return Ok(Event::Other),
        };
        let decoded = decode(self.codec, &bytes);
        Ok(match decoded.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))? {
            ChannelMessage::Data { channel, payload } => Event::Data { stream: channel.into(), payload },
            ChannelMessage::End { channel } => Event::End { stream: channel.into() },
            ChannelMessage::Empty => Event::Other,
        })
    }
}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Source for ChannelSource<T> {
    /// Reading also answers pings.
    async fn next(&mut self) -> io::Result<Option<Event>> {
        match self.messages.next().await {
            Some(Ok(message)) => self.event(message).map(Some),
            Some(Err(Error::ConnectionClosed)) | None => Ok(None),
            Some(Err(error)) => Err(to_io(error)),
        }
    }
}

/// The sending direction.
pub(crate) struct ChannelSink<T> {
    messages: SplitSink<WebSocketStream<T>, Message>,
    codec: ChannelCodec,
    role: Role,
}

impl<T> ChannelSink<T> {
    pub fn new(messages: SplitSink<WebSocketStream<T>, Message>, codec: ChannelCodec, role: Role) -> Self {
        Self { messages, codec, role }
    }

    fn message(&self, item: &Outgoing) -> Option<Message> {
        match item {
            Outgoing::Data { stream, payload, .. } => {
                let bytes = encode(self.codec, *stream as u8, payload);
                Some(match self.codec.encoding {
                    Encoding::Binary => Message::Binary(bytes),
                    Encoding::Base64 => Message::Text(Utf8Bytes::try_from(bytes).ok()?),
                })
            }
            // Clients expect no such message: for them the end of the connection ends all channels.
            Outgoing::End { stream } if self.role == Role::Client => {
                encode_end(self.codec, *stream as u8).map(Message::Binary)
            }
            Outgoing::Heartbeat => Some(Message::Pong(Bytes::new())),
            _ => None,
        }
    }
}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Sink for ChannelSink<T> {
    async fn feed(&mut self, item: Outgoing) -> io::Result<()> {
        match self.message(&item) {
            Some(message) => self.messages.feed(message).await.map_err(to_io),
            None => Ok(()),
        }
    }

    async fn flush(&mut self) -> io::Result<()> {
        self.messages.flush().await.map_err(to_io)
    }

    async fn close(&mut self) -> io::Result<()> {
        let goodbye = CloseFrame { code: CloseCode::Normal, reason: Utf8Bytes::default() };
        match self.messages.send(Message::Close(Some(goodbye))).await {
            // The peer was first.
            Err(Error::ConnectionClosed | Error::Protocol(_)) | Ok(()) => Ok(()),
            Err(error) => Err(to_io(error)),
        }
    }
}
