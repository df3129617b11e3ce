//! Stopping and removing containers.

use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;

use super::creations;
use super::engine::Engine;
use super::failure::Failure;
use super::state::{Container, ContainerRecord, Sandbox};
use crate::shim::protocol::Call;
use crate::shim_client::ShimError;
use crate::{cgroup, disk, mounted};

impl Engine {
    /// Asks the container to end and, after `grace`, makes it. Fine if it has ended or is gone. Others may do something
    /// with it meanwhile, such as stop it with a shorter grace period.
    pub async fn stop_container(&self, id: &str, grace: Duration) -> Result<(), Failure> {
        let Some(container) = self.inventory.container(id)? else { return Ok(()) };
        {
            let _changing = container.sandbox.changing.read().await;
            let _turn = container.turn.lock().await;
            if container.run().exit.is_some() || !self.inventory.has_container(&container.id) {
                return Ok(());
            }
            if grace.is_zero() || container.run().started_at.is_none() {
                return self.kill_now(&container).await;
            }
            if container.ask_to_stop_once() {
                self.signal(&container, container.record.stop_signal).await?;
            }
        }
        if tokio::time::timeout(grace, container.wait()).await.is_ok() {
            return Ok(());
        }
        self.kill_now(&container).await
    }

    async fn signal(&self, container: &Container, signal: i32) -> Result<(), Failure> {
        let Some(shim) = container.sandbox.shim() else { return Ok(()) };
        match shim.call(Call::Signal { id: container.id.clone(), signal }).await {
            Ok(_) => Ok(()),
            // Without a shim the end has been noted, or is being; one that has ended or is gone needs no signal.
            Err(ShimError::Gone(_)) => Ok(()),
            Err(_) if container.run().exit.is_some() || !self.inventory.has_container(&container.id) => Ok(()),
            Err(e) => Err(e.into()),
        }
    }

    /// SIGKILL, and wait for the end.
    pub async fn kill_now(&self, container: &Container) -> Result<(), Failure> {
        if container.run().exit.is_none() {
            self.signal(container, Signal::KILL.as_raw()).await?;
            container.wait().await;
        }
        Ok(())
    }

    /// Removes a container, ending it first if it is alive. Fine if it is gone.
    pub async fn remove_container(&self, id: &str) -> Result<(), Failure> {
        let Some(container) = self.inventory.container(id)? else { return Ok(()) };
        let _changing = container.sandbox.changing.read().await;
        let _turn = container.turn.lock().await;
        if !self.inventory.has_container(&container.id) {
            return Ok(());
        }
        self.take_away(&container).await
    }

    /// Removes a container that nobody else is changing.
    pub async fn take_away(&self, container: &Arc<Container>) -> Result<(), Failure> {
        container.sandbox.lot.touch();
        self.kill_now(container).await?;
        let record = ContainerRecord { removing: true, ..container.record.clone() };
        disk::write(&container.dir.record(), &record, false)?;
        container.sandbox.hand_over(&container.id, container.dir.path());
        match container.sandbox.shim() {
            // The shim clears up when it has nothing better to do.
            Some(shim) => match shim.call(Call::Remove { id: container.id.clone() }).await {
                Ok(_) => {}
                Err(ShimError::Gone(_)) => clear_later(container).await?,
                Err(e) => return Err(e.into()),
            },
            None => clear_later(container).await?,
        }
        self.release(&container.id);
        self.removed(container);
        Ok(())
    }

    /// Clears away what a shim that is gone has not.
    pub async fn clear_handed_over(&self, sandbox: &Sandbox) {
        for (id, _) in sandbox.take_back() {
            self.abandon(&id, sandbox).await;
        }
    }

    /// Clears away what was begun of a container whose creation failed without its shim's help.
    pub async fn abandon(&self, id: &str, sandbox: &Sandbox) {
        let (cgroup, folder) = (format!("{}/{id}", sandbox.cgroup), self.layout.container(id));
        let shims = self.shims_cgroup();
        let work = move || {
            creations::end(&shims, folder.path());
            clear(&cgroup, folder.path())
        };
        let cleared = tokio::task::spawn_blocking(work).await;
        if let Ok(Err(e)) = cleared {
            tracing::warn!(container = id, error = %e, "what was made of a failed container was not cleared away");
        }
        self.release(id);
    }
}

async fn clear_later(container: &Container) -> Result<(), Failure> {
    let (cgroup, folder) = (container.cgroup.clone(), container.dir.path().to_owned());
    match tokio::task::spawn_blocking(move || clear(&cgroup, &folder)).await {
        Ok(cleared) => Ok(cleared?),
        Err(e) => Err(Failure::Helper("clearing up", e.into())),
    }
}

/// Clears up after a container whose shim is gone: its processes, its cgroup, its folder. Its mounts went with the shim,
/// unless they were shared with the host.
pub fn clear(cgroup: &str, folder: &std::path::Path) -> Result<(), disk::DiskError> {
    cgroup::kill_all(cgroup);
    if !cgroup::remove(cgroup) {
        tracing::warn!(cgroup, "a cgroup is still busy and was not removed");
    }
    mounted::unmount_below(folder)?;
    disk::remove_dir(folder)
}
