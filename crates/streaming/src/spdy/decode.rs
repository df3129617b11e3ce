//! Bytes in, frames out.

use bytes::{Buf, Bytes, BytesMut};

use super::frame::{CONTROL, FIN, Frame, FrameError, VERSION};
use super::frame::{GOAWAY, HEADERS, PING, RST_STREAM, SETTINGS, SYN_REPLY, SYN_STREAM, WINDOW_UPDATE};
use super::headers::{HeaderDecompressor, Headers, MAX_HEADER_BLOCK};

const HEAD: usize = 8;
const MAX_CONTROL: usize = MAX_HEADER_BLOCK + 10;
/// What is handed out of a data frame at once: frames may be of 16 MiB and are never held as a whole.
pub const MAX_DATA_PART: usize = 16 * 1024;

/// Reads the frames of one direction of a connection.
pub struct FrameDecoder {
    headers: HeaderDecompressor,
    rest: Option<DataRest>,
}

/// What is still to come of a data frame.
struct DataRest {
    stream: u32,
    fin: bool,
    left: usize,
}

impl FrameDecoder {
    /// At the start of a connection.
    pub fn new() -> Self {
        Self { headers: HeaderDecompressor::new(), rest: None }
    }

    /// Takes the next frame off the front of `buffer`; `None` if more bytes are needed.
    pub fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Frame>, FrameError> {
        if let Some(rest) = self.rest.take() {
            return Ok(self.data(rest, buffer));
        }
        let Some(head) = buffer.first_chunk::<HEAD>() else { return Ok(None) };
        let (mut head, mut rest) = (&head[..4], &head[4..]);
        let (first, second) = (head.get_u32(), rest.get_u32());
        let (flags, length) = ((second >> 24) as u8, (second & 0xff_ffff) as usize);
        if first & CONTROL != 0 {
            return self.control(first, flags, length, buffer);
        }
        if first == 0 {
            return Err(FrameError::StreamZero);
        }
        buffer.advance(HEAD);
        Ok(self.data(DataRest { stream: first, fin: flags & FIN != 0, left: length }, buffer))
    }

    fn data(&mut self, mut rest: DataRest, buffer: &mut BytesMut) -> Option<Frame> {
        if rest.left > 0 && buffer.is_empty() {
            self.rest = Some(rest);
            return None;
        }
        let length = rest.left.min(buffer.len()).min(MAX_DATA_PART);
        // Copied, so that a few bytes that wait to be read don't hold the whole buffer.
        let payload = Bytes::copy_from_slice(&buffer[..length]);
        buffer.advance(length);
        rest.left -= length;
        let (stream, is_last) = (rest.stream, rest.left == 0);
        let fin = rest.fin && is_last;
        self.rest = (!is_last).then_some(rest);
        Some(Frame::Data { stream, fin, payload })
    }

    fn control(
        &mut self,
        first: u32,
        flags: u8,
        length: usize,
        buffer: &mut BytesMut,
    ) -> Result<Option<Frame>, FrameError> {
        let (version, kind) = ((first >> 16) as u16 & 0x7fff, first as u16);
        if version != VERSION {
            return Err(FrameError::Version(version));
        }
        if length > MAX_CONTROL {
            return Err(FrameError::TooLong { what: "control frame", limit: MAX_CONTROL });
        }
        if buffer.len() < HEAD + length {
            return Ok(None);
        }
        buffer.advance(HEAD);
        let body = buffer.split_to(length);
        self.control_frame(kind, flags & FIN != 0, &body).map(Some)
    }

    fn control_frame(&mut self, kind: u16, fin: bool, body: &[u8]) -> Result<Frame, FrameError> {
        let wrong = || FrameError::Length { kind, length: body.len() };
        let word = |at: usize| body.get(at..at + 4).map(|mut word| word.get_u32()).ok_or_else(wrong);
        let stream = || word(0).map(|word| word & !CONTROL).and_then(not_zero);
        Ok(match kind {
            SYN_STREAM => {
                let stream = stream()?;
                let headers = self.headers(body.get(10..).ok_or_else(wrong)?)?;
                Frame::SynStream { stream, fin, headers }
            }
            SYN_REPLY | HEADERS => {
                let stream = stream()?;
                self.headers(&body[4..])?;
                if kind == SYN_REPLY { Frame::SynReply { stream, fin } } else { Frame::Headers { stream, fin } }
            }
            RST_STREAM => Frame::RstStream { stream: stream()?, status: word(4)? },
            WINDOW_UPDATE => Frame::WindowUpdate { stream: word(0)?, delta: word(4)? },
            GOAWAY => Frame::GoAway { last_stream: word(0)? },
            PING => Frame::Ping(word(0)?),
            SETTINGS => Frame::Settings,
            _ => Frame::Unknown,
        })
    }

    /// Also headers that nobody wants have to go through the decompressor: the later ones build on them.
    fn headers(&mut self, block: &[u8]) -> Result<Headers, FrameError> {
        self.headers.decompress(block)
    }
}

