//! `reprise cri` with a network of Debian's CNI plugins of its own.

use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reprise_cri::CriClient;
use reprise_cri::v1::*;
use reprise_testkit::leftovers::Owned;
use reprise_testkit::{Node, TESTLOAD_IMAGE};
use serde_json::{Value, json};

/// Longer than anything here takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);
/// Where the Pod answers.
pub const PORT: u16 = 7000;

pub struct Scene {
    pub node: Node,
    pub client: CriClient,
    runtime: Child,
}

/// A Pod that the test has made.
pub struct Made {
    pub sandbox: String,
    pub ips: Vec<IpAddr>,
}

impl Scene {
    /// A runtime without a network configuration so far.
    pub async fn start() -> Self {
        let node = Node::with_testload();
        std::fs::create_dir_all(node.scratch().join("conf")).unwrap();
        let runtime = spawn(&node);
        let client = CriClient::connect(&socket(&node)).unwrap();
        let scene = Self { node, client, runtime };
        scene.wait_serving().await;
        scene
    }

    async fn wait_serving(&self) {
        let serves = async || self.client.runtime().version(VersionRequest::default()).await.is_ok();
        eventually("the runtime serves", serves).await;
    }

    /// Ends the runtime as a crash does, and starts it again. `meanwhile` happens while there is none.
    pub async fn crash(&mut self, meanwhile: impl FnOnce(&Node)) {
        self.runtime.kill().unwrap();
        self.runtime.wait().unwrap();
        meanwhile(&self.node);
        self.runtime = spawn(&self.node);
        self.wait_serving().await;
    }

    /// bridge, host-local and portmap, spoken to in `version`. The bridge has the name that the node's own would have,
    /// so that it is found if it is left behind.
    pub fn configure(&self, version: &str, both_families: bool) {
        let range = |subnet: String| json!([{ "subnet": subnet }]);
        let mut ranges = vec![range(self.node.subnet())];
        let mut routes = vec![json!({ "dst": "0.0.0.0/0" })];
        if both_families {
            ranges.push(range(self.node.subnet6()));
            routes.push(json!({ "dst": "::/0" }));
        }
        let ipam = json!({ "type": "host-local", "dataDir": self.leases(), "ranges": ranges, "routes": routes });
        let bridge = json!({ "type": "bridge", "bridge": self.node.bridge(), "isGateway": true, "ipMasq": true,
            "hairpinMode": true, "ipam": ipam });
        let portmap = json!({ "type": "portmap", "capabilities": { "portMappings": true } });
        let network = json!({ "cniVersion": version, "name": self.node.bridge(), "plugins": [bridge, portmap] });
        std::fs::write(self.node.scratch().join("conf/10-test.conflist"), network.to_string()).unwrap();
    }

    /// A network of one plugin that fails at everything.
    pub fn configure_broken(&self) {
        let script = self.node.scratch().join("broken.sh");
        std::fs::write(&script, "#!/bin/sh\necho broken >&2\nexit 1\n").unwrap();
        let plugin = self.node.scratch().join("plugins/broken");
        // By a process of its own: one that this process has open for writing could not be run.
        let status = Command::new("install").args(["-D", "-m", "755"]).arg(script).arg(&plugin).status();
        assert!(status.unwrap().success());
        let network = json!({ "cniVersion": "1.0.0", "name": self.node.bridge(), "plugins": [{ "type": "broken" }] });
        std::fs::write(self.node.scratch().join("conf/10-test.conflist"), network.to_string()).unwrap();
    }

    /// Lets that plugin do nothing, without failing.
    pub fn mend(&self) {
        let plugin = self.node.scratch().join("plugins/broken");
        std::fs::remove_file(&plugin).unwrap();
        std::os::unix::fs::symlink("/bin/true", plugin).unwrap();
    }

