//! The calls that are measured: what is sent is the same for both runtimes.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};
use reprise_cri::Call;
use reprise_cri::v1::*;
use reprise_testkit::image::BUSYBOX_IMAGE;

use super::side::Side;

/// Sandboxes and containers of all runs have names of their own.
static NUMBER: AtomicU32 = AtomicU32::new(0);

/// Says that it is up, and ends at once when asked to.
const SCRIPT: &str = "trap 'exit 0' TERM; echo up; while :; do sleep 1000 & wait; done";

/// A sandbox that is there.
pub struct Pod<'a> {
    side: &'a Side,
    pub id: String,
    config: PodSandboxConfig,
}

fn number() -> u32 {
    NUMBER.fetch_add(1, Ordering::Relaxed)
}

/// As a kubelet has them for a Pod that says nothing.
fn namespaces() -> Option<NamespaceOption> {
    Some(NamespaceOption { pid: NamespaceMode::Container.into(), ..NamespaceOption::default() })
}

/// The configuration of a sandbox with a folder for its logs.
pub fn sandbox_config(side: &Side) -> Result<PodSandboxConfig> {
    let name = format!("pod-{}", number());
    let logs = side.folder().join("logs").join(&name);
    fs::create_dir_all(&logs).with_context(|| format!("make {}", logs.display()))?;
    let security = LinuxSandboxSecurityContext { namespace_options: namespaces(), ..Default::default() };
    Ok(PodSandboxConfig {
        metadata: Some(PodSandboxMetadata {
            uid: name.clone(),
            namespace: "bench".into(),
            attempt: 0,
            name: name.clone(),
        }),
        hostname: name,
        log_directory: logs.to_string_lossy().into_owned(),
        linux: Some(LinuxPodSandboxConfig {
            cgroup_parent: side.cgroup_parent(),
            security_context: Some(security),
            ..Default::default()
        }),
        ..Default::default()
    })
}

pub fn container_config() -> ContainerConfig {
    let name = format!("container-{}", number());
    let security = LinuxContainerSecurityContext { namespace_options: namespaces(), ..Default::default() };
    let resources = LinuxContainerResources { memory_limit_in_bytes: 256 << 20, cpu_shares: 512, ..Default::default() };
    ContainerConfig {
        log_path: format!("{name}.log"),
        metadata: Some(ContainerMetadata { name, attempt: 0 }),
        image: Some(ImageSpec { image: BUSYBOX_IMAGE.to_owned(), ..Default::default() }),
        command: ["/bin/sh", "-c", SCRIPT].map(str::to_owned).to_vec(),
        linux: Some(LinuxContainerConfig { resources: Some(resources), security_context: Some(security) }),
        ..Default::default()
    }
}

impl<'a> Pod<'a> {
    pub async fn run(side: &'a Side, config: PodSandboxConfig) -> Result<Self> {
        let request = RunPodSandboxRequest { config: Some(config.clone()), runtime_handler: String::new() };
        let client = &side.client;
        let name = config.hostname.clone();
        let answer = client.call(Call::new("RunPodSandbox", name), client.runtime().run_pod_sandbox(request)).await?;
        let id = answer.pod_sandbox_id;
        Ok(Self { side, id, config })
    }

    /// Where the log of a container is.
    pub fn log(&self, config: &ContainerConfig) -> PathBuf {
        PathBuf::from(&self.config.log_directory).join(&config.log_path)
    }

    pub async fn create(&self, config: ContainerConfig) -> Result<String> {
        let request = CreateContainerRequest {
            pod_sandbox_id: self.id.clone(),
            config: Some(config),
            sandbox_config: Some(self.config.clone()),
        };
        let client = &self.side.client;
        let call = Call::new("CreateContainer", &self.id);
        let answer = client.call(call, client.runtime().create_container(request)).await?;
        Ok(answer.container_id)
    }

    pub async fn start(&self, id: &str) -> Result<()> {
        let client = &self.side.client;
        let request = StartContainerRequest { container_id: id.to_owned() };
        client.call(Call::new("StartContainer", id), client.runtime().start_container(request)).await?;
        Ok(())
    }

    pub async fn stop_container(&self, id: &str, timeout: i64) -> Result<()> {
        let client = &self.side.client;
        let request = StopContainerRequest { container_id: id.to_owned(), timeout };
        client.call(Call::new("StopContainer", id), client.runtime().stop_container(request)).await?;
        Ok(())
    }

    pub async fn remove_container(&self, id: &str) -> Result<()> {
        let client = &self.side.client;
        let request = RemoveContainerRequest { container_id: id.to_owned() };
        client.call(Call::new("RemoveContainer", id), client.runtime().remove_container(request)).await?;
        Ok(())
    }

    pub async fn stop(&self) -> Result<()> {
        let client = &self.side.client;
        let request = StopPodSandboxRequest { pod_sandbox_id: self.id.clone() };
        client.call(Call::new("StopPodSandbox", &self.id), client.runtime().stop_pod_sandbox(request)).await?;
        Ok(())
    }

    pub async fn remove(&self) -> Result<()> {
        let client = &self.side.client;
        let request = RemovePodSandboxRequest { pod_sandbox_id: self.id.clone() };
        client.call(Call::new("RemovePodSandbox", &self.id), client.runtime().remove_pod_sandbox(request)).await?;
        Ok(())
    }
}
