//! The body of an answer in HTTP/1.1: of a known length, in chunks, or until the connection ends.

use std::io::{self, BufRead, Read};

/// Longer lines are no sizes of chunks and no trailers of a Kubernetes API.
const LINE_MAX: u64 = 4096;

/// Where a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// After so many bytes.
    Length(u64),
    /// After the chunk without content. What is left of the one that is being read, none between two.
    Chunks(Option<u64>),
    /// With the connection.
    ToEnd,
}

/// A body while it is read.
#[derive(Debug)]
pub struct Body<'a, R> {
    connection: &'a mut R,
    framing: Framing,
}

impl<'a, R: BufRead> Body<'a, R> {
    /// The body that comes next on `connection`.
    pub fn new(connection: &'a mut R, framing: Framing) -> Self {
        Self { connection, framing }
    }

    /// Whether it was read to its end, so that another request can follow on the connection.
    pub fn is_over(&self) -> bool {
        self.framing == Framing::Length(0)
    }

    fn read_part(&mut self, left: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let read = Read::take(&mut *self.connection, left).read(buffer)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(read)
    }

    /// The size of the next chunk. After the last one come trailers, up to an empty line.
    fn next_chunk(&mut self) -> io::Result<u64> {
        let line = self.line()?;
        let digits = line.split(';').next().unwrap_or_default().trim();
        let size = u64::from_str_radix(digits, 16);
        let size =
            size.map_err(|_| io::Error::new(io::ErrorKind::InvalidData, format!("a chunk of {digits:?} bytes")))?;
        if size == 0 {
            while !self.line()?.is_empty() {}
        }
        Ok(size)
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        Read::take(&mut *self.connection, LINE_MAX).read_until(b'\n', &mut line)?;
        if !line.ends_with(b"\n") {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(String::from_utf8_lossy(line.trim_ascii_end()).into_owned())
    }
}

impl<R: BufRead> Read for Body<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.framing {
            _ if buffer.is_empty() => Ok(0),
            Framing::Length(0) => Ok(0),
            Framing::Length(left) => {
                let read = self.read_part(left, buffer)?;
                self.framing = Framing::Length(left - read as u64);
                Ok(read)
            }
            Framing::Chunks(None) => {
                let size = self.next_chunk()?;
                self.framing = if size == 0 { Framing::Length(0) } else { Framing::Chunks(Some(size)) };
                self.read(buffer)
            }
            Framing::Chunks(Some(0)) => {
                self.line()?;
                self.framing = Framing::Chunks(None);
                self.read(buffer)
            }
            Framing::Chunks(Some(left)) => {
                let read = self.read_part(left, buffer)?;
                self.framing = Framing::Chunks(Some(left - read as u64));
                Ok(read)
            }
            Framing::ToEnd => self.connection.read(buffer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], framing: Framing) -> (io::Result<String>, bool, Vec<u8>) {
        let mut connection = bytes;
        let mut body = Body::new(&mut connection, framing);
        let mut text = String::new();
        let outcome = body.read_to_string(&mut text).map(|_| text);
        let is_over = body.is_over();
        (outcome, is_over, connection.to_vec())
    }

    #[test]
    fn a_body_ends_where_it_says_and_what_follows_is_left() {
        let (text, is_over, rest) = read(b"one, two!HTTP", Framing::Length(9));
        assert_eq!((text.unwrap().as_str(), is_over, rest.as_slice()), ("one, two!", true, &b"HTTP"[..]));
        let chunks = b"5\r\none, \r\n4;x=y\r\ntwo!\r\n0\r\nTrailer: t\r\n\r\nHTTP";
        let (text, is_over, rest) = read(chunks, Framing::Chunks(None));
        assert_eq!((text.unwrap().as_str(), is_over, rest.as_slice()), ("one, two!", true, &b"HTTP"[..]));
        let (text, is_over, _) = read(b"all", Framing::ToEnd);
        assert_eq!((text.unwrap().as_str(), is_over), ("all", false));
    }

    #[test]
    fn a_body_that_is_cut_off_is_an_error() {
        for (bytes, framing) in [
            (&b"on"[..], Framing::Length(3)),
            (b"5\r\non", Framing::Chunks(None)),
            (b"5\r\none, ", Framing::Chunks(None)),
            (b"0\r\n", Framing::Chunks(None)),
            (b"", Framing::Chunks(None)),
            (b"five\r\n", Framing::Chunks(None)),
        ] {
            assert!(read(bytes, framing).0.is_err(), "{bytes:?}");
        }
    }
}
