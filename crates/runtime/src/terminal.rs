//! Pseudo terminals of containers and of programs that are run in them.
//!
//! libcontainer opens each inside the container, from the container's own devpts, makes it the program's controlling
//! terminal and sends the master end to a socket. Here it is taken from there, and its slave end, which root opened, is
//! given to the program's user.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use reprise_cri::socket::ShortPath;
use rustix::fs::{Gid, Uid, fchown};
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::handover;

/// The socket to which libcontainer sends a master end.
pub struct Console {
    listener: UnixListener,
    path: PathBuf,
}

impl Console {
    /// Listens at a path in `folder`.
    pub fn listen(folder: &Path) -> io::Result<Self> {
        let path = folder.join("console.sock");
        let short = ShortPath::of(&path)?;
        Ok(Self { listener: UnixListener::bind(short.as_path())?, path })
    }

    /// Where libcontainer is to connect.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The master end, once libcontainer has made the process. The terminal belongs to the user `owner` from then on.
    pub fn take(self, owner: u32) -> io::Result<OwnedFd> {
        let (stream, _) = self.listener.accept()?;
        let (_, descriptors) = handover::receive(&stream, &mut [0; 64])?;
        // Nobody connects any more; what can't be removed goes with the folder.
        let _ = fs::remove_file(&self.path);
        let master = descriptors.into_iter().next().ok_or(io::ErrorKind::UnexpectedEof)?;
        let slave = ioctl_tiocgptpeer(&master, OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        // The group stays: that of terminals, so that others can't read along.
        fchown(&slave, Some(Uid::from_raw(owner)), None::<Gid>)?;
        Ok(master)
    }
}

/// Tells the programs on a terminal how large the window is.
pub fn resize(master: impl AsFd, columns: u16, rows: u16) -> io::Result<()> {
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    Ok(tcsetwinsize(master, size)?)
}
