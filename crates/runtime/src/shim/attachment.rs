//! A client that is attached to a container's standard streams.
//!
//! It gets the output that comes while it is attached, after the log has got it. A container waits for a client that
//! falls behind, but not for long: one that has not taken within two seconds what waits for it is dropped. So neither
//! does a client hold up a container for good, nor is more kept for it than a pipe holds. Its input does not pass
//! through here: it gets the descriptor.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use super::log_writer::Stream;

/// What a frame on an attached connection is: a byte that says so, the length in four bytes (the highest first), and so
/// many bytes.
pub mod frame {
    /// Standard output.
    pub const STDOUT: u8 = 1;
    /// Standard error.
    pub const STDERR: u8 = 2;
    /// The container's input has been closed; let go of the descriptor. Empty.
    pub const STDIN_CLOSED: u8 = 3;
    /// The container has ended and this was all its output. Empty. A connection that ends without it was cut off.
    pub const END: u8 = 4;
    /// The bytes before the content.
    pub const HEAD: usize = 5;
}

/// From here on a client is behind.
const FULL: usize = 64 * 1024;
/// How long a client may be behind.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// An attached client.
pub struct Attachment {
    connection: UnixStream,
    wanted: Wanted,
    unsent: Vec<u8>,
    behind_since: Option<Instant>,
    input_open: bool,
    open: bool,
}

/// Which streams a client wants.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    pub stdin: bool,
    pub stdout: bool,
    pub stderr: bool,
}

impl Attachment {
    /// The connection must not block.
    pub fn new(connection: UnixStream, wanted: Wanted) -> Self {
        Self { connection, wanted, unsent: Vec::new(), behind_since: None, input_open: true, open: true }
    }

    /// Sends output, or keeps what does not fit yet.
    pub fn give(&mut self, stream: Stream, bytes: &[u8]) {
        let (wanted, kind) = match stream {
            Stream::Stdout => (self.wanted.stdout, frame::STDOUT),
            Stream::Stderr => (self.wanted.stderr, frame::STDERR),
        };
        if wanted {
            self.queue(kind, bytes);
        }
    }

    /// Tells that the container's input is closed.
    pub fn stdin_closed(&mut self) {
        if self.wanted.stdin {
            self.queue(frame::STDIN_CLOSED, &[]);
        }
    }

    /// Tells that there is no more. None if all is sent, otherwise what is left to be flushed.
    pub fn end(mut self) -> Option<Self> {
        self.queue(frame::END, &[]);
        self.behind_since = self.behind_since.or_else(|| Some(Instant::now()));
        (self.open && self.wants_to_send()).then_some(self)
    }

    fn queue(&mut self, kind: u8, bytes: &[u8]) {
        self.unsent.push(kind);
        self.unsent.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or_default().to_be_bytes());
        self.unsent.extend_from_slice(bytes);
        self.flush();
        if self.unsent.len() >= FULL && self.behind_since.is_none() {
            self.behind_since = Some(Instant::now());
        }
    }

    /// Sends as much as fits.
    pub fn flush(&mut self) {
        let mut sent = 0;
        while sent < self.unsent.len() && self.open {
            match self.connection.write(&self.unsent[sent..]) {
                Ok(0) => self.open = false,
                Ok(n) => sent += n,
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(_) => self.open = false,
            }
        }
        self.unsent.drain(..sent);
        if self.unsent.is_empty() {
            self.behind_since = None;
        }
    }

    /// Looks whether the client's input has ended, which it says by shutting down its sending side. True if it just has.
    pub fn input_ended(&mut self, hung_up: bool) -> bool {
        let before = self.input_open;
        let mut buffer = [0; 64];
        while self.input_open {
            match self.connection.read(&mut buffer) {
                Ok(0) => self.input_open = false,
                // Nothing is expected here.
                Ok(_) => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(_) => (self.input_open, self.open) = (false, false),
            }
        }
        if hung_up {
            self.open = false;
        }
        before && !self.input_open && self.wanted.stdin
    }

    /// Whether the container has to wait for it.
    pub fn is_behind(&self) -> bool {
        self.open && self.behind_since.is_some()
    }

    /// How long it may stay behind; none if it is not.
    pub fn patience(&self) -> Option<Duration> {
        self.behind_since.map(|since| PATIENCE.saturating_sub(since.elapsed()))
    }

    /// Whether it is still of use: connected, and not behind for too long.
    pub fn is_good(&self) -> bool {
        self.open && self.patience().is_none_or(|left| !left.is_zero())
    }

    pub fn input_is_open(&self) -> bool {
        self.input_open
    }

    /// Whether there is something that did not fit the socket's buffer.
    pub fn wants_to_send(&self) -> bool {
        !self.unsent.is_empty()
    }
}

impl AsFd for Attachment {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.connection.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attached(wanted: Wanted) -> (Attachment, UnixStream) {
        let (near, far) = UnixStream::pair().unwrap();
        near.set_nonblocking(true).unwrap();
        (Attachment::new(near, wanted), far)
    }

    const OUTPUT: Wanted = Wanted { stdin: false, stdout: true, stderr: false };

    #[test]
    fn output_is_framed_and_unwanted_streams_are_left_out() {
        let (mut attachment, mut far) = attached(OUTPUT);
        attachment.give(Stream::Stdout, b"hello");
        attachment.give(Stream::Stderr, b"unwanted");
        attachment.stdin_closed();
        assert!(attachment.end().is_none(), "all is sent");
        let mut all = Vec::new();
        far.read_to_end(&mut all).unwrap();
        assert_eq!(all, b"\x01\0\0\0\x05hello\x04\0\0\0\0");
    }

    #[test]
    fn a_client_that_does_not_read_falls_behind_and_catches_up_by_reading() {
        let (mut attachment, mut far) = attached(OUTPUT);
        let mut given = 0;
        while !attachment.is_behind() {
            attachment.give(Stream::Stdout, &[b'x'; 32 * 1024]);
            given += 32 * 1024 + frame::HEAD;
        }
        assert!(attachment.unsent.len() < FULL + 33 * 1024, "no more is kept than a pipe holds");
        assert!(attachment.is_good() && attachment.patience().is_some());
        let mut taken = vec![0; given];
        let reading = std::thread::spawn(move || far.read_exact(&mut taken).map(|()| far));
        while attachment.wants_to_send() {
            attachment.flush();
        }
        reading.join().unwrap().unwrap();
        assert!(!attachment.is_behind());
    }

    #[test]
    fn the_end_of_input_is_seen_once_and_output_goes_on() {
        let (mut attachment, mut far) = attached(Wanted { stdin: true, ..OUTPUT });
        assert!(!attachment.input_ended(false));
        far.shutdown(std::net::Shutdown::Write).unwrap();
        assert!(attachment.input_ended(false));
        assert!(!attachment.input_ended(false));
        attachment.give(Stream::Stdout, b"!");
        let mut head = [0; 6];
        far.read_exact(&mut head).unwrap();
        assert_eq!(head[5], b'!');
        drop(far);
        attachment.input_ended(true);
        assert!(!attachment.is_good());
    }
}
