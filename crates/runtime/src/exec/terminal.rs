//! A program's terminal is the program's user's before the program runs, as the program may look whose it is at once.
//!
//! libcontainer sends the terminal while it makes the process, and returns when the program has been executed. So a thread takes it
//! meanwhile, and the process waits for that just before it becomes the program. The thread is in a system call, with no lock of the
//! allocator held, for as long as libcontainer clones this process.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::{Arc, Barrier};
use std::thread::JoinHandle;

use rustix::io::{Errno, read, write};
use rustix::pipe::{PipeFlags, pipe_with};

use crate::terminal::Console;

/// A terminal that is being taken.
pub struct Taking {
    thread: JoinHandle<io::Result<OwnedFd>>,
    /// Both ends: the process that waits gets copies when it is cloned.
    waits: OwnedFd,
    opens: Arc<OwnedFd>,
}

/// What the process waits for, by its copies of this process's descriptors.
#[derive(Debug, Clone, Copy)]
pub struct Gate {
    waits: RawFd,
    opens: RawFd,
}

impl Taking {
    /// Begins to wait for libcontainer, and for nothing else until it is there.
    pub fn begin(console: Console, owner: u32) -> io::Result<Self> {
        let (waits, opens) = pipe_with(PipeFlags::CLOEXEC)?;
        let opens = Arc::new(opens);
        let (opened, begun) = (Arc::clone(&opens), Arc::new(Barrier::new(2)));
        let begins = Arc::clone(&begun);
        let thread = std::thread::Builder::new().spawn(move || {
            begins.wait();
            let taken = console.take(owner);
            // Also if that failed: then the program is ended, and told why.
            let open = write(&*opened, &[1]).map_err(io::Error::from);
            taken.and_then(|terminal| open.map(|_| terminal))
        })?;
        begun.wait();
        Ok(Self { thread, waits, opens })
    }

    /// For the process.
    pub fn gate(&self) -> Gate {
        Gate { waits: self.waits.as_raw_fd(), opens: self.opens.as_raw_fd() }
    }

    /// The terminal, once the process is made.
    pub fn end(self) -> io::Result<OwnedFd> {
        self.thread.join().unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))
    }
}

impl Gate {
    /// Waits, in the process that has the copies, until the terminal is taken or nobody is left to take it.
    pub fn wait(self) {
        // SAFETY: both are this process's own copies, which nothing else in it uses, and it waits once.
        let (waits, opens) = unsafe { (BorrowedFd::borrow_raw(self.waits), OwnedFd::from_raw_fd(self.opens)) };
        drop(opens);
        while read(waits, &mut [0; 1]) == Err(Errno::INTR) {}
    }
}
