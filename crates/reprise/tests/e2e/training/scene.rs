//! An API, two nodes with Pod networks of their own on this machine, and the training JobSet.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reprise_testkit::Node;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::members::network::Island;
use crate::scene::{eventually, settings};

const WORKERS: usize = 8;
/// Enough that training goes on over all that happens to it.
const STEPS: u64 = 200;
/// A recovery on a machine with other tests.
const LIMIT: Duration = Duration::from_secs(120);
const SELECTOR: &str = "jobset.sigs.k8s.io/jobset-name=training";

pub struct Training {
    up: Child,
    agents: Vec<Agent>,
    api: Node,
    /// A link of this machine for addresses that Pods reach.
    _island: Island,
}

struct Agent {
    name: String,
    child: Option<Child>,
    log: PathBuf,
    node: Node,
}

/// A worker's Pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worker {
    pub name: String,
    pub uid: String,
    pub node: String,
}

/// The Pods of all workers, by their index.
#[derive(Debug, Clone)]
pub struct Workers {
    pub pods: Vec<Worker>,
}

impl Workers {
    pub fn nodes(&self) -> BTreeSet<&str> {
        self.pods.iter().map(|pod| pod.node.as_str()).collect()
    }

    pub fn on(&self, node: &str) -> BTreeSet<usize> {
        self.pods.iter().enumerate().filter(|(_, pod)| pod.node == node).map(|(index, _)| index).collect()
    }

    /// The indexes whose Pod is another one in `later`.
    pub fn others_than(&self, later: &Self) -> BTreeSet<usize> {
        let pairs = self.pods.iter().zip(&later.pods).enumerate();
        pairs.filter(|(_, (before, after))| before.uid != after.uid).map(|(index, _)| index).collect()
    }
}

impl Training {
    pub fn start() -> Self {
        let api = Node::new();
        let island = Island::new(api.host_port(0) % 16_000);
        let mut command = api.command();
        let address = format!("{}:{}", island.host, api.host_port(0));
        command.args(["up", "--no-node", "--listen", &address, "--dns-listen", &island.host.to_string()]);
        let log = File::create(api.scratch().join("up.log")).unwrap();
        let up = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let admin = api.data_dir().join("kubeconfig");
        eventually("the API has a kubeconfig", || admin.exists().then_some(()));
        let agents = (0..2).map(|n| Agent::start(&api, n, &island)).collect();
        let training = Self { up, agents, api, _island: island };
        eventually("both nodes are ready", || {
            let ready = training.ask(&["wait", "--for=condition=Ready", "node/node-0", "node/node-1", "--timeout=1s"]);
            ready.is_some().then_some(())
        });
        training.create();
        training
    }

    fn create(&self) {
        let repository = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
        let text = fs::read_to_string(repository.join("examples/training-jobset/jobset.yaml")).unwrap();
        let longer = text.replace("{name: STEPS, value: \"120\"}", &format!("{{name: STEPS, value: \"{STEPS}\"}}"));
        assert_ne!(longer, text);
        let file = self.api.scratch().join("jobset.yaml");
        fs::write(&file, longer).unwrap();
        let agent = repository.join("deploy/restart-agent.yaml");
        self.ok(&["apply", "-f", agent.to_str().unwrap(), "-f", file.to_str().unwrap()]);
    }

