//! A terminal of a test's own, for programs that ask whether they are on one.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command};

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// A terminal of the test's own, with the program `reprise` on it.
pub struct OnTerminal {
    master: std::fs::File,
    pub child: Child,
    seen: String,
}

impl OnTerminal {
    pub fn start(mut command: Command, (columns, rows): (u16, u16)) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let slave = || -> OwnedFd {
            ioctl_tiocgptpeer(&master, OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap()
        };
        let child = command.stdin(slave()).stdout(slave()).stderr(slave());
        let this = Self { child: child.spawn().unwrap(), master: master.into(), seen: String::new() };
        this.resize(columns, rows);
        this
    }

    pub fn resize(&self, columns: u16, rows: u16) {
        let size = Winsize { ws_col: columns, ws_row: rows, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&self.master, size).unwrap();
        // It is not the child's controlling terminal, for which the kernel would do that.
        kill_process(Pid::from_child(&self.child), Signal::WINCH).ok();
    }

    pub fn send(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    /// Reads until `text` has come since the last call.
    pub fn wait_for(&mut self, text: &str) -> String {
        let mut buffer = [0; 4096];
        loop {
            if let Some(at) = self.seen.find(text) {
                let rest = self.seen.split_off(at + text.len());
                return std::mem::replace(&mut self.seen, rest);
            }
            let n =
                self.master.read(&mut buffer).unwrap_or_else(|e| panic!("{text:?} did not come ({e}): {}", self.seen));
            self.seen.push_str(&String::from_utf8_lossy(&buffer[..n]));
        }
    }

    pub fn end(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}
