//! The agent in this process: a node, and the embedded runtime below it unless another one is to be used. Either way they
//! talk over the runtime's socket.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use reprise_node::{Node, NodeConfig, NodeEvent};
use reprise_runtime::{Runtime, RuntimeConfig, RuntimeError};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::settings::Settings;

/// A running agent.
pub struct Agent {
    pub node: Node,
    /// The embedded runtime; none if the node uses another one.
    runtime: Option<Runtime>,
}

impl Agent {
    /// Starts the runtime and then the node, which goes on with the Pods of the data folder. Gives with it all that
    /// happens from then on.
    pub async fn start(settings: &Settings) -> Result<(Self, UnboundedReceiver<NodeEvent>)> {
        settings.check_runtime()?;
        let runtime = if settings.runtime.is_embedded() { Some(embedded(settings).await?) } else { None };
        let started = Node::start_subscribed(settings.node()).await.context("the node can't start");
        match started.and_then(|node| settings.remember().map(|()| node)) {
            Ok((node, news)) => Ok((Self { node, runtime }, news)),
            Err(error) => {
                end(runtime).await;
                Err(error)
            }
        }
    }

    /// Ends the node, and the runtime if it is the embedded one. Containers go on.
    pub async fn stop(self) {
        self.node.shutdown().await;
        end(self.runtime).await;
    }

    /// Whether the agent could not start because its addresses are in use.
    pub fn is_address_conflict(error: &anyhow::Error) -> bool {
        error.downcast_ref().is_some_and(RuntimeError::is_address_conflict)
    }
}

async fn embedded(settings: &Settings) -> Result<Runtime> {
    let runtime = reprise_runtime::serve(settings.embedded()).await.context("the container runtime can't start")?;
    runtime.warnings().iter().for_each(|warning| eprintln!("Warning: {warning}"));
    Ok(runtime)
}

async fn end(runtime: Option<Runtime>) {
    if let Some(runtime) = runtime {
        runtime.shutdown().await;
    }
}

impl Settings {
    /// Where the node's images are.
    pub fn image_store(&self) -> PathBuf {
        self.runtime_dir().join("images")
    }

    fn runtime_dir(&self) -> PathBuf {
        self.data_dir.join("runtime")
    }

    /// The embedded runtime's.
    pub fn embedded(&self) -> RuntimeConfig {
        let (bridge, cgroup_root) = (self.bridge.clone(), format!("{}/runtime", self.own_cgroup));
        let (subnet6, registry_config) = (self.subnet6, self.registry_config.clone());
        RuntimeConfig {
            subnet6,
            registry_config,
            ..RuntimeConfig::new(self.runtime_dir(), bridge, self.subnet, cgroup_root)
        }
    }

    /// The node's.
    pub fn node(&self) -> NodeConfig {
        let outside = self.runtime.socket();
        let socket = outside.map_or_else(|| self.embedded().socket, Path::to_owned);
        let defaults = NodeConfig::new(&self.data_dir, socket);
        let kubelet = self.kubelet.clone();
        let membership = self.membership.as_ref();
        let dns: Vec<String> = self.cluster_dns.iter().map(ToString::to_string).collect();
        NodeConfig {
            disk_pressure: kubelet.eviction_hard.map_or(defaults.disk_pressure, |hard| hard.nodefs_available),
            in_cluster: membership.is_some(),
            node_name: membership.map_or(defaults.node_name.clone(), |member| member.name.clone()),
            host_ip: membership.map(|member| member.ip.to_string()),
            foreign_runtime: outside.is_some(),
            cgroup_root: Some(self.cgroup_root.clone()).filter(|_| kubelet.cgroups_per_qos != Some(false)),
            enforce_node_allocatable: kubelet.enforce_node_allocatable.unwrap_or(defaults.enforce_node_allocatable),
            reservations: kubelet.reservations(),
            max_pods: kubelet.max_pods.unwrap_or(defaults.max_pods),
            allowed_unsafe_sysctls: kubelet.allowed_unsafe_sysctls.unwrap_or_default(),
            gates: self.gates,
            limits: self.limits,
            device_plugin_dir: self.device_plugin_dir.clone(),
            device_plugin_wait: self.device_plugin_wait.unwrap_or(defaults.device_plugin_wait),
            pids_limit: self.pids_limit,
            seccomp_default: kubelet.seccomp_default.unwrap_or(defaults.seccomp_default),
            cluster_dns: if dns.is_empty() { kubelet.cluster_dns.unwrap_or_default() } else { dns },
            cluster_domain: kubelet.cluster_domain.unwrap_or_else(|| defaults.cluster_domain.clone()),
            resolv_conf: kubelet.resolv_conf.unwrap_or_else(|| defaults.resolv_conf.clone()),
            request_timeout: kubelet.request_timeout.unwrap_or(defaults.request_timeout),
            images: kubelet.images,
            logs: kubelet.logs,
            log_monitor_interval: kubelet.log_monitor_interval.unwrap_or(defaults.log_monitor_interval),
            static_pods: self.static_pods.clone().unwrap_or_default(),
            http: self.http.clone(),
            ..defaults
        }
    }
}
