//! What the calls share: settings, stores, the inventory, events.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use reprise_cri::v1::{ContainerEventResponse, ContainerEventType};
use reprise_images::ImageStore;
use tokio::sync::{broadcast, mpsc};

use super::answer;
use super::state::{Container, Inventory, Sandbox};
use crate::RuntimeConfig;
use crate::cgroup;
use crate::layout::Layout;
use crate::network::Network;
use crate::shim::protocol::Exit;
use crate::shim_client::Notice;

/// Events that a slow listener may fall behind. Who loses some is told so by the end of the stream, and lists again.
const EVENTS: usize = 4096;

/// The running runtime.
pub struct Engine {
    pub config: RuntimeConfig,
    pub layout: Layout,
    pub images: ImageStore,
    pub network: Network,
    pub inventory: Inventory,
    /// The compiled default seccomp profile.
    pub seccomp: Option<PathBuf>,
    pub notices: mpsc::UnboundedSender<Notice>,
    events: broadcast::Sender<ContainerEventResponse>,
}

impl Engine {
    pub fn new(
        config: RuntimeConfig,
        images: ImageStore,
        network: Network,
        seccomp: Option<PathBuf>,
        notices: mpsc::UnboundedSender<Notice>,
    ) -> Self {
        let layout = Layout::new(&config.root);
        let (events, _) = broadcast::channel(EVENTS);
        Self { config, layout, images, network, inventory: Inventory::default(), seccomp, notices, events }
    }

    pub fn listen(&self) -> broadcast::Receiver<ContainerEventResponse> {
        self.events.subscribe()
    }

    /// Tells listeners what happened to a container, or to a sandbox under its own id.
    pub fn tell(&self, id: &str, kind: ContainerEventType, sandbox: &Sandbox) {
        let containers = self.inventory.containers_of(&sandbox.id);
        // Without a listener there is nobody to tell.
        let _ = self.events.send(ContainerEventResponse {
            container_id: id.to_owned(),
            container_event_type: kind.into(),
            created_at: now(),
            pod_sandbox_status: Some(answer::sandbox_status(sandbox)),
            containers_statuses: containers.iter().map(|c| answer::container_status(c)).collect(),
        });
    }

    /// The cgroup below which a sandbox's containers are.
    pub fn sandbox_cgroup(&self, id: &str, config: &reprise_cri::v1::PodSandboxConfig) -> String {
        let asked = config.linux.as_ref().map(|l| l.cgroup_parent.trim_end_matches('/')).unwrap_or_default();
        if asked.is_empty() { format!("{}/{id}", self.config.cgroup_root) } else { asked.to_owned() }
    }

    /// The cgroup of all shims of this runtime.
    pub fn shims_cgroup(&self) -> String {
        format!("{}/shims", self.config.cgroup_root)
    }

    pub fn ended(&self, container: &Arc<Container>, exit: Exit) {
        if container.ended(exit) {
            self.tell(&container.id, ContainerEventType::ContainerStoppedEvent, &container.sandbox);
        }
    }

    /// A container that CRI doesn't show has ended by itself.
    pub fn forget_parked(&self, id: &str) {
        if self.inventory.sandboxes().iter().any(|s| s.lot.forget(id)) {
            self.release(id);
        }
    }

    /// Gives back the lease of a container on its image.
    pub fn release(&self, id: &str) {
        if let Err(e) = self.images.release(id) {
            tracing::warn!(container = id, error = %e, "the lease on its image was not given back");
        }
    }

    /// A shim is gone, and with it its children's parent: what is left of them is ended, and reported so.
    pub fn shim_gone(&self, sandbox: &str) {
        let Some(sandbox) = self.inventory.sandbox(sandbox) else { return };
        sandbox.set_shim(None);
        for container in self.inventory.containers_of(&sandbox.id) {
            cgroup::kill_all(&container.cgroup);
            let exit = crate::disk::read(&container.dir.exit()).ok().flatten();
            let exit = exit.unwrap_or_else(|| lost(container.run().started_at));
            self.ended(&container, exit);
        }
        self.tell(&sandbox.id, ContainerEventType::ContainerStoppedEvent, &sandbox);
    }
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
