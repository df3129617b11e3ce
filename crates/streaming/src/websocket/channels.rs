//! Messages of the `channel.k8s.io` protocols: one byte names the channel, the rest is for it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use thiserror::Error;

/// The channel that says of another one that it has ended, since v5.
const CLOSE: u8 = 255;

/// How channels and bytes are written into messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// The channel's number and the bytes as they are.
    Binary,
    /// The channel's number as a digit, the bytes in base64.
    Base64,
}

/// How messages of one connection look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelCodec {
    pub encoding: Encoding,
    /// Whether a channel can be ended alone.
    pub can_end: bool,
}

/// What a message says.
#[derive(Debug, PartialEq, Eq)]
pub enum ChannelMessage {
    /// Bytes for a channel.
    Data { channel: u8, payload: Bytes },
    /// Nothing more comes on this channel.
    End { channel: u8 },
    /// A message without a channel.
    Empty,
}

/// A message that can't be one of this protocol.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ChannelError {
    #[error("the peer sent a message that is not base64")]
    Base64,
    #[error("the peer sent a close message that names no channel")]
    Close,
}

/// Reads one message.
pub fn decode(codec: ChannelCodec, message: &Bytes) -> Result<ChannelMessage, ChannelError> {
    let Some(&first) = message.first() else { return Ok(ChannelMessage::Empty) };
    if codec.encoding == Encoding::Base64 {
        let payload = STANDARD.decode(&message[1..]).map_err(|_| ChannelError::Base64)?;
        return Ok(ChannelMessage::Data { channel: first.wrapping_sub(b'0'), payload: payload.into() });
    }
    if codec.can_end && first == CLOSE {
        let channel = *message.get(1).ok_or(ChannelError::Close)?;
        return Ok(ChannelMessage::End { channel });
    }
    Ok(ChannelMessage::Data { channel: first, payload: message.slice(1..) })
}

/// Writes bytes for a channel.
pub fn encode(codec: ChannelCodec, channel: u8, payload: &[u8]) -> Bytes {
    match codec.encoding {
        Encoding::Binary => {
            let mut message = BytesMut::with_capacity(1 + payload.len());
            message.extend_from_slice(&[channel]);
            message.extend_from_slice(payload);
            message.freeze()
        }
        Encoding::Base64 => {
            let mut message = String::from(char::from(b'0'.wrapping_add(channel)));
            STANDARD.encode_string(payload, &mut message);
            message.into()
        }
    }
}

/// Writes that nothing more comes on a channel, if the protocol can say so.
pub fn encode_end(codec: ChannelCodec, channel: u8) -> Option<Bytes> {
    codec.can_end.then(|| Bytes::copy_from_slice(&[CLOSE, channel]))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::{ChannelCodec, ChannelError, ChannelMessage, Encoding, decode, encode, encode_end};

    const V5: ChannelCodec = ChannelCodec { encoding: Encoding::Binary, can_end: true };
    const V4: ChannelCodec = ChannelCodec { encoding: Encoding::Binary, can_end: false };
    const BASE64: ChannelCodec = ChannelCodec { encoding: Encoding::Base64, can_end: false };

    proptest! {
        #[test]
        fn messages_are_read_as_they_were_written(channel in 0u8..10, data in proptest::collection::vec(any::<u8>(), 0..64)) {
            for codec in [V5, V4, BASE64] {
                let read = decode(codec, &encode(codec, channel, &data)).unwrap();
                prop_assert_eq!(read, ChannelMessage::Data { channel, payload: Bytes::from(data.clone()) });
            }
        }
    }

    #[test]
    fn only_v5_ends_a_channel() {
        assert_eq!(encode_end(V5, 0), Some(Bytes::from_static(&[255, 0])));
        assert_eq!(decode(V5, &Bytes::from_static(&[255, 0])), Ok(ChannelMessage::End { channel: 0 }));
        assert_eq!(decode(V5, &Bytes::from_static(&[255])), Err(ChannelError::Close));
        assert_eq!(encode_end(V4, 0), None);
        assert!(matches!(decode(V4, &Bytes::from_static(&[255, 0])), Ok(ChannelMessage::Data { channel: 255, .. })));
    }

    #[test]
    fn a_base64_message_has_a_digit_in_front() {
        assert_eq!(encode(BASE64, 1, b"foo\n"), "1Zm9vCg==");
        assert_eq!(decode(BASE64, &Bytes::from_static(b"0*")), Err(ChannelError::Base64));
    }
}
