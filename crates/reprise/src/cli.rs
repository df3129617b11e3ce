//! The command line, as types.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::image::ImageCommand;

const EXAMPLES: &str = "\
Examples (as root):
  reprise demo                       see an in-place restart, offline
  reprise run pod.yaml               run the Pods of a manifest until they end
  reprise run --static-pod-path DIR  run the Pods of a folder, and follow its changes
  reprise image import app.tar       bring an image from `docker save`
  reprise run --keep pod.yaml        leave them running after Ctrl-C ...
  reprise ps                         ... and look at them later
  reprise restart my-pod             restart one in place, now
  reprise up                         a Kubernetes API with this node, for kubectl";

const FAULTS: &str = "\
Commands, of the script and of standard input:
  exit NODE CODE [CONTAINER]   a worker on that node exits with CODE: the first one, or the one called CONTAINER
  die NODE                     the node dies with all that runs on it, without a word to anybody
  30s exit 17 1                so long after all nodes are ready; NODE is a name or a number

Programs in containers are pretended: `true`, `false` and `sleep SECONDS` end as they do anywhere, an image called
restart-agent with JOBSET_NAME and POD_NAME in its environment does what the restart agent does, and all others run until
they are stopped or a command has them exit. Exec, logs and the Pods' network are not there.";

/// A Kubernetes node agent whose speciality is the in-place Pod restart.
#[derive(Debug, Parser)]
#[command(name = "reprise", version, propagate_version = true, after_help = EXAMPLES)]
pub struct Cli {
    #[command(flatten)]
    pub node: NodeArgs,
    #[command(flatten)]
    pub log: LogArgs,
    #[command(subcommand)]
    pub command: Command,
}

/// Where this node keeps its data and what it is given of the machine. Nodes with different ones run side by side.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Node")]
pub struct NodeArgs {
    /// Folder for everything the node keeps [default: /var/lib/reprise, for the demo a temporary one]
    #[arg(long, global = true, env = "REPRISE_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Container runtime to run Pods with instead of the one in here: a CRI socket such as
    /// unix:///run/containerd/containerd.sock, or embedded [default: what the node had before, at first embedded]
    #[arg(long, global = true, env = "REPRISE_CRI", value_name = "unix://PATH")]
    pub cri: Option<String>,
    /// Network bridge that the Pods are on [default: the one named after the data folder]
    #[arg(long, global = true, env = "REPRISE_BRIDGE", value_name = "NAME")]
    pub bridge: Option<String>,
    /// Addresses for Pods, an IPv4 network [default: what the node had before, at first 10.85.0.0/16]
    #[arg(long, global = true, env = "REPRISE_SUBNET", value_name = "CIDR")]
    pub subnet: Option<String>,
    /// IPv6 addresses for Pods beside those, such as fd00:10:85::/64, or none [default: what the node had before]
    #[arg(long, global = true, env = "REPRISE_SUBNET6", value_name = "CIDR")]
    pub subnet6: Option<String>,
    /// Folder that says where registries are: mirrors, certificates, plain HTTP, in the layout of containerd's hosts.toml
    #[arg(long, global = true, env = "REPRISE_REGISTRY_CONFIG", value_name = "DIR")]
    pub registry_config: Option<PathBuf>,
    /// Folder where device plugins register, /var/lib/kubelet/device-plugins for those made for a kubelet
    /// [default: what the node had before, at first device-plugins in the data folder]
    #[arg(long, global = true, env = "REPRISE_DEVICE_PLUGIN_DIR", value_name = "DIR")]
    pub device_plugin_dir: Option<PathBuf>,
    /// How long after the start Pods wait for a device plugin to register [default: 10s]
    #[arg(long, global = true, value_name = "DURATION")]
    pub device_plugin_wait: Option<String>,
    /// Feature gates, such as RestartAllContainersOnContainerExits=false
    #[arg(
        long,
        global = true,
        env = "REPRISE_FEATURE_GATES",
        default_value = "",
        hide_default_value = true,
        value_name = "GATE=BOOL,..."
    )]
    pub feature_gates: String,
    /// Back-off between failed restarts: first delay and longest delay [default: 10s..5m]
    #[arg(long, global = true, value_name = "INITIAL..MAX")]
    pub restart_backoff: Option<String>,
    /// How many processes a Pod may have [default: no limit]
    #[arg(long, global = true, value_name = "COUNT", value_parser = clap::value_parser!(i64).range(1..))]
    pub pod_pids_limit: Option<i64>,
    /// Settings in the kubelet's format (KubeletConfiguration); flags win over it
    #[arg(long, global = true, env = "REPRISE_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// What the program says about its own work, on standard error.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Log")]
