//! A container's standard streams, seen from its shim.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use rustix::io::{FdFlags, fcntl_setfd, ioctl_fionbio};
use rustix::pipe::{PipeFlags, pipe_with};

use super::log_writer::Stream;
use super::protocol::StreamsWanted;
use crate::handover;

/// The shim's ends.
pub struct Streams {
    wanted: StreamsWanted,
    /// What attached clients write to. Kept open, so that the input does not end with one of them.
    stdin: Option<OwnedFd>,
    stdout: Option<OwnedFd>,
    stderr: Option<OwnedFd>,
    /// Where the create helper sends the terminal.
    terminal: Option<UnixStream>,
}

impl Streams {
    /// Makes what the container is to have and gives the other ends to the create helper, whose streams become the
    /// container's. What is returned beside it is to be kept until the helper has been started.
    pub fn make(wanted: StreamsWanted, helper: &mut Command) -> io::Result<(Self, Option<UnixStream>)> {
        helper.stdin(Stdio::null());
        let none = Self { wanted, stdin: None, stdout: None, stderr: None, terminal: None };
        if wanted.tty {
            let (near, far) = UnixStream::pair()?;
            near.set_nonblocking(true)?;
            // Only this one is inherited: the shim has one thread, so no other child can be started meanwhile.
            fcntl_setfd(&far, FdFlags::empty())?;
            helper.arg(far.as_raw_fd().to_string()).stdout(Stdio::null()).stderr(Stdio::null());
            return Ok((Self { terminal: Some(near), ..none }, Some(far)));
        }
        let (stdout, stdout_in) = pipe_with(PipeFlags::CLOEXEC)?;
        let (stderr, stderr_in) = pipe_with(PipeFlags::CLOEXEC)?;
        helper.stdout(stdout_in).stderr(stderr_in);
        let mut stdin = None;
        if wanted.stdin {
            let (out, into) = pipe_with(PipeFlags::CLOEXEC)?;
            helper.stdin(out);
            stdin = Some(into);
        }
        for end in stdin.iter().chain([&stdout, &stderr]) {
            ioctl_fionbio(end, true)?;
        }
        Ok((Self { stdin, stdout: Some(stdout), stderr: Some(stderr), ..none }, None))
    }

    /// Takes the terminal that the create helper has sent, if the container has one.
    pub fn take_terminal(&mut self) -> io::Result<()> {
        let Some(helper) = self.terminal.take() else { return Ok(()) };
        let (_, descriptors) = handover::receive(&helper, &mut [0; 16])?;
        let master = descriptors.into_iter().next().ok_or(io::ErrorKind::UnexpectedEof)?;
        ioctl_fionbio(&master, true)?;
        self.stdout = Some(master);
        Ok(())
    }

    /// What output comes from; none if it has ended.
    pub fn output(&self, stream: Stream) -> Option<&OwnedFd> {
        if stream == Stream::Stdout { self.stdout.as_ref() } else { self.stderr.as_ref() }
    }

    /// What an attached client gets: the terminal, whose size it may change, or else what input goes to if it wants
    /// that. None if there is none or it is closed.
    pub fn for_client(&self, wants_input: bool) -> Option<&OwnedFd> {
        if self.wanted.tty { self.stdout.as_ref() } else { self.stdin.as_ref().filter(|_| wants_input) }
    }

    /// One stream has ended.
    pub fn close_output(&mut self, stream: Stream) {
        *(if stream == Stream::Stdout { &mut self.stdout } else { &mut self.stderr }) = None;
    }

    /// The input of an attached client has ended. True if that ends the container's input. A terminal has no end.
    pub fn client_input_ended(&mut self) -> bool {
        let ends = self.wanted.stdin_once && !self.wanted.tty;
        ends && self.stdin.take().is_some()
    }

    /// The container has ended.
    pub fn close(&mut self) {
        (self.stdin, self.stdout, self.stderr, self.terminal) = (None, None, None, None);
    }
}
