//! The agent in this process: the embedded runtime and a node on top of it, talking over the runtime's socket.

use std::path::PathBuf;

use anyhow::{Context, Result};
use reprise_node::{Node, NodeConfig, NodeEvent};
use reprise_runtime::{Runtime, RuntimeConfig, RuntimeError};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::settings::Settings;

/// A running agent.
pub struct Agent {
    pub node: Node,
    runtime: Runtime,
}

impl Agent {
    /// Starts the runtime and then the node, which goes on with the Pods of the data folder. Gives with it all that
    /// happens from then on.
    pub async fn start(settings: &Settings) -> Result<(Self, UnboundedReceiver<NodeEvent>)> {
        let runtime = reprise_runtime::serve(settings.runtime()).await.context("the container runtime can't start")?;
        runtime.warnings().iter().for_each(|warning| eprintln!("Warning: {warning}"));
        let started = Node::start_subscribed(settings.node()).await.context("the node can't start");
        match started.and_then(|node| settings.remember().map(|()| node)) {
            Ok((node, news)) => Ok((Self { node, runtime }, news)),
            Err(error) => {
                runtime.shutdown().await;
                Err(error)
            }
        }
    }

    /// Ends node and runtime. Containers go on.
    pub async fn stop(self) {
        self.node.shutdown().await;
        self.runtime.shutdown().await;
    }

    /// Whether the agent could not start because its addresses are in use.
    pub fn is_address_conflict(error: &anyhow::Error) -> bool {
        error.downcast_ref().is_some_and(RuntimeError::is_address_conflict)
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
    pub fn runtime(&self) -> RuntimeConfig {
        let (bridge, cgroup_root) = (self.bridge.clone(), format!("{}/runtime", self.own_cgroup));
        let (subnet6, registry_config) = (self.subnet6, self.registry_config.clone());
        RuntimeConfig {
            subnet6,
            registry_config,
            ..RuntimeConfig::new(self.runtime_dir(), bridge, self.subnet, cgroup_root)
        }
    }

    fn node(&self) -> NodeConfig {
        let defaults = NodeConfig::new(&self.data_dir, self.runtime().socket);
        let kubelet = self.kubelet.clone();
        NodeConfig {
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
            cluster_dns: kubelet.cluster_dns.unwrap_or_default(),
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