    /// Waits until all workers have reached this attempt, and run.
    pub fn in_step(&self, attempt: u64) -> Workers {
        let end = Instant::now() + LIMIT;
        loop {
            if let Some(workers) = self.all_at(attempt) {
                return workers;
            }
            assert!(Instant::now() < end, "attempt {attempt}: {}", self.ask(&["describe", "jobset,job,pod"]).unwrap());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn all_at(&self, attempt: u64) -> Option<Workers> {
        let status = self.job_set()["status"].clone();
        if status["currentInPlaceRestartAttempt"].as_u64() != Some(attempt) {
            return None;
        }
        let list: Value = serde_json::from_str(&self.ask(&["get", "pod", "-l", SELECTOR, "-o", "json"])?).unwrap();
        let mut pods: Vec<(usize, Worker)> = Vec::new();
        for pod in list["items"].as_array().unwrap() {
            let worker = &pod["status"]["containerStatuses"][0];
            if worker["state"]["running"].is_null() || !pod["metadata"]["deletionTimestamp"].is_null() {
                return None;
            }
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let index = text(&pod["metadata"]["annotations"]["batch.kubernetes.io/job-completion-index"]);
            let metadata = &pod["metadata"];
            let worker = Worker {
                name: text(&metadata["name"]),
                uid: text(&metadata["uid"]),
                node: text(&pod["spec"]["nodeName"]),
            };
            pods.push((index.parse().unwrap(), worker));
        }
        pods.sort_by_key(|(index, _)| *index);
        let is_whole = pods.iter().map(|(index, _)| *index).eq(0..WORKERS);
        is_whole.then(|| Workers { pods: pods.into_iter().map(|(_, pod)| pod).collect() })
    }

    /// The step that all workers have their checkpoint of.
    pub fn step(&self, workers: &Workers) -> u64 {
        let of = |pod: &Worker| {
            let folder = self.agent(&pod.node).node.data_dir().join("pods").join(&pod.uid);
            let text = fs::read_to_string(folder.join("volumes/kubernetes.io~empty-dir/checkpoint/model"));
            text.ok().and_then(|text| text.lines().next()?.parse().ok()).unwrap_or(0)
        };
        workers.pods.iter().map(of).min().unwrap()
    }

    /// Waits until all have the checkpoint of this step; the one that they have.
    pub fn reaches(&self, workers: &Workers, step: u64) -> u64 {
        eventually("training goes on", || Some(self.step(workers)).filter(|reached| *reached >= step))
    }

    /// The step from which all workers have said that they train.
    pub fn began_at(&self, workers: &Workers) -> u64 {
        let begins: BTreeSet<u64> = workers.pods.iter().map(|pod| self.begin_of(pod)).collect();
        assert_eq!(begins.len(), 1, "all begin at the same step: {begins:?}");
        begins.into_iter().next().unwrap()
    }

    fn begin_of(&self, pod: &Worker) -> u64 {
        eventually("the worker trains", || {
            let log = self.ask(&["logs", &pod.name, "-c", "worker"])?;
            let (_, rest) = log.split_once("training from step ")?;
            rest.split(' ').next()?.parse().ok()
        })
    }

    pub fn exec_fail_worker(&self, pod: &Worker) {
        self.ok(&["exec", &pod.name, "-c", "worker", "--", "/reprise", "workload", "fail-worker"]);
    }

    /// What the restart agents take: the bytes of the program, and the most that one has in memory.
    pub fn agents(&self, workers: &Workers) -> (u64, u64) {
        let pids = workers.pods.iter().map(|pod| process_of(pod, "/restart-agent"));
        let memory = pids.map(|pid| {
            let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
            let resident = rollup.lines().find_map(|line| line.strip_prefix("Rss:")).unwrap();
            let size = fs::metadata(format!("/proc/{pid}/exe")).unwrap().len();
            (size, resident.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10)
        });
        memory.max().unwrap()
    }

    pub fn kill_process_of(&self, pod: &Worker) {
        kill_process(Pid::from_raw(process_of(pod, "train-together")).unwrap(), Signal::KILL).unwrap();
    }

    pub fn delete_pod(&self, pod: &Worker) {
        self.ok(&["delete", "pod", &pod.name, "--wait=false"]);
    }

    /// The machine is gone: no process of it goes on, and its cloud's controller deletes the Node.
    pub fn lose_node(&mut self, n: usize) {
        let agent = &mut self.agents[n];
        agent.node.observe();
        end(agent.child.take(), Signal::KILL);
        eventually("all its processes are dead", || {
            let left = agent.node.processes();
            left.iter().for_each(reprise_testkit::leftovers::Owned::kill);
            left.is_empty().then_some(())
        });
        let name = agent.name.clone();
        self.ok(&["delete", "node", &name]);
    }

    pub fn completes(&self) {
        self.ok(&["wait", "--for=condition=Completed", "jobset/training", "--timeout=120s"]);
    }

    pub fn restarts(&self) -> u64 {
        self.job_set()["status"]["restarts"].as_u64().unwrap_or(0)
    }

    /// What each worker's last line says.
    pub fn results(&self) -> Vec<String> {
        let names = self.ok(&["get", "pod", "-l", SELECTOR, "-o", "jsonpath={.items[*].metadata.name}"]);
        let results: Vec<String> =
            names.split(' ').map(|name| last_line(&self.ok(&["logs", name, "-c", "worker"]))).collect();
        assert_eq!(results.len(), WORKERS);
        results
    }

    /// What one worker says that trains alone.
    pub fn alone(&self) -> String {
        let mut command = self.api.command();
        command.args(["workload", "train-together"]);
        command.env("STEPS", STEPS.to_string()).env("STEP_MILLISECONDS", "0");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        last_line(&String::from_utf8(output.stdout).unwrap())
    }

    /// Ends everything, and requires that nothing is left.
    pub fn end(mut self) {
        self.ok(&["delete", "jobset/training", "--timeout=60s"]);
        for agent in &mut self.agents {
            end(agent.child.take(), Signal::INT);
            let _ = agent.node.verb(&["rm", "--all"]).ok();
        }
    }

    fn agent(&self, name: &str) -> &Agent {
        self.agents.iter().find(|agent| agent.name == name).unwrap()
    }

    fn job_set(&self) -> Value {
        let text = self.ask(&["get", "jobset", "training", "-o", "json"]);
        text.map(|text| serde_json::from_str(&text).unwrap()).unwrap_or_default()
    }

    /// kubectl; none if it fails.
    fn ask(&self, arguments: &[&str]) -> Option<String> {
        let output = self.kubectl(arguments).output().unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
    }

    #[track_caller]
    fn ok(&self, arguments: &[&str]) -> String {
        let output = self.kubectl(arguments).output().unwrap();
        assert!(output.status.success(), "kubectl {arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn kubectl(&self, arguments: &[&str]) -> Command {
        let program = PathBuf::from(std::env::var_os("REPRISE_NEWER_KUBECTL").unwrap_or_default()).join("kubectl");
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env("KUBECONFIG", self.api.data_dir().join("kubeconfig"))
            .env("HOME", self.api.scratch());
        command.stdin(Stdio::null());
        command
    }
}

impl Agent {
    fn start(api: &Node, n: usize, island: &Island) -> Self {
        let (name, node) = (format!("node-{n}"), Node::new());
        let _ = node.verb(&["image", "demo"]).ok();
        let kubeconfig = node.scratch().join("kubeconfig");
        fs::write(&kubeconfig, api.verb(&["kubeconfig", "--node", &name]).ok().stdout).unwrap();
        let (address, dns) = (format!("{}:{}", island.host, node.host_port(0)), island.host.to_string());
        let mut command = node.command();
        command.args(["node", "--node-name", &name, "--kubelet-address", &address, "--cluster-dns", &dns]);
        command.arg("--kubeconfig").arg(&kubeconfig).env("REPRISE_CONFIG", settings(&node));
        let log = node.scratch().join("agent.log");
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log).unwrap()).spawn();
        Self { name, child: Some(child.unwrap()), log, node }
    }
}

impl Drop for Training {
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

/// The process of the Pod with this in its command line.
fn process_of(pod: &Worker, command: &str) -> i32 {
    let is_it = |pid: i32| {
        let read = |name: &str| fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
        let text = |name: &str| String::from_utf8_lossy(&read(name)).into_owned();
        text("cmdline").contains(command) && text("cgroup").contains(&pod.uid)
    };
    let all = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    let pids: Vec<i32> = all.filter(|pid| is_it(*pid)).collect();
    assert_eq!(pids.len(), 1, "{command} of {pod:?}");
    pids[0]
}

fn last_line(text: &str) -> String {
    text.lines().last().unwrap_or_default().to_owned()
}

fn end(child: Option<Child>, signal: Signal) {
    let Some(mut child) = child else { return };
    kill_process(Pid::from_child(&child), signal).ok();
    child.wait().ok();
}
