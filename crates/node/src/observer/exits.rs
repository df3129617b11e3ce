//! Hears of the end of containers from the kernel, for runtimes that don't tell.
//!
//! The runtime is asked once for the process of a container that has started to run; the kernel tells when that has ended.
//! This is only a hint to look at once: an exit counts when the runtime shows it. Where there is no such hint (a
//! runtime that tells no process id, or one on another machine), looking regularly is enough, only later.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use reprise_cri::v1::{Container, ContainerState};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use tokio::net::unix::pipe::Receiver;

use crate::owned_task::OwnedTask;
use crate::worker::Shared;

/// The containers whose processes are watched, by id.
#[derive(Debug, Default)]
pub(super) struct Exits {
    watched: HashMap<String, OwnedTask>,
}

impl Exits {
    /// Watches those of `containers` that run, and no others.
    pub(super) fn follow<'a>(&mut self, shared: &Arc<Shared>, containers: impl Iterator<Item = &'a Container>) {
        let running: BTreeSet<&str> =
            containers.filter(|c| c.state() == ContainerState::ContainerRunning).map(|c| c.id.as_str()).collect();
        self.watched.retain(|id, _| running.contains(id.as_str()));
        for id in running {
            if !self.watched.contains_key(id) {
                let task = OwnedTask::spawn(watch(Arc::clone(shared), id.to_owned()));
                self.watched.insert(id.to_owned(), task);
            }
        }
    }
}

async fn watch(shared: Arc<Shared>, id: String) {
    let process = match shared.runtime.process_of(&id).await {
        Ok(Some(process)) => process,
        Ok(None) => return tracing::debug!(id, "the runtime does not say which process the container is"),
        Err(error) => return tracing::debug!(id, %error, "the container's process is not known"),
    };
    // One that has ended meanwhile is as good as one that ends now.
    if let Some(process) = open(process)
        && let Err(error) = process.readable().await
    {
        tracing::debug!(id, %error, "the container's process can't be watched");
    }
    shared.pace.stir();
}

/// Readable when the process has ended. It is no pipe, but all that is asked of the reader is that.
fn open(process: i32) -> Option<Receiver> {
    let process = pidfd_open(Pid::from_raw(process)?, PidfdFlags::NONBLOCK).ok()?;
    Receiver::from_owned_fd_unchecked(process).ok()
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn the_end_of_a_process_is_heard_and_not_before() {
        let mut child = Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let process = open(i32::try_from(child.id()).unwrap()).unwrap();
        let early = tokio::time::timeout(Duration::from_millis(50), process.readable()).await;
        assert!(early.is_err(), "it runs");
        drop(child.stdin.take());
        tokio::time::timeout(Duration::from_secs(30), process.readable()).await.unwrap().unwrap();
        child.wait().unwrap();
    }
}
