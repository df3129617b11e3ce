//! Names and numbers of Kubernetes' streaming protocols.

use crate::websocket::{ChannelCodec, Encoding};

/// A stream of a command: its name over SPDY, its channel over WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StreamKind {
    pub name: &'static str,
    pub channel: u32,
}

pub(crate) const STDIN: StreamKind = StreamKind { name: "stdin", channel: 0 };
pub(crate) const STDOUT: StreamKind = StreamKind { name: "stdout", channel: 1 };
pub(crate) const STDERR: StreamKind = StreamKind { name: "stderr", channel: 2 };
pub(crate) const ERROR: StreamKind = StreamKind { name: "error", channel: 3 };
pub(crate) const RESIZE: StreamKind = StreamKind { name: "resize", channel: 4 };

/// The header that names a stream's kind.
pub(crate) const STREAM_TYPE: &str = "streamType";
/// The kind of a port-forward's stream that carries the connection.
pub(crate) const DATA: &str = "data";
/// The header that names the port.
pub(crate) const PORT: &str = "port";
/// The header that is the same for the two streams of one connection.
pub(crate) const REQUEST_ID: &str = "requestID";

pub(crate) const PORT_FORWARD: &str = "portforward.k8s.io";
pub(crate) const PORT_FORWARD_TUNNEL: &str = "SPDY/3.1+portforward.k8s.io";

pub(crate) const CHANNELS_V5: ChannelCodec = ChannelCodec { encoding: Encoding::Binary, can_end: true };
pub(crate) const CHANNELS_V4: ChannelCodec = ChannelCodec { encoding: Encoding::Binary, can_end: false };
pub(crate) const CHANNELS_V4_BASE64: ChannelCodec = ChannelCodec { encoding: Encoding::Base64, can_end: false };
