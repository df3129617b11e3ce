//! One agent per data folder: two would each kill the other's idea of a Pod.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use crate::error::NodeError;
use crate::paths::NodePaths;

/// The lock on a data folder, held as long as this value lives.
#[derive(Debug)]
pub(crate) struct AgentLock {
    _file: File,
}

impl AgentLock {
    /// Takes the lock on `data_dir`, making the folder if it is not there.
    pub(crate) fn take(data_dir: &Path) -> Result<Self, NodeError> {
        fs::create_dir_all(data_dir).map_err(NodeError::file("create", data_dir))?;
        let path = NodePaths::new(data_dir).lock();
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(NodeError::file("open", &path))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let pid = fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok());
                return Err(NodeError::AgentRunning { data_dir: data_dir.to_owned(), pid });
            }
            Err(errno) => return Err(NodeError::File { operation: "lock", path, source: errno.into() }),
        }
        let written = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
        written.map_err(NodeError::file("write", &path))?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_agent_is_refused_and_told_the_pid_of_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let first = AgentLock::take(folder.path()).unwrap();
        let error = AgentLock::take(folder.path()).unwrap_err();
        assert!(matches!(error, NodeError::AgentRunning { pid: Some(pid), .. } if pid == std::process::id()));
        drop(first);
        AgentLock::take(folder.path()).unwrap();
    }
}