    pub async fn sandboxes(&self) -> Vec<PodSandbox> {
        let answer = self.client.runtime().list_pod_sandbox(ListPodSandboxRequest::default()).await;
        answer.unwrap().into_inner().items
    }

    fn leases(&self) -> PathBuf {
        self.node.scratch().join("leases")
    }

    /// The addresses that the plugins have given out.
    pub fn leased(&self) -> Vec<String> {
        let folder = self.leases().join(self.node.bridge());
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries.map(|e| e.file_name().into_string().unwrap()).collect();
        names.retain(|name| !name.starts_with("last_reserved_ip") && name != "lock");
        names.sort();
        names
    }

    fn config(&self, name: &str, host_port: Option<u16>) -> PodSandboxConfig {
        let mapping = |port: u16| PortMapping {
            protocol: Protocol::Tcp.into(),
            container_port: PORT.into(),
            host_port: port.into(),
            host_ip: String::new(),
        };
        let metadata =
            PodSandboxMetadata { name: name.into(), uid: name.into(), namespace: "default".into(), attempt: 0 };
        PodSandboxConfig {
            metadata: Some(metadata),
            hostname: name.to_owned(),
            log_directory: self.node.scratch().display().to_string(),
            port_mappings: host_port.map(mapping).into_iter().collect(),
            linux: Some(LinuxPodSandboxConfig::default()),
            ..PodSandboxConfig::default()
        }
    }

    pub async fn run_sandbox(&self, name: &str, host_port: Option<u16>) -> Result<String, String> {
        let request = RunPodSandboxRequest { config: Some(self.config(name, host_port)), ..Default::default() };
        let answer = self.client.runtime().run_pod_sandbox(request).await;
        answer.map(|answer| answer.into_inner().pod_sandbox_id).map_err(|status| status.message().to_owned())
    }

    /// A Pod with a container that answers `name` on [`PORT`].
    pub async fn run(&self, name: &str, host_port: Option<u16>) -> Made {
        let sandbox = self.run_sandbox(name, host_port).await.unwrap();
        let text = PORT.to_string();
        let config = ContainerConfig {
            metadata: Some(ContainerMetadata { name: "main".into(), attempt: 0 }),
            image: Some(ImageSpec { image: TESTLOAD_IMAGE.into(), ..Default::default() }),
            args: ["answer", "tcp", text.as_str(), name, "forever"].map(str::to_owned).to_vec(),
            linux: Some(LinuxContainerConfig::default()),
            log_path: format!("{name}.log"),
            ..ContainerConfig::default()
        };
        let request = CreateContainerRequest {
            pod_sandbox_id: sandbox.clone(),
            config: Some(config),
            sandbox_config: Some(self.config(name, host_port)),
        };
        let create = self.client.runtime().create_container(request).await.unwrap().into_inner();
        let start = StartContainerRequest { container_id: create.container_id };
        self.client.runtime().start_container(start).await.unwrap();
        Made { ips: self.ips(&sandbox).await, sandbox }
    }

    pub async fn status(&self, sandbox: &str) -> PodSandboxStatus {
        let request = PodSandboxStatusRequest { pod_sandbox_id: sandbox.to_owned(), verbose: false };
        self.client.runtime().pod_sandbox_status(request).await.unwrap().into_inner().status.unwrap()
    }

    pub async fn ips(&self, sandbox: &str) -> Vec<IpAddr> {
        let network = self.status(sandbox).await.network.unwrap();
        let others = network.additional_ips.into_iter().map(|ip| ip.ip);
        std::iter::once(network.ip).chain(others).map(|ip| ip.parse().unwrap()).collect()
    }

    pub async fn stop(&self, sandbox: &str) {
        let request = StopPodSandboxRequest { pod_sandbox_id: sandbox.to_owned() };
        self.client.runtime().stop_pod_sandbox(request).await.unwrap();
    }

