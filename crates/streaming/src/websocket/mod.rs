//! Kubernetes' streams over WebSocket: channels with a number in front of each message, or SPDY in a tunnel.

mod channels;
mod handshake;
mod transport;
mod tunnel;

use std::io;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::protocol::{self, WebSocketConfig};

pub(crate) use channels::{ChannelCodec, Encoding};
#[cfg(feature = "fuzzing")]
pub(crate) use channels::{ChannelMessage, decode};
pub(crate) use handshake::{accept_headers, is_websocket, new_key, offered_protocols, proves_key};
pub(crate) use transport::{ChannelSink, ChannelSource};
pub(crate) use tunnel::Tunnel;

use crate::spdy::Role;

/// The longest message that is taken. Go's clients send 32 KiB at once, but others put a whole file into one.
const MAX_MESSAGE: usize = 16 * 1024 * 1024;
const BUFFER: usize = 32 * 1024;

pub(crate) fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(BUFFER)
        .write_buffer_size(BUFFER)
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_MESSAGE))
}

/// Messages over a connection that has been upgraded.
pub(crate) async fn open<T: AsyncRead + AsyncWrite + Unpin>(transport: T, role: Role) -> WebSocketStream<T> {
    let role = match role {
        Role::Client => protocol::Role::Client,
        Role::Server => protocol::Role::Server,
    };
    WebSocketStream::from_raw_socket(transport, role, Some(config())).await
}

fn to_io(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        other => io::Error::new(io::ErrorKind::InvalidData, other),
    }
}
