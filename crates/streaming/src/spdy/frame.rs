//! The frames of SPDY/3 and how they look on the wire.

use bytes::{BufMut, Bytes, BytesMut};
use thiserror::Error;

use super::headers::{HeaderCompressor, Headers};

pub(super) const CONTROL: u32 = 1 << 31;
pub(super) const VERSION: u16 = 3;
pub(super) const FIN: u8 = 1;

pub(super) const SYN_STREAM: u16 = 1;
pub(super) const SYN_REPLY: u16 = 2;
pub(super) const RST_STREAM: u16 = 3;
pub(super) const SETTINGS: u16 = 4;
pub(super) const PING: u16 = 6;
pub(super) const GOAWAY: u16 = 7;
pub(super) const HEADERS: u16 = 8;
pub(super) const WINDOW_UPDATE: u16 = 9;

/// Why a stream is reset: the receiver doesn't take it.
pub const REFUSED_STREAM: u32 = 3;
/// Why a stream is reset: its sender doesn't want it any more.
pub const CANCEL: u32 = 5;

/// One frame; a long data frame comes in several parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// Opens a stream.
    SynStream { stream: u32, fin: bool, headers: Headers },
    /// Accepts a stream.
    SynReply { stream: u32, fin: bool },
    /// Ends a stream in both directions at once.
    RstStream { stream: u32, status: u32 },
    /// Says how large the sender's buffers are, and the like. Kubernetes' peers neither send nor keep it.
    Settings,
    /// Is to be sent back as it is, if it is the other side's.
    Ping(u32),
    /// No stream after this one is accepted.
    GoAway { last_stream: u32 },
    /// More headers.
    Headers { stream: u32, fin: bool },
    /// Lets the receiver send more. Kubernetes' peers neither send nor keep it.
    WindowUpdate { stream: u32, delta: u32 },
    /// Bytes of a stream.
    Data { stream: u32, fin: bool, payload: Bytes },
    /// Of a type that the protocol does not know; such frames are to be ignored.
    Unknown,
}

/// Bytes that are not SPDY/3, or more than a peer may ask for. The connection can't go on.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum FrameError {
    #[error("the peer speaks version {0} of SPDY, only version {VERSION} is spoken here")]
    Version(u16),
    #[error("the peer sent a SPDY frame of type {kind} with {length} bytes, which can't be")]
    Length { kind: u16, length: usize },
    #[error("the peer sent a SPDY {what} of more than {limit} bytes")]
    TooLong { what: &'static str, limit: usize },
    #[error("the peer sent a SPDY frame for stream 0")]
    StreamZero,
    #[error("the peer sent {0} headers for one SPDY stream")]
    TooManyHeaders(usize),
    #[error("the peer sent a SPDY header block that ends too early")]
    HeaderBlock,
    #[error("the peer sent a SPDY header block that can't be decompressed")]
    HeaderCompression,
}

/// Writes frames; the headers of all of them are compressed together.
pub struct FrameEncoder(HeaderCompressor);

impl FrameEncoder {
    /// For one direction of a new connection.
    pub fn new() -> Result<Self, FrameError> {
        HeaderCompressor::new().map(Self)
    }

    /// Appends the frame's bytes.
    pub fn encode(&mut self, frame: &Frame, into: &mut BytesMut) -> Result<(), FrameError> {
        match frame {
            Frame::SynStream { stream, fin, headers } => {
                let block = self.0.compress(headers)?;
                control(into, SYN_STREAM, *fin, 10 + block.len());
                into.put_u32(*stream);
                // No stream that this one belongs to, the highest priority, no certificate.
                into.put_bytes(0, 6);
                into.put_slice(&block);
            }
            Frame::SynReply { stream, fin } => {
                let block = self.0.compress(&Headers::default())?;
                control(into, SYN_REPLY, *fin, 4 + block.len());
                into.put_u32(*stream);
                into.put_slice(&block);
            }
            Frame::Headers { stream, fin } => {
                let block = self.0.compress(&Headers::default())?;
                control(into, HEADERS, *fin, 4 + block.len());
                into.put_u32(*stream);
                into.put_slice(&block);
            }
            Frame::RstStream { stream, status } => pair(into, RST_STREAM, *stream, *status),
            Frame::WindowUpdate { stream, delta } => pair(into, WINDOW_UPDATE, *stream, *delta),
            Frame::GoAway { last_stream } => pair(into, GOAWAY, *last_stream, 0),
            Frame::Ping(id) => {
                control(into, PING, false, 4);
                into.put_u32(*id);
            }
            Frame::Settings => {
                control(into, SETTINGS, false, 4);
                into.put_u32(0);
            }
            Frame::Data { stream, fin, payload } => {
                into.put_u32(*stream);
                into.put_u32(u32::from(if *fin { FIN } else { 0 }) << 24 | payload.len() as u32);
                into.put_slice(payload);
            }
            Frame::Unknown => {}
        }
        Ok(())
    }
}

fn control(into: &mut BytesMut, kind: u16, fin: bool, length: usize) {
    into.put_u32(CONTROL | u32::from(VERSION) << 16 | u32::from(kind));
    into.put_u32(u32::from(if fin { FIN } else { 0 }) << 24 | length as u32);
}

fn pair(into: &mut BytesMut, kind: u16, first: u32, second: u32) {
    control(into, kind, false, 8);
    into.put_u32(first);
    into.put_u32(second);
}