pub struct LogArgs {
    /// How much: error, warn, info, debug, trace, or TARGET=LEVEL,...
    #[arg(long, global = true, env = "REPRISE_LOG", default_value = "warn", value_name = "LEVEL")]
    pub log_level: String,
    /// For people or for programs: one JSON object a line
    #[arg(long, global = true, value_enum, default_value = "text", value_name = "FORMAT")]
    pub log_format: Output,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the announcement's ML worker Pod offline and watch it restart in place
    Demo(OutputArgs),
    /// Run Pods from manifests until they end, or until Ctrl-C
    Run(RunArgs),
    /// List the Pods of this node
    Ps(OutputArgs),
    /// Print the log of a container
    Logs(LogsArgs),
    /// Run a program in a running container
    Exec(ExecArgs),
    /// See what a running container prints from now on, and give it input
    Attach(AttachArgs),
    /// Add a container to a running Pod, to look into it
    Debug(DebugArgs),
    /// Delete Pods
    Rm(RmArgs),
    /// Restart a Pod in place, now
    Restart(RestartArgs),
    /// Serve a Kubernetes API, and run on this machine what kubectl and others put there, until Ctrl-C
    Up(UpArgs),
    /// End what `up` has left running
    Down(DownArgs),
    /// Print the kubeconfig of `up`, for kubectl and client libraries
    Kubeconfig(KubeconfigArgs),
    /// Be a node of a Kubernetes cluster, in the place of a kubelet
    Node(MemberArgs),
    /// Run JobSets in a Kubernetes cluster, as their controller
    Controller(ControllerArgs),
    /// Be many simulated nodes of a Kubernetes cluster: the real agent over containers that only pretend
    Fleet(FleetArgs),
    /// Serve the Container Runtime Interface alone: for kubelets, crictl and other CRI clients
    Cri(CriArgs),
    /// Work with the images of this node
    #[command(subcommand)]
    Image(ImageCommand),
    /// The programs of the built-in demo image
    #[command(hide = true)]
    Workload {
        /// Which one.
        #[arg(value_enum)]
        program: Program,
    },
}

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    // Not documented one by one: that would make every help text twice as long.
    Text,
    Json,
}

/// The choice of output of a verb that lists or reports.
#[derive(Debug, Args)]
pub struct OutputArgs {
    /// For people or for programs
    #[arg(short, long, value_enum, default_value = "text")]
    pub output: Output,
}

/// `reprise run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Manifests: YAML or JSON files, folders of them, or - for standard input
    #[arg(value_name = "FILE|FOLDER|-")]
    pub manifests: Vec<PathBuf>,
    /// Run the Pods of this folder as long as they are in it (static Pods): changes are followed until Ctrl-C
    #[arg(long, value_name = "FOLDER")]
    pub static_pod_path: Option<PathBuf>,
    /// The same of a URL that is asked again and again
    #[arg(long, value_name = "URL", value_parser = web_address)]
    pub static_pod_url: Option<String>,
    /// For people or for programs
    #[arg(short, long, value_enum, default_value = "text")]
    pub output: Output,
    /// Leave the Pods as they are on exit; the next `run` or `ps` with the same data folder finds them
    #[arg(long)]
    pub keep: bool,
    /// Print the Kubernetes Events of the Pods too
    #[arg(long)]
    pub events: bool,
    /// Serve the kubelet's HTTP API (TLS), such as 127.0.0.1:10250; port 0 takes any that is free
    #[arg(long, value_name = "IP:PORT")]
    pub kubelet_address: Option<std::net::SocketAddr>,
    /// Let clients of that API in that have a certificate of an authority in this file, besides those with the token
    #[arg(long, value_name = "FILE")]
    pub client_ca_file: Option<PathBuf>,
}

