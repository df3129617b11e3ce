//! `reprise up` for one test, and kubectl pointed at it.

use std::cell::Cell;
use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Instant;

use reprise_testkit::image::TestImage;
use reprise_testkit::{Answer, Node};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::scene::{LIMIT, settings};

/// Seconds that a call of kubectl may take. Longer than anything here takes on a busy machine.
const SECONDS: &str = "90";

/// Which kubectl.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// That of the current Debian, 1.32.
    Stable,
    /// That of the next one, 1.36.
    Newer,
}

impl Release {
    fn program(self) -> PathBuf {
        let variable = match self {
            Self::Stable => "REPRISE_KUBECTL",
            Self::Newer => "REPRISE_NEWER_KUBECTL",
        };
        let program = PathBuf::from(env::var_os(variable).unwrap_or_default()).join("kubectl");
        assert!(program.is_file(), "no {}: run `cargo xtask test`, which sets {variable}", program.display());
        program
    }
}

/// A running `reprise up`.
pub struct Cluster {
    // Ends before the node, which then finds nothing left running.
    up: Up,
    pub node: Node,
    kubectl: PathBuf,
    files: Cell<u32>,
    /// What `up` was started with.
    arguments: Vec<String>,
}

struct Up {
    child: Child,
    kubeconfig: PathBuf,
}

impl Up {
    /// Starts it, always at the same address for a node, and waits until it serves.
    fn start(node: &Node, arguments: &[String]) -> Self {
        let mut command = node.command();
        let address = format!("127.0.0.1:{}", node.host_port(0));
        command.args(["up", "--listen", &address]).args(arguments).env("REPRISE_CONFIG", settings(node));
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = lines(child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let mut up = Self { child, kubeconfig: PathBuf::new() };
        up.kubeconfig = PathBuf::from(said(&lines, |line| line.strip_prefix("export KUBECONFIG=").map(str::to_owned)));
        if !arguments.iter().any(|argument| argument == "--no-node") {
            said(&lines, |line| (line.starts_with("node ") && line.ends_with(" is ready")).then_some(()));
        }
        up
    }

    fn end(&mut self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).ok();
        self.child.wait().ok();
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        self.end(Signal::INT);
    }
}

impl Cluster {
    /// The API alone.
    pub fn api(release: Release) -> Self {
        Self::start(release, Node::new(), &["--no-node"])
    }

    /// With a node that has the test workload and busybox, and is ready.
    pub fn with_node(release: Release) -> Self {
        Self::with_node_config(release, |_| String::new())
    }

    /// The same with settings in the kubelet's format, from what the node is.
    pub fn with_node_config(release: Release, fields: impl FnOnce(&Node) -> String) -> Self {
        let node = Node::with_testload();
        node.import(&TestImage::busybox().unwrap());
        let file = node.scratch().join("kubelet.yaml");
        let head = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n";
        // How full the machine's disk is must not matter.
        let head = format!("{head}evictionHard: {{memory.available: 1Mi, nodefs.available: 1Mi}}\n");
        fs::write(&file, format!("{head}{}", fields(&node))).unwrap();
        let cluster = Self::start(release, node, &["--config", file.to_str().unwrap()]);
        cluster.ok(&["wait", "--for=create", "serviceaccount/default", "--timeout=60s"]);
        cluster
    }

    /// `up` with these arguments.
    pub fn start(release: Release, node: Node, arguments: &[&str]) -> Self {
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let up = Up::start(&node, &arguments);
        Self { up, node, kubectl: release.program(), files: Cell::new(0), arguments }
    }

    /// Kills it as a crash does, and starts it again after this.
    pub fn crash(&mut self, then: impl FnOnce(&Node)) {
        self.start_again_after(Signal::KILL, then);
    }

    /// Ends it as Ctrl-C does, and starts it again after this.
    pub fn interrupt(&mut self, then: impl FnOnce(&Node)) {
        self.start_again_after(Signal::INT, then);
    }

