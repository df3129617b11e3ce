//! The runtime's side of an attached connection to a shim.

use std::io;
use std::os::fd::OwnedFd;

use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::UnixStream;

use crate::handover;
use crate::layout::SandboxDir;
use crate::shim::attachment::frame;
use crate::shim::protocol::{Call, Message, Request, VERSION};
use crate::shim_client::ShimError;

/// Longer lines than any shim sends are the end of trying to understand it.
const LONGEST_LINE: usize = 16 * 1024 * 1024;
/// More than is ever in one frame.
const LONGEST_FRAME: usize = 1024 * 1024;

/// A connection that is attached to a container's streams.
#[derive(Debug)]
pub struct Attached {
    connection: UnixStream,
    /// Bytes that came with the answer.
    early: Vec<u8>,
    /// The container's terminal, or what its input goes to.
    pub descriptor: Option<OwnedFd>,
}

/// What comes from an attached container.
#[derive(Debug, PartialEq, Eq)]
pub enum Output {
    /// On its standard output.
    Stdout(Vec<u8>),
    /// On its standard error.
    Stderr(Vec<u8>),
    /// Its input has been closed.
    StdinClosed,
    /// It has ended, and that was all.
    End,
}

/// Attaches to the streams of a container; `call` is a [`Call::Attach`].
pub async fn attach(sandbox: &str, dir: &SandboxDir, call: Call) -> Result<Attached, ShimError> {
    let error = |operation| move |source| ShimError::Io { operation, sandbox: sandbox.to_owned(), source };
    let connection = reprise_cri::socket::connect(&dir.shim_socket()).await.map_err(error("connect to the shim"))?;
    let mut attached = Attached { connection, early: Vec::new(), descriptor: None };
    let hello = attached.message().await.map_err(error("listen to the shim"))?;
    let Message::Hello { version, .. } = hello else { return Err(ShimError::Gone(sandbox.to_owned())) };
    if version != VERSION {
        let pid = attached.connection.peer_cred().ok().and_then(|peer| peer.pid()).unwrap_or_default();
        return Err(ShimError::Version { sandbox: sandbox.to_owned(), version, pid });
    }
    let mut line = serde_json::to_vec(&Request { number: 0, call }).map_err(|e| ShimError::Refused(e.to_string()))?;
    line.push(b'\n');
    attached.connection.write_all(&line).await.map_err(error("ask the shim"))?;
    loop {
        // News of other containers may come before the answer.
        if let Message::Answer { result, .. } = attached.message().await.map_err(error("listen to the shim"))? {
            return result.map(|_| attached).map_err(ShimError::Refused);
        }
    }
}

impl Attached {
    /// The next line, with the descriptor that may come with it.
    async fn message(&mut self) -> io::Result<Message> {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            if let Some(end) = self.early.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = self.early.drain(..=end).collect();
                return Ok(serde_json::from_slice(&line)?);
            }
            if self.early.len() > LONGEST_LINE {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let connection = &self.connection;
            let receive = || handover::receive(connection, &mut buffer);
            let (length, descriptors) = connection.async_io(Interest::READABLE, receive).await?;
            if length == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.early.extend_from_slice(&buffer[..length]);
            self.descriptor = descriptors.into_iter().next().or(self.descriptor.take());
        }
    }

    /// The two directions: the container's output, and the word that this client's input has ended.
    pub fn split(self) -> (OutputReader, InputEnd) {
        let (read, write) = self.connection.into_split();
        (OutputReader { early: self.early, read }, InputEnd(write))
    }
}

/// Reads a container's output.
#[derive(Debug)]
pub struct OutputReader {
    early: Vec<u8>,
    read: tokio::net::unix::OwnedReadHalf,
}

impl OutputReader {
    /// The next piece; fails with `UnexpectedEof` if the shim has dropped this client, or is gone.
    pub async fn next(&mut self) -> io::Result<Output> {
        loop {
            if let Some((output, length)) = parse(&self.early)? {
                self.early.drain(..length);
                return Ok(output);
            }
            if self.read.read_buf(&mut self.early).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

/// The first frame and its length; none if it is not whole yet.
pub fn parse(bytes: &[u8]) -> io::Result<Option<(Output, usize)>> {
    let Some((head, rest)) = bytes.split_first_chunk::<{ frame::HEAD }>() else { return Ok(None) };
    let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
    if length > LONGEST_FRAME {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let Some(content) = rest.get(..length) else { return Ok(None) };
    let output = match head[0] {
        frame::STDOUT => Output::Stdout(content.to_vec()),
        frame::STDERR => Output::Stderr(content.to_vec()),
        frame::STDIN_CLOSED => Output::StdinClosed,
        frame::END => Output::End,
        _ => return Err(io::ErrorKind::InvalidData.into()),
    };
    Ok(Some((output, frame::HEAD + length)))
}

/// Tells the shim that this client's input has ended, when it is dropped.
#[derive(Debug)]
pub struct InputEnd(#[allow(dead_code)] tokio::net::unix::OwnedWriteHalf);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_when_they_are_whole_and_only_known_ones() {
        let bytes = b"\x01\0\0\0\x02hi\x04\0\0\0\0";
        assert_eq!(parse(bytes).unwrap(), Some((Output::Stdout(b"hi".to_vec()), 7)));
        assert_eq!(parse(&bytes[7..]).unwrap(), Some((Output::End, 5)));
        for cut in 0..7 {
            assert_eq!(parse(&bytes[..cut]).unwrap(), None);
        }
        assert!(parse(b"\x09\0\0\0\0").is_err());
        assert!(parse(b"\x01\xff\xff\xff\xff").is_err());
    }
}