fn web_address(text: &str) -> Result<String, String> {
    let is_web = ["http://", "https://"].iter().any(|scheme| text.len() > scheme.len() && text.starts_with(scheme));
    if is_web { Ok(text.to_owned()) } else { Err("a URL with http or https is needed".to_owned()) }
}

/// `reprise logs`.
#[derive(Debug, Args)]
pub struct LogsArgs {
    /// The Pod, as NAME or NAMESPACE/NAME
    pub pod: String,
    /// The container [default: the first regular one]
    #[arg(short, long)]
    pub container: Option<String>,
    /// Go on printing as lines come
    #[arg(short, long)]
    pub follow: bool,
    /// The run before the current one, such as the one that an in-place restart ended
    #[arg(short, long)]
    pub previous: bool,
}

/// `reprise exec`.
#[derive(Debug, Args)]
pub struct ExecArgs {
    /// The Pod, as NAME or NAMESPACE/NAME
    pub pod: String,
    /// The container [default: the first regular one]
    #[arg(short, long)]
    pub container: Option<String>,
    #[command(flatten)]
    pub streams: StreamArgs,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    pub command: Vec<String>,
}

/// What `exec` and `attach` connect beyond the output.
#[derive(Debug, Clone, Copy, Args)]
pub struct StreamArgs {
    /// Pass standard input on
    #[arg(short = 'i', long)]
    pub stdin: bool,
    /// On a terminal
    #[arg(short, long)]
    pub tty: bool,
}

/// `reprise attach`.
#[derive(Debug, Args)]
pub struct AttachArgs {
    /// The Pod, as NAME or NAMESPACE/NAME
    pub pod: String,
    /// The container [default: the first regular one]
    #[arg(short, long)]
    pub container: Option<String>,
    #[command(flatten)]
    pub streams: StreamArgs,
}

/// `reprise debug`.
#[derive(Debug, Args)]
pub struct DebugArgs {
    /// The Pod, as NAME or NAMESPACE/NAME
    pub pod: String,
    /// The image of the new container
    #[arg(long, value_name = "IMAGE")]
    pub image: Option<String>,
    /// Its name [default: debugger- and letters by chance]
    #[arg(short, long, value_name = "NAME")]
    pub container: Option<String>,
    /// The container whose processes it sees
    #[arg(long, value_name = "CONTAINER")]
    pub target: Option<String>,
    /// Other fields of it (volumeMounts, securityContext, ...), a file in YAML or JSON; flags win over it
    #[arg(long, value_name = "FILE|-")]
    pub custom: Option<PathBuf>,
    #[command(flatten)]
    pub streams: StreamArgs,
    /// The program and its arguments [default: what the image says]
    #[arg(last = true, value_name = "CMD")]
    pub command: Vec<String>,
}

/// `reprise rm`.
#[derive(Debug, Args)]
pub struct RmArgs {
    /// The Pods, as NAME or NAMESPACE/NAME
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    pub pods: Vec<String>,
    /// All Pods of this node
    #[arg(long)]
    pub all: bool,
    /// Seconds from SIGTERM to SIGKILL [default: what the Pod says]
    #[arg(long, value_name = "SECONDS")]
    pub grace_period: Option<u32>,
}

/// `reprise restart`.
#[derive(Debug, Args)]
pub struct RestartArgs {
    /// The Pod, as NAME or NAMESPACE/NAME
    pub pod: String,
    /// For people or for programs
    #[arg(short, long, value_enum, default_value = "text")]
    pub output: Output,
}

