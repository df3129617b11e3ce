//! The node's settings: plain values, read once.

use std::path::PathBuf;
use std::time::Duration;

use reprise_core::backoff::BackoffLimits;
use reprise_core::gates::FeatureGates;
use reprise_core::image_collection::ImagePolicy;
use reprise_core::log_rotation::LogPolicy;
use reprise_core::node_admission::{Reservations, Threshold};
use reprise_core::quantity::Quantity;

use crate::http::HttpConfig;
use crate::kernel_security::KernelSecurity;
use crate::static_pods::StaticPodConfig;

/// Settings of one node agent. Several agents can run on one machine with different data folders.
#[derive(Debug, Clone)]
pub struct NodeConfig {
    /// Where everything that the node keeps lies.
    pub data_dir: PathBuf,
    /// The socket of the container runtime.
    pub cri_socket: PathBuf,
    /// `spec.nodeName` of the Pods here.
    pub node_name: String,
    /// The node's address, for `status.hostIP`.
    pub host_ip: Option<String>,
    /// The cgroup below which `kubepods` with those of all Pods is, such as `/reprise`; none leaves cgroups to the runtime.
    pub cgroup_root: Option<String>,
    /// Whether the runtime is not our own: it is then asked how it makes cgroups.
    pub foreign_runtime: bool,
    /// Whether Pods together can use no more than what is left to them (the kubelet's `enforceNodeAllocatable: [pods]`).
    pub enforce_node_allocatable: bool,
    /// What is kept from Pods.
    pub reservations: Reservations,
    /// How many Pods there may be (the kubelet's `maxPods`).
    pub max_pods: i64,
    /// Kernel parameters that Pods may set beyond the safe ones (the kubelet's `allowedUnsafeSysctls`).
    pub allowed_unsafe_sysctls: Vec<String>,
    /// Feature gates.
    pub gates: FeatureGates,
    /// Limits of every back-off.
    pub limits: BackoffLimits,
    /// Name servers of the cluster for `dnsPolicy: ClusterFirst`. Empty: such a Pod gets the host's, as with the kubelet.
    pub cluster_dns: Vec<String>,
    /// The cluster's domain, for search lists and fully qualified host names.
    pub cluster_domain: String,
    /// Where the host's name servers are listed.
    pub resolv_conf: PathBuf,
    /// The host's hosts file, given to Pods on the host network.
    pub hosts_file: PathBuf,
    /// Whether containers that name no seccomp profile get the runtime's default one (the kubelet's `seccompDefault`).
    pub seccomp_default: bool,
    /// How many processes a Pod may have; none is no limit (the kubelet's `podPidsLimit`).
    pub pids_limit: Option<i64>,
    /// Where device plugins lay their sockets and find the agent's; none is a folder of the data folder's own.
    pub device_plugin_dir: Option<PathBuf>,
    /// How long after the agent's start a Pod waits for a device plugin to register before it is rejected.
    pub device_plugin_wait: Duration,
    /// The runtime's handler for sandboxes; empty is its default one.
    pub runtime_handler: String,
    /// Whether device plugins can register.
    pub device_plugins: bool,
    /// Whether other processes of this machine find the agent by its folder: it then holds a lock on it and listens at a socket
    /// in it. Off where one process has many agents, in folders that nobody else knows.
    pub control: bool,
    /// How long the runtime may take to answer for the first time.
    pub runtime_wait: Duration,
    /// How long the runtime may take for what normally takes milliseconds (the kubelet's `runtimeRequestTimeout`).
    pub request_timeout: Duration,
    /// How often it is measured what Pods with a limit of their storage have on disk.
    pub usage_period: Duration,
    /// When images are removed.
    pub images: ImagePolicy,
    /// When logs are rotated.
    pub logs: LogPolicy,
    /// How often logs are looked at (the kubelet's `containerLogMonitorInterval`).
    pub log_monitor_interval: Duration,
    /// Where static Pods are from.
    pub static_pods: StaticPodConfig,
    /// What the kernel can confine containers with.
    pub kernel: KernelSecurity,
    /// The kubelet's HTTP API; none: it is not served.
    pub http: Option<HttpConfig>,
    /// With less than this free on the disk the node says in a cluster that it has disk pressure, and gets no more Pods. A kubelet's
    /// tenth would leave many a workstation without a node, so that counts only where settings ask for it (`evictionHard`).
    pub disk_pressure: Threshold,
    /// Whether Pods and what they refer to come from a Kubernetes API: claims are bound there and not here.
    pub in_cluster: bool,
}

impl NodeConfig {
    /// Settings with the defaults of Kubernetes for everything but the two places that have none.
    #[must_use]
    pub fn new(data_dir: impl Into<PathBuf>, cri_socket: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            cri_socket: cri_socket.into(),
            node_name: "localhost".to_owned(),
            host_ip: None,
            cgroup_root: None,
            foreign_runtime: false,
            enforce_node_allocatable: true,
            reservations: Reservations::default(),
            max_pods: 110,
            allowed_unsafe_sysctls: Vec::new(),
            gates: FeatureGates::default(),
            limits: BackoffLimits::default(),
            cluster_dns: Vec::new(),
            cluster_domain: "cluster.local".to_owned(),
            resolv_conf: PathBuf::from("/etc/resolv.conf"),
            hosts_file: PathBuf::from("/etc/hosts"),
            seccomp_default: false,
            pids_limit: None,
            device_plugin_dir: None,
            device_plugin_wait: Duration::from_secs(10),
            runtime_handler: String::new(),
            device_plugins: true,
            control: true,
            runtime_wait: Duration::from_secs(10),
            request_timeout: Duration::from_secs(120),
            usage_period: Duration::from_secs(10),
            images: ImagePolicy::default(),
            logs: LogPolicy::default(),
            log_monitor_interval: Duration::from_secs(10),
            static_pods: StaticPodConfig::default(),
            kernel: KernelSecurity::of_this_host(),
            http: None,
            disk_pressure: Threshold::Percent(Quantity::units(1)),
            in_cluster: false,
        }
    }
}
