//! Entry points for fuzz targets: whatever the bytes are, nothing panics.

use std::io::Cursor;

use bytes::{Bytes, BytesMut};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocket};

use crate::protocol::{CHANNELS_V4, CHANNELS_V4_BASE64, CHANNELS_V5};
use crate::spdy::FrameDecoder;
use crate::websocket::{self, ChannelMessage};

/// Reads the bytes as what a SPDY peer sends; tells how many frames there were.
pub fn fuzz_spdy_frames(bytes: &[u8]) -> usize {
    let (mut decoder, mut buffer) = (FrameDecoder::new(), BytesMut::from(bytes));
    std::iter::from_fn(|| decoder.decode(&mut buffer).ok().flatten()).count()
}

/// Reads the bytes as what a WebSocket client sends; tells how many messages named a channel.
pub fn fuzz_websocket_channels(bytes: &[u8]) -> usize {
    let mut socket = WebSocket::from_raw_socket(Cursor::new(bytes.to_vec()), Role::Server, Some(websocket::config()));
    let messages = std::iter::from_fn(|| socket.read().ok());
    let is_for_channel = |bytes: &Bytes| {
        let codecs = [CHANNELS_V5, CHANNELS_V4, CHANNELS_V4_BASE64];
        codecs.into_iter().any(|codec| matches!(websocket::decode(codec, bytes), Ok(ChannelMessage::Data { .. })))
    };
    messages.filter(|message| matches!(message, Message::Binary(bytes) if is_for_channel(bytes))).count()
}
