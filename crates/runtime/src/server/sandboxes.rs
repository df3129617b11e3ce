//! Making, stopping and removing sandboxes.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use prost::Message;
use reprise_cri::v1::{ContainerEventType, NamespaceMode, PodSandboxConfig};

use super::engine::{Engine, now};
use super::failure::Failure;
use super::state::{Sandbox, SandboxRecord};
use crate::cgroup;
use crate::disk::{self, DiskError};
use crate::network::{NetworkError, Request};
use crate::shim::protocol::{Call, ShimConfig};
use crate::shim_client::Shim;

/// Beside the record: the config as CRI sent it.
pub const CONFIG: &str = "config.pb";
const SHM_BYTES: u64 = 64 * 1024 * 1024;
/// How long a shim that was told to end may take.
const SHIM_ENDS: Duration = Duration::from_secs(5);

impl Engine {
    /// Makes a sandbox: its shim with the namespaces, its files, its network.
    pub async fn run_sandbox(&self, config: PodSandboxConfig) -> Result<String, Failure> {
        if config.metadata.is_none() {
            return Err(Failure::Missing("sandbox metadata"));
        }
        let options = config.linux.as_ref().and_then(|l| l.security_context.as_ref());
        let options = options.and_then(|s| s.namespace_options.as_ref());
        let on_host = options.is_some_and(|o| o.network() == NamespaceMode::Node);
        let id = uuid::Uuid::new_v4().simple().to_string();
        // On the host's network there is nothing to lead to the Pod.
        let request = if on_host { None } else { Some(Request::of(&id, &config).map_err(NetworkError::from)?) };
        let dir = self.layout.sandbox(&id);
        let record = SandboxRecord {
            created_at: now(),
            ip: None,
            additional_ips: Vec::new(),
            shim: 0,
            complete: false,
            stopped: false,
        };
        let cgroup = self.sandbox_cgroup(&id, &config);
        let sandbox = Arc::new(Sandbox::new(id.clone(), dir, config, cgroup, record));
        match self.set_up(&sandbox, request).await {
            Ok(()) => {
                self.inventory.add_sandbox(Arc::clone(&sandbox));
                self.tell(&id, ContainerEventType::ContainerCreatedEvent, &sandbox);
                self.tell(&id, ContainerEventType::ContainerStartedEvent, &sandbox);
                Ok(id)
            }
            Err(failure) => {
                if let Err(e) = self.clear_sandbox(&sandbox).await {
                    tracing::warn!(sandbox = id, error = %e, "what was made of a failed sandbox was not cleared away");
                }
                Err(failure)
            }
        }
    }

    async fn set_up(&self, sandbox: &Sandbox, network: Option<Request>) -> Result<(), Failure> {
        let dir = &sandbox.dir;
        disk::make_dir(dir.path())?;
        save_config(&dir.path().join(CONFIG), &sandbox.config)?;
        disk::write(&dir.record(), &*sandbox.record(), false)?;
        write_files(sandbox)?;
        let config = self.shim_config(sandbox);
        let shim = Shim::start(&self.config.program, &sandbox.id, dir, &config, self.notices.clone()).await?;
        let pid = shim.pid;
        sandbox.record().shim = pid;
        sandbox.set_shim(Some(Arc::new(shim)));
        if let Some(request) = network {
            let mut ips = self.network.attach(&request, pid).await?.into_iter().map(|ip| ip.to_string());
            let mut record = sandbox.record();
            record.ip = ips.next();
            record.additional_ips = ips.collect();
        }
        sandbox.record().complete = true;
        disk::write(&dir.record(), &*sandbox.record(), true)?;
        Ok(())
    }

    fn shim_config(&self, sandbox: &Sandbox) -> ShimConfig {
        let linux = sandbox.config.linux.clone().unwrap_or_default();
        let options = linux.security_context.and_then(|s| s.namespace_options).unwrap_or_default();
        let own_network = options.network() != NamespaceMode::Node;
        let mut sysctls: Vec<(String, String)> = linux.sysctls.into_iter().collect();
        sysctls.sort();
        if own_network {
            // As with other runtimes, programs need no capability for low ports and pings in a network of their own.
            let usual = [("net.ipv4.ip_unprivileged_port_start", "0"), ("net.ipv4.ping_group_range", "0 2147483647")];
            let unset = usual.into_iter().filter(|(name, _)| !sysctls.iter().any(|(n, _)| n == name));
            let unset: Vec<_> = unset.map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
            sysctls.splice(0..0, unset);
        }
        let hostname = Some(sandbox.config.hostname.clone()).filter(|name| !name.is_empty() && own_network);
        ShimConfig {
            hostname,
            own_network,
            own_ipc: options.ipc() != NamespaceMode::Node,
            shared_pid: options.pid() == NamespaceMode::Pod,
            shared_mounts: sandbox.config.annotations.get(SHARED_MOUNTS).is_some_and(|v| v == "true"),
            shm_bytes: SHM_BYTES,
            sysctls,
            cgroup: self.shims_cgroup(),
        }
    }

