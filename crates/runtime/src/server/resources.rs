//! Changing limits of containers, and what is known of those of sandboxes.

use std::fs;

use prost::Message;
use reprise_cri::v1::{LinuxContainerResources, UpdatePodSandboxResourcesRequest};

use super::engine::Engine;
use super::failure::Failure;
use super::state::Container;
use crate::disk::{self, DiskError};
use crate::{cgroup, limits};

impl Engine {
    /// Writes the limits that are set in `change` to the container's cgroups and keeps them.
    pub async fn update_resources(&self, id: &str, change: &LinuxContainerResources) -> Result<(), Failure> {
        let container = self.container(id)?;
        let _changing = container.sandbox.changing.read().await;
        let _turn = container.turn.lock().await;
        self.still_there(&container)?;
        container.when_created().await;
        if container.run().exit.is_some() {
            return Err(Failure::State { kind: "container", id: container.id.clone(), state: "has ended" });
        }
        limits::check(change)?;
        let old = container.resources().unwrap_or_default();
        let new = limits::merged(&old, change);
        // First on disk: after a crash in between, asking again leads to what is written there.
        keep(&container, &new)?;
        if let Err(e) = limits::apply(&container.cgroup, &old, &new) {
            // What was changed already is changed back as far as the kernel allows; the first error is what counts.
            let _ = limits::apply(&container.cgroup, &new, &old);
            keep(&container, &old)?;
            return Err(e.into());
        }
        if new.oom_score_adj != old.oom_score_adj {
            adjust_oom_score(&container, new.oom_score_adj);
        }
        container.set_resources(new);
        Ok(())
    }

    /// The sandbox's cgroup is its creator's to limit; what it should have is kept, and told in the verbose status.
    pub async fn update_sandbox_resources(&self, request: UpdatePodSandboxResourcesRequest) -> Result<(), Failure> {
        let id = &request.pod_sandbox_id;
        let missing = || Failure::NotFound { kind: "sandbox", id: id.clone() };
        let sandbox = self.inventory.sandbox(id)?.ok_or_else(missing)?;
        let _changing = sandbox.changing.write().await;
        if self.inventory.sandbox(&sandbox.id)?.is_none() {
            return Err(missing());
        }
        for resources in [&request.overhead, &request.resources].into_iter().flatten() {
            limits::check(resources)?;
        }
        disk::write_bytes(&sandbox.dir.resources(), &request.encode_to_vec(), true)?;
        Ok(())
    }
}

fn keep(container: &Container, resources: &LinuxContainerResources) -> Result<(), DiskError> {
    disk::write_bytes(&container.dir.resources(), &resources.encode_to_vec(), false)
}

fn adjust_oom_score(container: &Container, adjustment: i64) {
    for pid in cgroup::processes(&container.cgroup) {
        if let Err(e) = fs::write(format!("/proc/{pid}/oom_score_adj"), adjustment.to_string()) {
            // Lowering it needs CAP_SYS_RESOURCE; a process may also have ended meanwhile.
            tracing::warn!(container = container.id, pid, error = %e, "oom_score_adj was not changed");
        }
    }
}
