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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{fuzz_spdy_frames, fuzz_websocket_channels};

    proptest! {
        #[test]
        fn any_bytes_end_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
            fuzz_spdy_frames(&bytes);
            fuzz_websocket_channels(&bytes);
        }
    }

    #[test]
    fn what_a_client_sends_is_counted() {
        // A masked binary message for channel 0, and a ping.
        assert_eq!(fuzz_websocket_channels(&[0x82, 0x82, 0, 0, 0, 0, 0, b'a']), 1);
        assert_eq!(fuzz_spdy_frames(&[0x80, 3, 0, 6, 0, 0, 0, 4, 0, 0, 0, 1]), 1);
    }
}