    /// Ends all containers and takes the network away. Fine if it is stopped or gone already.
    pub async fn stop_sandbox(&self, id: &str) -> Result<(), Failure> {
        let Some(sandbox) = self.inventory.sandbox(id) else { return Ok(()) };
        let _changing = sandbox.changing.lock().await;
        self.unpark(&sandbox).await;
        let containers = self.inventory.containers_of(&sandbox.id);
        let ends = containers.iter().map(|c| self.kill(c));
        futures::future::try_join_all(ends).await?;
        self.network.detach(&sandbox.id).await?;
        let was_ready = !std::mem::replace(&mut sandbox.record().stopped, true);
        if was_ready {
            let record = sandbox.record().clone();
            disk::write(&sandbox.dir.record(), &record, true)?;
            self.tell(&sandbox.id, ContainerEventType::ContainerStoppedEvent, &sandbox);
        }
        Ok(())
    }

    /// Stops the sandbox if it is not, and removes all that it had. Fine if it is gone already.
    pub async fn remove_sandbox(&self, id: &str) -> Result<(), Failure> {
        let Some(sandbox) = self.inventory.sandbox(id) else { return Ok(()) };
        self.stop_sandbox(&sandbox.id).await?;
        let _changing = sandbox.changing.lock().await;
        for container in self.inventory.containers_of(&sandbox.id) {
            self.remove_container(&container.id).await?;
        }
        self.clear_sandbox(&sandbox).await?;
        if self.inventory.sandboxes().iter().all(|other| other.id == sandbox.id) {
            self.remove_cgroups().await;
        }
        // Last: whoever sees that it is gone may end this process.
        self.inventory.remove_sandbox(&sandbox.id);
        self.tell(&sandbox.id, ContainerEventType::ContainerDeletedEvent, &sandbox);
        Ok(())
    }

    /// With the last sandbox go the cgroups of all. Another sandbox may be on its way up: then they are busy and stay.
    pub async fn remove_cgroups(&self) {
        for _ in 0..50 {
            let clear = cgroup::remove(&self.shims_cgroup());
            cgroup::remove_if_empty(&self.config.cgroup_root);
            if clear || self.inventory.sandboxes().len() > 1 {
                return;
            }
            // The shim that ended last is still being reaped.
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Ends the shim and clears away files, cgroups and network of a sandbox without containers.
    pub async fn clear_sandbox(&self, sandbox: &Sandbox) -> Result<(), Failure> {
        // While the shim lives: plugins want to see the namespace. What they don't take back they are asked for again.
        let detached = self.network.detach(&sandbox.id).await;
        if let Some(shim) = sandbox.shim() {
            let pid = shim.pid;
            if let Err(e) = shim.call(Call::Shutdown).await {
                tracing::debug!(sandbox = sandbox.id, error = %e, "the shim ended without an answer");
            }
            sandbox.set_shim(None);
            wait_gone(pid).await;
        }
        cgroup::kill_all(&sandbox.cgroup);
        if !cgroup::remove(&sandbox.cgroup) {
            tracing::warn!(cgroup = sandbox.cgroup, "a cgroup is still busy and was not removed");
        }
        detached?;
        disk::remove_dir(sandbox.dir.path())?;
        Ok(())
    }
}

/// Sandbox annotation of the node: a container of the Pod has a mount with Bidirectional propagation.
const SHARED_MOUNTS: &str = "reprise.dev/bidirectional-mounts";

async fn wait_gone(pid: i32) {
    let proc = format!("/proc/{pid}/ns/net");
    let end = tokio::time::Instant::now() + SHIM_ENDS;
    // A dead process has no namespaces any more, also before it is reaped.
    while fs::read_link(&proc).is_ok() && tokio::time::Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

pub fn save_config(path: &Path, config: &impl Message) -> Result<(), DiskError> {
    fs::write(path, config.encode_to_vec()).map_err(DiskError::io("write", path))
}

/// `/etc/hostname` and `/etc/resolv.conf` of the containers.
fn write_files(sandbox: &Sandbox) -> Result<(), DiskError> {
    let (hostname, resolv) = (sandbox.dir.hostname(), sandbox.dir.resolv_conf());
    let name = match sandbox.config.hostname.as_str() {
        "" => fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default(),
        name => format!("{name}\n"),
    };
    fs::write(&hostname, name).map_err(DiskError::io("write", &hostname))?;
    let text = match &sandbox.config.dns_config {
        Some(dns) if !(dns.servers.is_empty() && dns.searches.is_empty() && dns.options.is_empty()) => {
            let mut lines: Vec<String> = Vec::new();
            if !dns.searches.is_empty() {
                lines.push(format!("search {}", dns.searches.join(" ")));
            }
            lines.extend(dns.servers.iter().map(|s| format!("nameserver {s}")));
            if !dns.options.is_empty() {
                lines.push(format!("options {}", dns.options.join(" ")));
            }
            lines.join("\n") + "\n"
        }
        _ => fs::read_to_string("/etc/resolv.conf").unwrap_or_default(),
    };
    fs::write(&resolv, text).map_err(DiskError::io("write", &resolv))
}
