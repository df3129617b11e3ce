//! Which processes belong to a data folder.

use std::fs;
use std::path::Path;

use rustix::process::{Pid, Signal, getpid, kill_process};

use super::mounts;

/// A process that belongs to a node.
#[derive(Debug, Clone)]
pub struct Owned {
    /// Its id.
    pub pid: i32,
    /// Its command line, for people.
    pub command: String,
}

impl Owned {
    /// Kills it; it may be gone already.
    pub fn kill(&self) {
        if let Some(pid) = Pid::from_raw(self.pid) {
            // Only fails if it has ended meanwhile, which is what we want.
            kill_process(pid, Signal::KILL).ok();
        }
    }
}

/// Processes that name the folder in their command line or environment, or whose root file system lies in it.
pub(super) fn of(data_dir: &Path) -> Vec<Owned> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let own = getpid().as_raw_nonzero().get();
    pids.filter(|pid| *pid != own && belongs(*pid, data_dir)).filter_map(describe).collect()
}

fn belongs(pid: i32, data_dir: &Path) -> bool {
    let name = data_dir.to_string_lossy();
    let names_it = |file: &str| {
        fs::read(format!("/proc/{pid}/{file}"))
            .is_ok_and(|bytes| bytes.split(|byte| *byte == 0).any(|part| contains(part, name.as_bytes())))
    };
    names_it("cmdline") || names_it("environ") || mounts::root_is_in(pid, data_dir)
}

/// `None` for a process that has ended and only waits for its parent.
fn describe(pid: i32) -> Option<Owned> {
    let status = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let state = status.rsplit_once(") ")?.1.chars().next()?;
    let command = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let command = String::from_utf8_lossy(&command).replace('\0', " ").trim_end().to_owned();
    (!matches!(state, 'Z' | 'X')).then_some(Owned { pid, command })
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