    pub async fn remove(&self, sandbox: &str) {
        let request = RemovePodSandboxRequest { pod_sandbox_id: sandbox.to_owned() };
        self.client.runtime().remove_pod_sandbox(request).await.unwrap();
    }

    /// Whether the runtime says that Pods can have a network, and why not.
    pub async fn network_ready(&self) -> (bool, String) {
        let answer = self.client.runtime().status(StatusRequest::default()).await.unwrap().into_inner();
        let conditions = answer.status.unwrap().conditions;
        let network = conditions.into_iter().find(|c| c.r#type == "NetworkReady").unwrap();
        (network.status, network.message)
    }

    /// The only sandbox's shim.
    pub fn shim(&self) -> Owned {
        let mut all = self.node.processes().into_iter().filter(|p| p.command.contains("__shim"));
        let shim = all.next().unwrap();
        assert!(all.next().is_none(), "there are several shims");
        shim
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.runtime.kill().ok();
        self.runtime.wait().ok();
        // Plugins leave the bridge, by design.
        Command::new("ip").args(["link", "delete", &self.node.bridge()]).output().ok();
        remove_masquerade(&self.node.bridge());
    }
}

/// Debian's bridge plugin leaves its masquerade rules behind when a network is taken back whose namespace is gone already. They
/// are for addresses that other tests get next, and keep our own rules from being reached.
fn remove_masquerade(bridge: &str) {
    for program in ["iptables", "ip6tables"] {
        let script = format!(
            r#"{program} -w -t nat -S POSTROUTING | grep -F '\"{bridge}\"' | while read -r rule; do
                chain=${{rule##* }}
                eval "{program} -w -t nat -D ${{rule#-A }}"
                {program} -w -t nat -F "$chain"
                {program} -w -t nat -X "$chain"
            done"#
        );
        Command::new("sh").args(["-c", &script]).output().ok();
    }
}

fn socket(node: &Node) -> PathBuf {
    node.scratch().join("cri.sock")
}

fn spawn(node: &Node) -> Child {
    let log = std::fs::File::options().create(true).append(true).open(node.scratch().join("runtime.log")).unwrap();
    let listen = format!("unix://{}", socket(node).display());
    let conf = node.scratch().join("conf");
    let mut command = node.command();
    let plugins = node.scratch().join("plugins");
    command.args(["cri", "--listen", &listen, "--cni-conf-dir"]).arg(conf);
    command.arg("--cni-bin-dir").arg(plugins).args(["--cni-bin-dir", "/usr/lib/cni"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap()
}

/// What the runtime has said so far.
pub fn log(node: &Node) -> String {
    std::fs::read_to_string(node.scratch().join("runtime.log")).unwrap()
}

/// What answers there, if something does.
pub fn ask(ip: IpAddr, port: u16) -> Option<String> {
    let mut stream = TcpStream::connect_timeout(&SocketAddr::new(ip, port), Duration::from_secs(5)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut stream, &mut answer).ok()?;
    Some(answer)
}

/// Looks until it is so.
pub async fn eventually(what: &str, is_so: impl AsyncFn() -> bool) {
    let end = Instant::now() + LIMIT;
    while !is_so().await {
        assert!(Instant::now() < end, "waited {LIMIT:?} until {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Runs a program in the network namespace of a process.
pub fn in_network_of(pid: i32, command: &[&str]) -> String {
    let output = Command::new("nsenter").args(["-t", &pid.to_string(), "-n"]).args(command).output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The names of the network interfaces that a process sees.
pub fn links_of(pid: i32) -> String {
    in_network_of(pid, &["ip", "-brief", "link"])
}

/// The attachments that the runtime has on record.
pub fn records(data_dir: &Path) -> Vec<Value> {
    let entries = std::fs::read_dir(data_dir.join("runtime/cni")).into_iter().flatten().flatten();
    entries.map(|e| serde_json::from_slice(&std::fs::read(e.path()).unwrap()).unwrap()).collect()
}
