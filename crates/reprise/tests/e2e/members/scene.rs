//! An API and two nodes, each with its own data folder, bridge and subnet.

use std::fmt::Debug;
use std::fs::{self, File};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::batch::v1::{Job, JobStatus};
use k8s_openapi::api::core::v1::{Node as NodeObject, Pod};
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config, Resource};
use reprise_testkit::{Node, node_calls};
use rustix::process::{Pid, Signal, kill_process};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::network::Island;
use crate::scene::eventually;

pub struct Members {
    agents: Vec<Agent>,
    up: Child,
    api: Node,
    island: Island,
    client: Client,
    runtime: Runtime,
}

/// A node and its agent.
struct Agent {
    child: Option<Child>,
    name: String,
    kubeconfig: PathBuf,
    /// Where it serves the kubelet's API.
    address: String,
    log: PathBuf,
    is_inside: bool,
    node: Node,
}

/// A Pod that runs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Running {
    pub name: String,
    pub uid: String,
    pub node: String,
    pub restarts: i32,
}

impl Members {
    pub fn start() -> Self {
        let api = Node::new();
        let island = Island::new(api.host_port(0) % 16_000);
        let mut command = api.command();
        command.args(["up", "--no-node", "--listen", &format!("{}:{}", island.host, api.host_port(0))]);
        command.arg("--audit-log").arg(api.scratch().join("audit.jsonl"));
        let log = File::create(api.scratch().join("up.log")).unwrap();
        let up = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let admin = api.data_dir().join("kubeconfig");
        eventually("the API has a kubeconfig", || admin.exists().then_some(()));
        let runtime = Runtime::new().unwrap();
        let client = runtime.block_on(client(&admin));
        fs::create_dir_all(api.scratch().join("ctl")).unwrap();
        let places = [(island.host, false), (island.inside, true)];
        let agents = places.iter().enumerate().map(|(n, place)| agent(&api, n, *place)).collect();
        let mut members = Self { agents, up, api, island, client, runtime };
        (0..2).for_each(|n| members.start_agent(n));
        eventually("both nodes are ready", || (members.ready_nodes() == 2).then_some(()));
        members
    }

    pub fn ctl(&self) -> PathBuf {
        self.api.scratch().join("ctl")
    }

    /// The object with the shared folder as the volume `ctl` of its Pod, whose spec is at `place`.
    pub fn with_ctl(&self, mut object: Value, place: &str) -> Value {
        let volume = json!({"name": "ctl", "hostPath": {"path": self.ctl(), "type": "Directory"}});
        object.pointer_mut(place).unwrap()["volumes"].as_array_mut().unwrap().push(volume);
        object
    }

    pub fn create<K>(&self, object: Value)
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Serialize + Debug,
    {
        let (object, api): (K, Api<K>) =
            (serde_json::from_value(object).unwrap(), Api::default_namespaced(self.client.clone()));
        // The default service account may be a moment away.
        eventually("it is taken in", || self.runtime.block_on(api.create(&PostParams::default(), &object)).ok());
    }

    /// All Pods with this label if there are so many and all run.
    pub fn running(&self, label: &str, count: usize) -> Option<Vec<Running>> {
        let pods = self.pods(label)?;
        let running = |pod: &Pod| pod.status.as_ref().is_some_and(|status| status.phase.as_deref() == Some("Running"));
        (pods.len() == count && pods.iter().all(running)).then(|| {
            let mut all: Vec<Running> = pods.iter().map(of).collect();
            all.sort();
            all
        })
    }

    fn pods(&self, label: &str) -> Option<Vec<Pod>> {
        let api: Api<Pod> = Api::default_namespaced(self.client.clone());
        self.runtime.block_on(api.list(&ListParams::default().labels(label))).ok().map(|list| list.items)
    }

    pub fn ready_nodes(&self) -> usize {
        let api: Api<NodeObject> = Api::all(self.client.clone());
        let nodes = self.runtime.block_on(api.list(&ListParams::default())).map(|list| list.items).unwrap_or_default();
        let is_ready = |node: &&NodeObject| {
            let conditions = node.status.iter().flat_map(|status| status.conditions.iter().flatten());
            conditions.into_iter().any(|c| c.type_ == "Ready" && c.status == "True")
        };
        nodes.iter().filter(is_ready).count()
    }

    pub fn job_status(&self) -> Option<JobStatus> {
        let api: Api<Job> = Api::default_namespaced(self.client.clone());
        self.runtime.block_on(api.get("job")).ok()?.status
    }

