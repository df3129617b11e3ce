//! Finds out how a layer is compressed and undoes it.
//!
//! The first bytes decide, not the media type: registries and archives are known to state a wrong
//! one, and the diff id proves the result anyway.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

const BUFFER: usize = 128 << 10;
const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The uncompressed stream behind `input`.
pub(crate) fn decompress<'a>(mut input: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
    let mut start = Vec::with_capacity(ZSTD.len());
    input.by_ref().take(ZSTD.len() as u64).read_to_end(&mut start)?;
    let gzip = start.starts_with(&GZIP);
    let zstd = start == ZSTD || is_skippable(&start);
    let input = BufReader::with_capacity(BUFFER, Cursor::new(start).chain(input));
    if gzip {
        Ok(Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(input))))
    } else if zstd {
        Ok(Box::new(ZstdReader::new(input)))
    } else {
        Ok(Box::new(input))
    }
}

/// Skippable frames (RFC 8878, 3.1.2) start a zstd:chunked layer.
fn is_skippable(start: &[u8]) -> bool {
    matches!(start, [0x50..=0x5f, 0x2a, 0x4d, 0x18])
}

/// A zstd stream of any number of frames.
struct ZstdReader<R> {
    input: R,
    decoder: FrameDecoder,
    in_frame: bool,
}

impl<R: BufRead> ZstdReader<R> {
    fn new(input: R) -> Self {
        Self { input, decoder: FrameDecoder::new(), in_frame: false }
    }

    /// Begins the next frame; false at the end of the stream.
    fn next_frame(&mut self) -> io::Result<bool> {
        loop {
            if self.input.fill_buf()?.is_empty() {
                return Ok(false);
            }
            match self.decoder.reset(&mut self.input) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    let skipped = io::copy(&mut (&mut self.input).take(u64::from(length)), &mut io::sink())?;
                    if skipped < u64::from(length) {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
            }
        }
    }

    /// The frame's checksum, where it has one, must be that of the data.
    fn verify(&self) -> io::Result<()> {
        match (self.decoder.get_checksum_from_data(), self.decoder.get_calculated_checksum()) {
            (Some(stated), Some(actual)) if stated != actual => {
                Err(io::Error::new(io::ErrorKind::InvalidData, "zstd checksum is wrong"))
            }
            _ => Ok(()),
        }
    }
}

impl<R: BufRead> Read for ZstdReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.in_frame {
                if !self.next_frame()? {
                    return Ok(0);
                }
                self.in_frame = true;
            }
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                self.decoder
                    .decode_blocks(&mut self.input, BlockDecodingStrategy::UptoBlocks(1))
                    .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            }
            let count = self.decoder.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            self.verify()?;
            self.in_frame = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};
    use std::io::Write;

    fn text() -> Vec<u8> {
        (0..200_000u32).flat_map(|n| (n / 7).to_le_bytes()).collect()
    }

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    fn read(data: &[u8]) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        decompress(data)?.read_to_end(&mut out)?;
        Ok(out)
    }

    #[test]
    fn every_compression_gives_the_same_bytes() {
        let text = text();
        assert_eq!(read(&text).unwrap(), text);
        assert_eq!(read(&gzip(&text)).unwrap(), text);
        assert_eq!(read(&compress_to_vec(&text[..], CompressionLevel::Fastest)).unwrap(), text);
    }

    #[test]
    fn several_members_and_skippable_frames_are_read_through() {
        let both = [gzip(b"one"), gzip(b"two")].concat();
        assert_eq!(read(&both).unwrap(), b"onetwo");
        let frame = |data: &[u8]| compress_to_vec(data, CompressionLevel::Fastest);
        let skip = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"xyz"].concat();
        let all = [skip.clone(), frame(b"one"), skip, frame(b"two")].concat();
        assert_eq!(read(&all).unwrap(), b"onetwo");
    }

    #[test]
    fn cut_off_streams_are_errors_and_not_short_files() {
        let text = text();
        for whole in [gzip(&text), compress_to_vec(&text[..], CompressionLevel::Fastest)] {
            for cut in [whole.len() / 2, whole.len() - 1] {
                assert!(read(&whole[..cut]).is_err());
            }
        }
    }

    #[test]
    fn a_source_that_delivers_single_bytes_is_recognised() {
        struct Slow<'a>(&'a [u8]);
        impl Read for Slow<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let count = self.0.len().min(buffer.len()).min(1);
                buffer[..count].copy_from_slice(&self.0[..count]);
                self.0 = &self.0[count..];
                Ok(count)
            }
        }
        let data = gzip(b"slow");
        let mut out = Vec::new();
        decompress(Slow(&data)).unwrap().read_to_end(&mut out).unwrap();
        assert_eq!(out, b"slow");
    }
}
