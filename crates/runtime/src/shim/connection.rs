//! One connection of a runtime to a shim: lines in, lines out, never blocking the loop.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use super::protocol::{Message, Request};

/// A connected runtime.
pub struct Connection {
    stream: UnixStream,
    read: Vec<u8>,
    unsent: Vec<u8>,
    open: bool,
}

impl Connection {
    pub fn new(stream: UnixStream) -> std::io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self { stream, read: Vec::new(), unsent: Vec::new(), open: true })
    }

    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Whether there is something that did not fit the socket's buffer.
    pub fn wants_to_send(&self) -> bool {
        !self.unsent.is_empty()
    }

    /// Queues a message and sends as much as fits.
    pub fn send(&mut self, message: &Message) {
        match serde_json::to_vec(message) {
            Ok(mut line) => {
                line.push(b'\n');
                self.unsent.extend_from_slice(&line);
                self.flush();
            }
            Err(e) => eprintln!("shim: {e}"),
        }
    }

    /// Sends as much as fits.
    pub fn flush(&mut self) {
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(0) => return self.open = false,
                Ok(n) => drop(self.unsent.drain(..n)),
                Err(e) if e.kind() == ErrorKind::WouldBlock => return,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(_) => return self.open = false,
            }
        }
    }

    /// The bare connection, for another use; none if there is still something to send.
    pub fn into_stream(self) -> Option<UnixStream> {
        (self.open && self.unsent.is_empty()).then_some(self.stream)
    }

    /// The requests that have come. One that is not understood closes the connection: the runtime is newer than
    /// anything this shim can serve.
    pub fn receive(&mut self) -> Vec<Request> {
        let mut buffer = [0; 8 * 1024];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => break self.open = false,
                Ok(n) => self.read.extend_from_slice(&buffer[..n]),
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(_) => break self.open = false,
            }
        }
        let mut requests = Vec::new();
        while let Some(end) = self.read.iter().position(|b| *b == b'\n') {
            let line: Vec<u8> = self.read.drain(..=end).collect();
            match serde_json::from_slice(&line) {
                Ok(request) => requests.push(request),
                Err(e) => {
                    eprintln!("shim: a request that is not understood: {e}");
                    self.open = false;
                }
            }
        }
        requests
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}