/// `reprise up`.
#[derive(Debug, Args)]
pub struct UpArgs {
    /// Where the API listens; port 0 takes any that is free
    #[arg(long, default_value = "127.0.0.1:6443", env = "REPRISE_LISTEN", value_name = "IP:PORT")]
    pub listen: std::net::SocketAddr,
    /// Another name or address under which clients reach the API; can be given several times
    #[arg(long, value_name = "NAME")]
    pub name: Vec<String>,
    /// Apply the manifests of this folder at the start and whenever they change
    #[arg(long, value_name = "DIR")]
    pub manifests: Option<PathBuf>,
    /// Log each request that the API answers in this file: who asked for what, a line of JSON each
    #[arg(long, value_name = "FILE")]
    pub audit_log: Option<PathBuf>,
    /// Refuse Pods with privileged containers
    #[arg(long)]
    pub no_privileged: bool,
    /// The API and its controllers alone: nodes join it with `reprise node`
    #[arg(long)]
    pub no_node: bool,
    /// Where names of Pods and services are answered, port 53 unless said; clients are not checked
    /// [default: the Pods' gateway, for Pods alone; nowhere with --no-node]
    #[arg(long, value_name = "IP[:PORT]", value_parser = dns_address)]
    pub dns_listen: Option<std::net::SocketAddr>,
    /// The node's name [default: this machine's]
    #[arg(long, value_name = "NAME", conflicts_with = "no_node")]
    pub node_name: Option<String>,
    /// Where the node's own API listens, for logs, exec and port-forward; port 0 takes any that is free
    #[arg(long, default_value = "127.0.0.1:0", value_name = "IP:PORT", conflicts_with = "no_node")]
    pub kubelet_address: std::net::SocketAddr,
}

fn dns_address(text: &str) -> Result<std::net::SocketAddr, String> {
    let address = text.parse().map(|ip: std::net::IpAddr| (ip, reprise_cluster::dns::PORT).into());
    address.or_else(|_| text.parse()).map_err(|_| "an address is needed, as in 10.85.0.1 or 127.0.0.1:5353".to_owned())
}

/// `reprise down`.
#[derive(Debug, Args)]
pub struct DownArgs {
    /// Seconds from SIGTERM to SIGKILL [default: what each Pod says]
    #[arg(long, value_name = "SECONDS")]
    pub grace_period: Option<u32>,
}

/// `reprise kubeconfig`.
#[derive(Debug, Args)]
pub struct KubeconfigArgs {
    /// The one with which a node of this name joins (`reprise node`), not that of the administrator
    #[arg(long, value_name = "NAME")]
    pub node: Option<String>,
}

/// `reprise node`.
#[derive(Debug, Args)]
pub struct MemberArgs {
    /// How to reach the cluster: its user is system:node:NAME in the group system:nodes
    #[arg(long, env = "KUBECONFIG", value_name = "FILE")]
    pub kubeconfig: PathBuf,
    /// The node's name in the cluster [default: the machine's]
    #[arg(long, value_name = "NAME")]
    pub node_name: Option<String>,
    /// The node's address [default: that of the kubelet's API, or the one from which the cluster is reached]
    #[arg(long, value_name = "IP")]
    pub node_ip: Option<std::net::IpAddr>,
    /// Labels of the Node object, beside those that every node has
    #[arg(long, value_name = "KEY=VALUE,...", value_delimiter = ',', value_parser = label)]
    pub node_labels: Vec<(String, String)>,
    /// The cluster's DNS servers, for Pods; they win over the configuration's clusterDNS
    #[arg(long, value_name = "IP,...", value_delimiter = ',')]
    pub cluster_dns: Vec<std::net::IpAddr>,
    /// Where to serve the kubelet's HTTP API (TLS) [default: the node's address, port 10250]
    #[arg(long, value_name = "IP:PORT")]
    pub kubelet_address: Option<std::net::SocketAddr>,
    /// The authority of the certificate that the cluster's API server shows there [default: the kubeconfig's]
    #[arg(long, value_name = "FILE")]
    pub client_ca_file: Option<PathBuf>,
    /// Run the Pods of this folder too, and mirror them in the cluster
    #[arg(long, value_name = "FOLDER")]
    pub static_pod_path: Option<PathBuf>,
}