fn not_zero(stream: u32) -> Result<u32, FrameError> {
    if stream == 0 { Err(FrameError::StreamZero) } else { Ok(stream) }
}

#[cfg(test)]
mod tests {
    use bytes::{Bytes, BytesMut};
    use proptest::prelude::*;

    use super::{FrameDecoder, MAX_DATA_PART};
    use crate::spdy::frame::{Frame, FrameEncoder, FrameError};
    use crate::spdy::headers::Headers;

    fn frames() -> impl Strategy<Value = Vec<Frame>> {
        let stream = 1u32..0x7fff_ffff;
        let text = "[a-z]{1,12}";
        let frame = prop_oneof![
            (stream.clone(), any::<bool>(), text, text).prop_map(|(stream, fin, name, value)| {
                Frame::SynStream { stream, fin, headers: Headers::new([(&name, &value)]) }
            }),
            (stream.clone(), any::<bool>()).prop_map(|(stream, fin)| Frame::SynReply { stream, fin }),
            (stream.clone(), any::<bool>()).prop_map(|(stream, fin)| Frame::Headers { stream, fin }),
            (stream.clone(), 1u32..11).prop_map(|(stream, status)| Frame::RstStream { stream, status }),
            (stream.clone(), any::<u32>()).prop_map(|(stream, delta)| Frame::WindowUpdate { stream, delta }),
            any::<u32>().prop_map(Frame::Ping),
            any::<u32>().prop_map(|last_stream| Frame::GoAway { last_stream }),
            Just(Frame::Settings),
            (stream, any::<bool>(), proptest::collection::vec(any::<u8>(), 0..100_000))
                .prop_map(|(stream, fin, data)| Frame::Data { stream, fin, payload: Bytes::from(data) }),
        ];
        proptest::collection::vec(frame, 1..8)
    }

    fn encode(frames: &[Frame]) -> BytesMut {
        let (mut encoder, mut bytes) = (FrameEncoder::new().unwrap(), BytesMut::new());
        frames.iter().for_each(|frame| encoder.encode(frame, &mut bytes).unwrap());
        bytes
    }

    /// All frames of these pieces, the parts of data frames put together again.
    fn decode(pieces: &[&[u8]]) -> Vec<Frame> {
        let (mut decoder, mut buffer) = (FrameDecoder::new(), BytesMut::new());
        let (mut found, mut part) = (Vec::new(), BytesMut::new());
        for piece in pieces {
            buffer.extend_from_slice(piece);
            while let Some(frame) = decoder.decode(&mut buffer).unwrap() {
                let Frame::Data { stream, fin, payload } = frame else {
                    found.push(frame);
                    continue;
                };
                assert!(payload.len() <= MAX_DATA_PART);
                part.extend_from_slice(&payload);
                if decoder.rest.is_none() {
                    found.push(Frame::Data { stream, fin, payload: part.split().freeze() });
                }
            }
        }
        assert!(buffer.is_empty(), "bytes are left over");
        found
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn frames_are_the_same_wherever_the_bytes_are_split(frames in frames(), at in any::<proptest::sample::Index>()) {
            let bytes = encode(&frames);
            let (head, tail) = bytes.split_at(at.index(bytes.len()));
            prop_assert_eq!(&decode(&[head, tail]), &frames);
        }

        #[test]
        fn any_bytes_are_frames_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
            let (mut decoder, mut buffer) = (FrameDecoder::new(), BytesMut::from(&bytes[..]));
            while let Ok(Some(_)) = decoder.decode(&mut buffer) {}
        }
    }

    #[test]
    fn frames_are_the_same_when_every_byte_comes_alone() {
        let headers = Headers::new([("streamType", "data")]);
        let frames = [
            Frame::SynStream { stream: 1, fin: false, headers },
            Frame::Data { stream: 1, fin: true, payload: Bytes::from_static(b"abc") },
            Frame::Ping(2),
        ];
        let bytes = encode(&frames);
        assert_eq!(decode(&bytes.chunks(1).collect::<Vec<_>>()), frames);
    }

    #[test]
    fn what_is_too_long_or_not_spdy_3_is_refused() {
        let refused = |bytes: &[u8]| FrameDecoder::new().decode(&mut BytesMut::from(bytes)).unwrap_err();
        assert!(matches!(refused(&[0x80, 3, 0, 1, 0, 0xff, 0xff, 0xff]), FrameError::TooLong { .. }));
        assert_eq!(refused(&[0x80, 2, 0, 1, 0, 0, 0, 0]), FrameError::Version(2));
        assert_eq!(refused(&[0, 0, 0, 0, 0, 0, 0, 0]), FrameError::StreamZero);
        assert_eq!(refused(&[0x80, 3, 0, 6, 0, 0, 0, 1, 9]), FrameError::Length { kind: 6, length: 1 });
    }
}
