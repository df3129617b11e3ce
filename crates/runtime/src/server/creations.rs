//! Creations that nobody waits for any more: their helper's shim is gone, and what it has begun must not go on beside what
//! clears it away.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::cgroup;
use crate::reexec;

/// Longer than a killed process takes to be gone.
const LIMIT: Duration = Duration::from_secs(1);

/// Ends the processes that are creating the container in `folder`: the helper and what it has cloned. They are in the
/// cgroup of the shims until they move to the container's own.
pub fn end(shims: &str, folder: &Path) {
    let end = Instant::now() + LIMIT;
    loop {
        let pids: Vec<i32> = cgroup::processes(shims).into_iter().filter(|pid| creates(*pid, folder)).collect();
        if pids.is_empty() || Instant::now() > end {
            return;
        }
        for pid in pids.into_iter().filter_map(Pid::from_raw) {
            // One that has gone meanwhile is what we want.
            let _ = kill_process(pid, Signal::KILL);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn creates(pid: i32, folder: &Path) -> bool {
    let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    is_creation(&command, folder)
}

/// The words of a command line end with zeros.
fn is_creation(command: &[u8], folder: &Path) -> bool {
    let mut words = command.split(|byte| *byte == 0).skip(1);
    words.next() == Some(reexec::CREATE.as_bytes()) && words.next() == Some(folder.as_os_str().as_encoded_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_helper_of_this_container_is_meant() {
        let command = format!("/proc/self/exe\0{}\0/d/c1\07\0", reexec::CREATE);
        assert!(is_creation(command.as_bytes(), Path::new("/d/c1")));
        assert!(!is_creation(command.as_bytes(), Path::new("/d/c")));
        assert!(
            !is_creation(b"/proc/self/exe\0__other\0/d/c1\0", Path::new("/d/c1")) && !is_creation(b"", Path::new(""))
        );
    }
}