fn label(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or_else(|| "KEY=VALUE is needed".to_owned())?;
    Ok((key.to_owned(), value.to_owned()))
}

/// `reprise controller`.
#[derive(Debug, Args)]
#[command(subcommand_negates_reqs = true, args_conflicts_with_subcommands = true)]
pub struct ControllerArgs {
    /// What else there is
    #[command(subcommand)]
    pub command: Option<ControllerCommand>,
    /// How to reach the cluster
    #[arg(long, env = "KUBECONFIG", value_name = "FILE", required = true)]
    pub kubeconfig: Option<PathBuf>,
    /// The namespace of the Lease by which one of several controllers works
    #[arg(long, default_value = "kube-system", value_name = "NAMESPACE")]
    pub lease_namespace: String,
    /// Serve metrics at this loopback address, below /metrics; port 0 takes any that is free
    #[arg(long, value_name = "IP:PORT", value_parser = loopback_address)]
    pub metrics_address: Option<std::net::SocketAddr>,
}

/// What `reprise controller` does beside running.
#[derive(Debug, Subcommand)]
pub enum ControllerCommand {
    /// Print the CustomResourceDefinition of JobSets, for `kubectl apply -f -`
    Crd,
}

fn loopback_address(text: &str) -> Result<std::net::SocketAddr, String> {
    let address: std::net::SocketAddr =
        text.parse().map_err(|_| "an address is needed, as in 127.0.0.1:8080".to_owned())?;
    if address.ip().is_loopback() {
        Ok(address)
    } else {
        Err("a loopback address is needed, as in 127.0.0.1:8080".to_owned())
    }
}

/// `reprise fleet`.
#[derive(Debug, Args)]
#[command(after_help = FAULTS)]
pub struct FleetArgs {
    /// How many nodes
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    pub nodes: u32,
    /// How to reach the cluster: a user that may do what all these nodes do, such as its administrator
    #[arg(long, env = "KUBECONFIG", value_name = "FILE")]
    pub kubeconfig: PathBuf,
    /// Nodes are called so, with - and a number from 0
    #[arg(long, default_value = "hollow", value_name = "NAME")]
    pub name: String,
    /// What is to happen, and when: a command a line. Commands are read from standard input too
    #[arg(long, value_name = "FILE")]
    pub script: Option<PathBuf>,
    /// For people or for programs
    #[arg(short, long, value_enum, default_value = "text")]
    pub output: Output,
}

/// `reprise cri`.
#[derive(Debug, Args)]
pub struct CriArgs {
    /// The socket to serve on
    #[arg(long, default_value = "unix:///run/reprise/cri.sock", value_name = "unix://PATH")]
    pub listen: String,
    /// Let CNI plugins make the Pods' network, as the first configuration in this folder says
    #[arg(long, value_name = "DIR")]
    pub cni_conf_dir: Option<PathBuf>,
    /// Folder of CNI plugins; can be given several times [default: /opt/cni/bin and /usr/lib/cni]
    #[arg(long, value_name = "DIR", requires = "cni_conf_dir")]
    pub cni_bin_dir: Vec<PathBuf>,
    /// The loopback address on which exec, attach and port-forward are streamed; port 0 takes any that is free
    #[arg(long, default_value = "127.0.0.1:0", value_name = "IP:PORT")]
    pub streaming_address: std::net::SocketAddr,
}

/// The programs of the demo image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Program {
    /// `setup-environment`: prepares the shared folder.
    Setup,
    /// `watcher-sidecar`: exits with 88 when training has failed.
    Watch,
    /// `main-application`: trains, keeps a checkpoint, goes on from it.
    Train,
    /// A worker of `examples/training-jobset`.
    TrainTogether,
    /// Has such a worker, the first process of this container, fail.
    FailWorker,
}
