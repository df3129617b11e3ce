//! Making, stopping and removing sandboxes.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use prost::Message;
use reprise_cri::v1::{NamespaceMode, PodSandboxConfig};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::engine::{Engine, now};
use super::failure::Failure;
use super::names::{self, Taken};
use super::state::{Sandbox, SandboxRecord};
use crate::cgroup;
use crate::disk::{self, DiskError};
use crate::error::chain;
use crate::mounted;
use crate::network::{NetworkError, Request};
use crate::shim::protocol::{Call, ShimConfig};
use crate::shim_client::StartingShim;
use crate::spec;

/// Beside the record: the config as CRI sent it.
pub const CONFIG: &str = "config.pb";
const SHM_BYTES: u64 = 64 * 1024 * 1024;
/// How long a shim that was told to end may take.
const SHIM_ENDS: Duration = Duration::from_secs(5);

impl Engine {
    /// Makes a sandbox: its shim with the namespaces, its files, its network.
    pub async fn run_sandbox(&self, config: PodSandboxConfig) -> Result<String, Failure> {
        let _name = self.name_sandbox(&config)?;
        let _making = self.making.read().await;
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
            foreign_cgroup: false,
        };
        let cgroup = self.sandbox_cgroup(&id, &config);
        let record = SandboxRecord { foreign_cgroup: self.is_foreign(&cgroup), ..record };
        let sandbox = Arc::new(Sandbox::new(id.clone(), dir, config, cgroup, record));
        match self.set_up(&sandbox, request).await {
            Ok(()) => {
                self.sandbox_ready(&sandbox);
                Ok(id)
            }
            Err(failure) => {
                if let Err(e) = self.clear_sandbox(&sandbox).await {
                    let error = chain(&e);
                    tracing::warn!(sandbox = id, error, "what was made of a failed sandbox was not cleared away");
                    // Listed, not ready: the client has it stopped and removed, and so tried again.
                    self.inventory.add_sandbox(sandbox);
                }
                Err(failure)
            }
        }
    }

    /// Takes the name of a sandbox that is to be made, if it can be made and nobody else has the name.
    fn name_sandbox(&self, config: &PodSandboxConfig) -> Result<Taken, Failure> {
        let metadata = config.metadata.as_ref().ok_or(Failure::Missing("sandbox metadata"))?;
        if metadata.name.is_empty() {
            return Err(Failure::Missing("sandbox name"));
        }
        spec::check_sandbox(config)?;
        let name = names::of_sandbox(metadata);
        let exists = |of| Failure::Exists { kind: "sandbox", name: name.clone(), of };
        let taken = self.names.take(name.clone()).ok_or_else(|| exists(None))?;
        // One that failed, and could not be cleared away, keeps no other from being tried.
        let mut made = self.inventory.sandboxes().into_iter().filter(|s| s.record().complete);
        let twin = made.find(|s| s.config.metadata == config.metadata);
        match twin {
            Some(twin) => Err(exists(Some(twin.id.clone()))),
            None => Ok(taken),
        }
    }

    /// Whether somebody else has made this cgroup: then somebody else removes it.
    fn is_foreign(&self, cgroup: &str) -> bool {
        let ours = Path::new(cgroup).starts_with(&self.config.cgroup_root);
        let of_another = |s: &Arc<Sandbox>| s.cgroup == cgroup && !s.record().foreign_cgroup;
        !ours && cgroup::exists(cgroup) && !self.inventory.sandboxes().iter().any(of_another)
    }

    async fn set_up(&self, sandbox: &Sandbox, network: Option<Request>) -> Result<(), Failure> {
        let dir = &sandbox.dir;
        disk::make_dir(dir.path())?;
        save_config(&dir.path().join(CONFIG), &sandbox.config)?;
        disk::write(&dir.record(), &*sandbox.record(), false)?;
        write_files(sandbox)?;
        let config = self.shim_config(sandbox);
        let starting = StartingShim::start(&self.config.program, &sandbox.id, dir, &config).await?;
        let pid = starting.pid;
        sandbox.record().shim = pid;
        let network = async {
            match network {
                Some(request) => self.network.attach(&request, pid).await,
                None => Ok(Vec::new()),
            }
        };
        // Both to their ends: what one of them has made when the other fails is cleared away by who called.
        let (shim, ips) = tokio::join!(starting.listening(dir, self.notices.clone()), network);
        sandbox.set_shim(Some(Arc::new(shim?)));
        let mut ips = ips?.into_iter().map(|ip| ip.to_string());
        {
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
            shm_bytes: SHM_BYTES,
            sysctls,
            cgroup: self.shims_cgroup(),
        }
    }

    /// Ends all containers and takes the network away. Fine if it is stopped or gone already.
    pub async fn stop_sandbox(&self, id: &str) -> Result<(), Failure> {
        let Some(sandbox) = self.inventory.sandbox(id)? else { return Ok(()) };
        let _changing = sandbox.changing.write().await;
        self.wind_down(&sandbox).await
    }

    /// Stops a sandbox that nobody else is changing. That it is being stopped is noted first, so that a runtime that dies
    /// on the way finishes it at its next start.
    async fn wind_down(&self, sandbox: &Sandbox) -> Result<(), Failure> {
        let was_ready = !std::mem::replace(&mut sandbox.record().stopped, true);
        if was_ready {
            let record = sandbox.record().clone();
            disk::write(&sandbox.dir.record(), &record, true)?;
        }
        self.unpark(sandbox).await;
        let containers = self.inventory.containers_of(&sandbox.id);
        let ends = containers.iter().map(|c| self.kill_now(c));
        futures::future::try_join_all(ends).await?;
        // Nothing comes after it that would have to wait: the shim need not put off its clearing away any more.
        let (detached, ()) = tokio::join!(self.network.detach(&sandbox.id), clear_removed(sandbox));
        detached?;
        self.sandbox_stopped(sandbox);
        Ok(())
    }

    /// Stops the sandbox if it is not, and removes all that it had. Fine if it is gone already.
    pub async fn remove_sandbox(&self, id: &str) -> Result<(), Failure> {
        let Some(sandbox) = self.inventory.sandbox(id)? else { return Ok(()) };
        let _changing = sandbox.changing.write().await;
        if self.inventory.sandbox(&sandbox.id)?.is_none() {
            return Ok(());
        }
        self.wind_down(&sandbox).await?;
        for container in self.inventory.containers_of(&sandbox.id) {
            self.take_away(&container).await?;
        }
        self.clear_sandbox(&sandbox).await?;
        if self.inventory.sandboxes().iter().all(|other| other.id == sandbox.id) {
            self.remove_cgroups().await;
        }
        // Last: whoever sees that it is gone may end this process.
        self.sandbox_removed(&sandbox);
        Ok(())
    }

    /// With the last sandbox go the cgroups of all, unless another one is being made.
    pub async fn remove_cgroups(&self) {
        for _ in 0..50 {
            let Ok(_nobody_makes_one) = self.making.try_write() else { return };
            if self.inventory.sandboxes().len() > 1 {
                return;
            }
            if cgroup::remove(&self.config.cgroup_root) {
                // A root within another one was made with it.
                let parent = self.config.cgroup_root.rsplit_once('/').map_or("", |(parent, _)| parent);
                return cgroup::remove_if_empty(parent);
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
        self.clear_handed_over(sandbox).await;
        self.remove_sandbox_cgroup(sandbox);
        detached?;
        mounted::unmount_below(sandbox.dir.path())?;
        disk::remove_dir(sandbox.dir.path())?;
        Ok(())
    }
}

async fn clear_removed(sandbox: &Sandbox) {
    if let Some(shim) = sandbox.shim()
        && let Err(e) = shim.call(Call::ClearRemoved).await
    {
        // The end of the sandbox clears away what is left.
        tracing::debug!(sandbox = sandbox.id, error = %e, "removed containers are still to be cleared away");
    }
}

/// Waits until a process has ended. Its namespaces have gone by then, also before it is reaped.
pub async fn wait_gone(pid: i32) {
    let Some(process) = Pid::from_raw(pid) else { return };
    // None for a process that is gone.
    let Ok(process) = pidfd_open(process, PidfdFlags::empty()) else { return };
    let limit = Timespec::try_from(SHIM_ENDS).ok();
    // One that does not end is no reason to wait for ever: what is in its way is told by what can't be removed.
    let waiting = move || poll(&mut [PollFd::new(&process, PollFlags::IN)], limit.as_ref());
    let _ = tokio::task::spawn_blocking(waiting).await;
}

pub fn save_config(path: &Path, config: &impl Message) -> Result<(), DiskError> {
    disk::write_bytes(path, &config.encode_to_vec(), false)
}

/// Where the host has no `/etc/hosts`.
const LOCAL_HOSTS: &str = "127.0.0.1\tlocalhost\n::1\tlocalhost\n";

/// `/etc/hostname`, `/etc/hosts` and `/etc/resolv.conf` of the containers.
fn write_files(sandbox: &Sandbox) -> Result<(), DiskError> {
    let (hostname, resolv) = (sandbox.dir.hostname(), sandbox.dir.resolv_conf());
    let name = match sandbox.config.hostname.as_str() {
        "" => fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default(),
        name => format!("{name}\n"),
    };
    fs::write(&hostname, name).map_err(DiskError::io("write", &hostname))?;
    let hosts = fs::read_to_string("/etc/hosts").unwrap_or_else(|_| LOCAL_HOSTS.to_owned());
    fs::write(sandbox.dir.hosts(), hosts).map_err(DiskError::io("write", &sandbox.dir.hosts()))?;
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