    pub fn delete_all(&self, label: &str) {
        let api: Api<Pod> = Api::default_namespaced(self.client.clone());
        for pod in self.pods(label).unwrap() {
            let name = pod.metadata.name.unwrap();
            self.runtime.block_on(api.delete(&name, &DeleteParams::default())).unwrap();
        }
    }

    /// Lets the Pods of the Job end.
    pub fn let_go(&self) {
        fs::write(self.ctl().join("go"), "").unwrap();
    }

    pub fn start_agent(&mut self, n: usize) {
        let agent = &mut self.agents[n];
        let mut command = agent.node.command();
        command.args(["node", "--node-name", &agent.name, "--kubelet-address", &agent.address, "--log-level", "info"]);
        command.arg("--kubeconfig").arg(&agent.kubeconfig);
        let mut command = if agent.is_inside { self.island.command(&command) } else { command };
        let log = File::options().create(true).append(true).open(&agent.log).unwrap();
        agent.child = Some(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap());
    }

    pub fn kill_agent(&mut self, n: usize) {
        end(self.agents[n].child.take(), Signal::KILL);
    }

    pub fn cut_off(&self, n: usize) {
        assert!(self.agents[n].is_inside);
        self.island.cut_off(true);
    }

    pub fn restore(&self, n: usize) {
        assert!(self.agents[n].is_inside);
        self.island.cut_off(false);
    }

    /// Whether a Pod of the Job has ended on a node that can't tell.
    pub fn has_ended_unseen(&self, n: usize) -> Option<()> {
        let pods = self.agents[n].node.verb(&["ps", "-o", "json"]).ok().json();
        let of_job = |pod: &Value| pod["pod"].as_str().is_some_and(|name| name.contains("job-"));
        let mut of_job = pods.as_array()?.iter().filter(|pod| of_job(pod));
        of_job.any(|pod| pod["status"]["phase"] == "Succeeded").then_some(())
    }

    /// What the API refused the nodes.
    pub fn refusals(&self) -> Vec<String> {
        let logs = self.agents.iter().map(|agent| fs::read_to_string(&agent.log).unwrap());
        let lines: Vec<String> = logs.flat_map(|log| log.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
        lines.into_iter().filter(|line| line.contains("Forbidden") || line.contains("(403")).collect()
    }

    /// How many calls nodes have made, and those that no node may make.
    pub fn node_calls(&self) -> (usize, Vec<String>) {
        node_calls::forbidden(&fs::read_to_string(self.api.scratch().join("audit.jsonl")).unwrap())
    }

    /// Ends everything, and requires that nothing is left.
    pub fn end(mut self) {
        for n in 0..self.agents.len() {
            end(self.agents[n].child.take(), Signal::INT);
            let mut remove = self.agents[n].node.command();
            remove.args(["rm", "--all"]);
            let mut remove = if self.agents[n].is_inside { self.island.command(&remove) } else { remove };
            assert!(remove.status().unwrap().success());
        }
    }
}

impl Drop for Members {
    fn drop(&mut self) {
        for agent in &mut self.agents {
            end(agent.child.take(), Signal::INT);
            if std::thread::panicking() {
                eprintln!("{}:\n{}", agent.name, fs::read_to_string(&agent.log).unwrap_or_default());
            }
        }
        kill_process(Pid::from_child(&self.up), Signal::INT).ok();
        self.up.wait().ok();
    }
}

fn of(pod: &Pod) -> Running {
    let (metadata, spec) = (pod.metadata.clone(), pod.spec.clone().unwrap_or_default());
    let statuses = pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
    Running {
        name: metadata.name.unwrap_or_default(),
        uid: metadata.uid.unwrap_or_default(),
        node: spec.node_name.unwrap_or_default(),
        restarts: statuses.map(|container| container.restart_count).sum(),
    }
}

fn agent(api: &Node, n: usize, (ip, is_inside): (Ipv4Addr, bool)) -> Agent {
    let (name, node) = (format!("node-{n}"), Node::with_testload());
    let kubeconfig = node.scratch().join("kubeconfig");
    fs::write(&kubeconfig, api.verb(&["kubeconfig", "--node", &name]).ok().stdout).unwrap();
    let address = format!("{ip}:{}", node.host_port(0));
    let log = node.scratch().join("agent.log");
    Agent { child: None, name, kubeconfig, address, log, is_inside, node }
}

async fn client(kubeconfig: &Path) -> Client {
    let file = Kubeconfig::read_from(kubeconfig).unwrap();
    let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.unwrap();
    Client::try_from(config).unwrap()
}

fn end(child: Option<Child>, signal: Signal) {
    let Some(mut child) = child else { return };
    kill_process(Pid::from_child(&child), signal).ok();
    child.wait().ok();
}
