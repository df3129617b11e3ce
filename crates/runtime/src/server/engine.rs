//! What the calls share: settings, stores, the inventory, events.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use reprise_images::ImageStore;
use tokio::sync::{RwLock, mpsc};

use super::completion::UnderWay;
use super::creations;
use super::names::Names;
use super::news::News;
use super::state::{Container, Inventory, Sandbox};
use crate::RuntimeConfig;
use crate::cgroup;
use crate::layout::Layout;
use crate::network::Network;
use crate::seccomp::Profiles;
use crate::shim::protocol::Exit;
use crate::shim_client::Notice;

/// The running runtime.
pub struct Engine {
    pub config: RuntimeConfig,
    pub layout: Layout,
    pub images: ImageStore,
    pub network: Network,
    pub inventory: Inventory,
    /// The compiled seccomp profiles.
    pub seccomp: Profiles,
    pub notices: mpsc::UnboundedSender<Notice>,
    pub names: Names,
    pub news: News,
    pub under_way: UnderWay,
    /// Held shared while a sandbox is made: cgroups that it is about to enter must not be removed.
    pub making: RwLock<()>,
}

impl Engine {
    pub fn new(
        config: RuntimeConfig,
        images: ImageStore,
        network: Network,
        seccomp: Profiles,
        notices: mpsc::UnboundedSender<Notice>,
    ) -> Self {
        let layout = Layout::new(&config.root);
        let (inventory, names, news, under_way, making) = Default::default();
        Self { config, layout, images, network, inventory, seccomp, notices, names, news, under_way, making }
    }

    /// The cgroup below which a sandbox's containers are.
    pub fn sandbox_cgroup(&self, id: &str, config: &reprise_cri::v1::PodSandboxConfig) -> String {
        let asked = config.linux.as_ref().map(|l| l.cgroup_parent.trim_matches('/')).unwrap_or_default();
        if asked.is_empty() { format!("{}/{id}", self.config.cgroup_root) } else { format!("/{asked}") }
    }

    /// Removes the cgroup of a sandbox without containers, unless it was there before the sandbox or another one is in
    /// it too: then it belongs to whoever made it, such as a kubelet.
    pub fn remove_sandbox_cgroup(&self, sandbox: &Sandbox) {
        let shared = |other: &Arc<Sandbox>| other.id != sandbox.id && other.cgroup == sandbox.cgroup;
        if sandbox.record().foreign_cgroup || self.inventory.sandboxes().iter().any(shared) {
            return;
        }
        if Path::new(&sandbox.cgroup).starts_with(&self.config.cgroup_root) {
            cgroup::kill_all(&sandbox.cgroup);
            if !cgroup::remove(&sandbox.cgroup) {
                tracing::warn!(cgroup = sandbox.cgroup, "a cgroup is still busy and was not removed");
            }
        } else {
            cgroup::remove_if_empty(&sandbox.cgroup);
        }
    }

    /// The cgroup of all shims of this runtime.
    pub fn shims_cgroup(&self) -> String {
        format!("{}/shims", self.config.cgroup_root)
    }

    /// A container that CRI doesn't show has ended by itself. False if there is none with this id.
    pub fn forget_parked(&self, id: &str) -> bool {
        let parked = self.inventory.sandboxes().iter().any(|s| s.lot.forget(id));
        if parked {
            self.release(id);
        }
        parked
    }

    /// Gives back the lease of a container on its image.
    pub fn release(&self, id: &str) {
        if let Err(e) = self.images.release(id) {
            tracing::warn!(container = id, error = %e, "the lease on its image was not given back");
        }
    }

    /// A shim is gone, and with it its children's parent: what is left of them is ended, and reported so.
    pub fn shim_gone(self: &Arc<Self>, sandbox: &str) {
        let found = self.inventory.sandboxes().into_iter().find(|s| s.id == sandbox);
        let Some(sandbox) = found else { return };
        sandbox.set_shim(None);
        let engine = Arc::clone(self);
        tokio::spawn(async move {
            for parked in sandbox.lot.empty() {
                engine.abandon(&parked, &sandbox).await;
            }
            engine.clear_handed_over(&sandbox).await;
            let containers = engine.inventory.containers_of(&sandbox.id);
            let (shims, left) = (engine.shims_cgroup(), containers.clone());
            let end = move || left.iter().for_each(|container| end_processes(&shims, container));
            // Processes may take their time to die. A panic there leaves them to the next start.
            let _ = tokio::task::spawn_blocking(end).await;
            for container in containers {
                let exit = crate::disk::read(&container.dir.exit()).ok().flatten();
                let exit = exit.unwrap_or_else(|| lost(container.run().started_at));
                engine.ended(&container, exit);
            }
            engine.sandbox_stopped(&sandbox);
        });
    }
}

/// Ends what a container without a shim has left: its processes, and those that were creating it.
pub fn end_processes(shims: &str, container: &Container) {
    if container.run().started_at.is_none() {
        creations::end(shims, container.dir.path());
    }
    cgroup::kill_all(&container.cgroup);
}

/// The end of a container whose shim is gone.
pub fn lost(started_at: Option<Timestamp>) -> Exit {
    Exit {
        code: 137,
        reason: "ShimDied".to_owned(),
        message: "the process that held this container is gone (killed, or the machine was rebooted)".to_owned(),
        started_at,
        finished_at: Timestamp::now(),
    }
}

/// Nanoseconds since 1970.
pub fn now() -> i64 {
    nanos(Timestamp::now())
}

pub fn nanos(at: Timestamp) -> i64 {
    i64::try_from(at.as_nanosecond()).unwrap_or(i64::MAX)
}