    fn start_again_after(&mut self, signal: Signal, then: impl FnOnce(&Node)) {
        self.up.end(signal);
        then(&self.node);
        self.up = Up::start(&self.node, &self.arguments);
    }

    /// kubectl with these arguments, to be started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("timeout");
        command.args(["--foreground", SECONDS]).arg(&self.kubectl).args(arguments);
        command.env("KUBECONFIG", &self.up.kubeconfig).env("HOME", self.node.scratch()).env_remove("TERM");
        command.stdin(Stdio::null());
        command
    }

    /// kubectl with these arguments, to its end.
    pub fn kubectl(&self, arguments: &[&str]) -> Answer {
        let output = self.command(arguments).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Answer { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// What it printed; it must succeed.
    #[track_caller]
    pub fn ok(&self, arguments: &[&str]) -> String {
        let answer = self.kubectl(arguments);
        assert_eq!(answer.code, Some(0), "kubectl {arguments:?}: {answer:#?}");
        answer.stdout
    }

    /// Requires success and exactly this, and the end of the line.
    #[track_caller]
    pub fn says(&self, arguments: &[&str], expected: &str) {
        let said = self.ok(arguments);
        assert_eq!(said.trim_end_matches('\n'), expected, "kubectl {arguments:?}");
    }

    /// Requires exit status 1, and this in what it says about why.
    #[track_caller]
    pub fn fails(&self, arguments: &[&str], why: &str) {
        let answer = self.kubectl(arguments);
        assert_eq!(answer.code, Some(1), "kubectl {arguments:?}: {answer:#?}");
        assert!(answer.stderr.contains(why), "kubectl {arguments:?}: no {why:?} in {answer:#?}");
    }

    /// An object, or a list, as JSON.
    #[track_caller]
    pub fn json(&self, arguments: &[&str]) -> Value {
        let said = self.ok(&[arguments, &["-o", "json"]].concat());
        serde_json::from_str(&said).unwrap()
    }

    /// One field, by JSON path.
    #[track_caller]
    pub fn field(&self, object: &str, path: &str) -> String {
        self.ok(&["get", object, "-o", &format!("jsonpath={{{path}}}")])
    }

    /// The words of each line of a table, the headline first.
    #[track_caller]
    pub fn table(&self, arguments: &[&str]) -> Vec<Vec<String>> {
        words(&self.ok(arguments))
    }

    /// Writes a manifest. The path is one that stays for the test. What begins with a brace would be JSON for kubectl.
    pub fn file(&self, manifest: &str) -> String {
        let number = self.files.replace(self.files.get() + 1);
        let file = self.scratch().join(format!("object-{number}.yaml"));
        fs::write(&file, format!("---\n{manifest}")).unwrap();
        file.to_str().unwrap().to_owned()
    }

    /// Where its kubeconfig is.
    pub fn kubeconfig(&self) -> &Path {
        &self.up.kubeconfig
    }

    /// A folder for files of the test.
    pub fn scratch(&self) -> &Path {
        self.node.scratch()
    }
}

/// The words of each line.
pub fn words(text: &str) -> Vec<Vec<String>> {
    text.lines().map(|line| line.split_whitespace().map(str::to_owned).collect()).collect()
}

/// The lines of both outputs as they come.
pub fn lines(stdout: impl Read + Send + 'static, stderr: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    let pipes: [Box<dyn Read + Send>; 2] = [Box::new(stdout), Box::new(stderr)];
    for pipe in pipes {
        let sender = sender.clone();
        thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                // Nobody listens any more once the start is seen; what comes then must still be read.
                sender.send(line).ok();
            }
        });
    }
    receiver
}

/// Waits for a line that says this.
pub fn said<T>(lines: &Receiver<String>, what: impl Fn(&str) -> Option<T>) -> T {
    let end = Instant::now() + LIMIT;
    let mut said = String::new();
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let line = lines.recv_timeout(left).unwrap_or_else(|error| panic!("it did not start ({error}):\n{said}"));
        if let Some(found) = what(&line) {
            return found;
        }
        said += &format!("{line}\n");
    }
}
