//! Header blocks: names and values, compressed in one stream over all frames of a direction.

use zlib_rs::{Deflate, DeflateFlush, Inflate, InflateError, InflateFlush};

use super::dictionary::dictionary;
use super::frame::FrameError;

/// The most that one header block may hold, compressed or not.
pub const MAX_HEADER_BLOCK: usize = 64 * 1024;
const MAX_HEADERS: usize = 128;
const WINDOW_BITS: u8 = 15;
const LEVEL: i32 = 6;

/// The headers of one stream. Kubernetes' names are in camel case, on the wire they are in lower case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// Headers of these names and values.
    pub fn new<const N: usize>(pairs: [(&str, &str); N]) -> Self {
        Self(pairs.iter().map(|(name, value)| (name.to_ascii_lowercase(), (*value).to_owned())).collect())
    }

    /// The (first) value of a header, `None` also if it is empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        let (_, values) = self.0.iter().find(|(found, _)| found.eq_ignore_ascii_case(name))?;
        values.split('\0').next().filter(|value| !value.is_empty())
    }

    fn to_block(&self) -> Vec<u8> {
        let mut block = (self.0.len() as u32).to_be_bytes().to_vec();
        for text in self.0.iter().flat_map(|(name, value)| [name, value]) {
            block.extend_from_slice(&(text.len() as u32).to_be_bytes());
            block.extend_from_slice(text.as_bytes());
        }
        block
    }

    fn from_block(mut block: &[u8]) -> Result<Self, FrameError> {
        let count = take_length(&mut block)?;
        if count > MAX_HEADERS {
            return Err(FrameError::TooManyHeaders(count));
        }
        let pairs = (0..count).map(|_| Ok((take_text(&mut block)?, take_text(&mut block)?)));
        Ok(Self(pairs.collect::<Result<_, FrameError>>()?))
    }
}

fn take_length(block: &mut &[u8]) -> Result<usize, FrameError> {
    let (length, rest) = block.split_first_chunk().ok_or(FrameError::HeaderBlock)?;
    *block = rest;
    Ok(u32::from_be_bytes(*length) as usize)
}

fn take_text(block: &mut &[u8]) -> Result<String, FrameError> {
    let length = take_length(block)?;
    let (text, rest) = block.split_at_checked(length).ok_or(FrameError::HeaderBlock)?;
    *block = rest;
    Ok(String::from_utf8_lossy(text).into_owned())
}

/// Compresses the header blocks of one direction.
pub struct HeaderCompressor(Deflate);

impl HeaderCompressor {
    /// Primed with the dictionary.
    pub fn new() -> Result<Self, FrameError> {
        let mut deflate = Deflate::new(LEVEL, true, WINDOW_BITS);
        deflate.set_dictionary(dictionary()).map_err(|_| FrameError::HeaderCompression)?;
        Ok(Self(deflate))
    }

    /// The next compressed block.
    pub fn compress(&mut self, headers: &Headers) -> Result<Vec<u8>, FrameError> {
        let block = headers.to_block();
        let mut input = &block[..];
        let mut output = Vec::new();
        let mut part = [0; 4096];
        loop {
            let (before_in, before_out) = (self.0.total_in(), self.0.total_out());
            let compressed = self.0.compress(input, &mut part, DeflateFlush::SyncFlush);
            compressed.map_err(|_| FrameError::HeaderCompression)?;
            let written = (self.0.total_out() - before_out) as usize;
            input = &input[(self.0.total_in() - before_in) as usize..];
            output.extend_from_slice(&part[..written]);
            if written < part.len() {
                return Ok(output);
            }
        }
    }
}

/// Decompresses the header blocks of one direction.
pub struct HeaderDecompressor(Inflate);

impl HeaderDecompressor {
    /// At the start of a connection.
    pub fn new() -> Self {
        Self(Inflate::new(true, WINDOW_BITS))
    }

    /// The headers of the next compressed block. After an error the connection can't go on.
    pub fn decompress(&mut self, mut input: &[u8]) -> Result<Headers, FrameError> {
        let mut output = vec![0; MAX_HEADER_BLOCK];
        let mut filled = 0;
        while !input.is_empty() {
            let (before_in, before_out) = (self.0.total_in(), self.0.total_out());
            match self.0.decompress(input, &mut output[filled..], InflateFlush::SyncFlush) {
                Ok(_) => {}
                Err(InflateError::NeedDict { .. }) => {
                    self.0.set_dictionary(dictionary()).map_err(|_| FrameError::HeaderCompression)?;
                }
                Err(_) => return Err(FrameError::HeaderCompression),
            }
            let read = (self.0.total_in() - before_in) as usize;
            let written = (self.0.total_out() - before_out) as usize;
            input = &input[read..];
            filled += written;
            if filled == output.len() {
                return Err(FrameError::TooLong { what: "header block", limit: MAX_HEADER_BLOCK });
            }
            if read == 0 && written == 0 {
                return Err(FrameError::HeaderCompression);
            }
        }
        Headers::from_block(&output[..filled])
    }
}

#[cfg(test)]
mod tests {
    use super::{HeaderCompressor, HeaderDecompressor, Headers, MAX_HEADER_BLOCK};
    use crate::spdy::frame::FrameError;

    #[test]
    fn blocks_of_one_connection_are_read_as_they_were_written() {
        let (mut compressor, mut decompressor) = (HeaderCompressor::new().unwrap(), HeaderDecompressor::new());
        for port in ["80", "443", ""] {
            let headers = Headers::new([("streamType", "data"), ("port", port)]);
            let read = decompressor.decompress(&compressor.compress(&headers).unwrap()).unwrap();
            assert_eq!(read, headers);
            assert_eq!(read.get("streamType"), Some("data"));
            assert_eq!(read.get("Port"), Some(port).filter(|port| !port.is_empty()));
        }
    }

    #[test]
    fn what_another_zlib_compresses_is_read() {
        // By zlib 1.2: {"streamtype": "error"} with the dictionary, level 9, flushed.
        let compressed = [
            0x78, 0xf9, 0xe3, 0xc6, 0xa7, 0xc2, 0x02, 0xa6, 0x23, 0x46, 0x70, 0x3a, 0x2b, 0x29, 0x4a, 0x4d, 0xcc, 0x85,
            0x16, 0x25, 0xac, 0xa9, 0xa0, 0x80, 0x06, 0x00, 0x00, 0x00, 0xff, 0xff,
        ];
        let headers = HeaderDecompressor::new().decompress(&compressed).unwrap();
        assert_eq!(headers.get("streamType"), Some("error"));
    }

    #[test]
    fn a_block_that_grows_without_end_is_refused() {
        let long = "a".repeat(MAX_HEADER_BLOCK);
        let compressed = HeaderCompressor::new().unwrap().compress(&Headers::new([("name", &long)])).unwrap();
        assert!(compressed.len() < 1024);
        let refused = HeaderDecompressor::new().decompress(&compressed).unwrap_err();
        assert!(matches!(refused, FrameError::TooLong { .. }), "{refused}");
    }
}
