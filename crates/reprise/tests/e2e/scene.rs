//! What the end-to-end tests share: a node with a Pod running on it, and what is the same before and after a restart.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use reprise_testkit::manifest::{Container, Pod};
use reprise_testkit::{Node, Run};
use serde_json::Value;

/// Longer than anything here takes on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(60);

/// A node, a Pod on it, and a folder that the test and the Pod's containers share as `/ctl`.
pub struct Scene {
    // Dropped before the node, which then finds nothing left running.
    pub run: Run,
    pub node: Node,
}

/// A Pod with the emptyDir `/data` and the shared folder `/ctl` to mount.
pub fn pod(node: &Node, name: &str) -> Pod {
    let ctl = ctl(node);
    std::fs::create_dir_all(&ctl).unwrap();
    Pod::new(name).empty_dir("data").host_path("ctl", &ctl)
}

pub fn ctl(node: &Node) -> PathBuf {
    node.scratch().join("ctl")
}

/// Settings for a node with Pods from an API: that the disk of the machine that tests run on is nearly full is no pressure.
pub fn settings(node: &Node) -> PathBuf {
    let file = node.scratch().join("settings.yaml");
    let text = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n\
                evictionHard: {nodefs.available: 1Mi, imagefs.available: 1Mi}\nimageGCHighThresholdPercent: 100\n";
    std::fs::write(&file, text).unwrap();
    file
}

/// A container with both folders mounted. Every run counts itself in `/data/<name>` first.
pub fn container(name: &str, steps: &[&str]) -> Container {
    let count = format!("/data/{name}");
    let steps: Vec<&str> = ["count", count.as_str()].into_iter().chain(steps.iter().copied()).collect();
    Container::new(name, &steps).mount("data", "/data").mount("ctl", "/ctl")
}

/// A container that waits for `/ctl/<file>` and exits with `code` in its first run, and runs on in later ones.
pub fn fails_once(name: &str, file: &str, code: &str) -> Container {
    let (count, file) = (format!("/data/{name}"), format!("/ctl/{file}"));
    container(name, &["wait-file", &file, "exit-if", &count, "eq", "1", code, "forever"])
}

impl Scene {
    pub fn start(node: Node, pod: Value) -> Self {
        Self::start_with(node, pod, &[])
    }

    pub fn start_with(node: Node, pod: Value, arguments: &[&str]) -> Self {
        let command = arguments.iter().fold(node.run(&[pod]), |command, argument| command.arg(argument));
        Self { run: command.start(), node }
    }

    /// Lets containers that wait for `/ctl/<file>` go on.
    pub fn signal(&self, file: &str) {
        std::fs::write(ctl(&self.node).join(file), "").unwrap();
    }

    /// Waits until the Pod is Ready in `epoch` and its containers have counted themselves.
    pub fn wait_ready(&mut self, epoch: u64) {
        self.run.wait_for(&format!("Ready in epoch {epoch}"), LIMIT, |e| e.is("PodReady") && e.epoch == epoch);
        wait_counted(&self.node);
    }

    /// Waits until the Pod is Ready in `epoch`, after restarts, and checks what R4 promises: one sandbox and one UID
    /// throughout, an emptyDir that has counted every run of every container, and the log of the run before.
    pub fn wait_restarted(&mut self, epoch: u64) -> Value {
        self.wait_ready(epoch);
        let pod = self.pod();
        let events = self.run.events();
        let sandboxes: Vec<_> = events.iter().filter(|e| e.is("SandboxReady")).map(|e| (&e.sandbox, &e.ip)).collect();
        let text = |field: &str| pod[field].as_str().map(str::to_owned);
        assert_eq!(sandboxes, [(&text("sandbox"), &text("ip"))], "R4: the sandbox or its address changed");
        assert!(events.iter().all(|e| Some(&e.uid) == text("uid").as_ref()), "R4: the UID changed");
        let of = |list: &str| pod["status"][list].as_array().cloned().unwrap_or_default();
        for status in of("initContainerStatuses").iter().chain(&of("containerStatuses")) {
            let name = status["name"].as_str().unwrap();
            let restarts = status["restartCount"].as_u64().unwrap();
            self.check_count(name, restarts + 1, false);
            if restarts > 0 {
                self.check_count(name, restarts, true);
            }
        }
        pod
    }

    /// The same for a Pod that has been Ready again already, and that was this before.
    pub fn wait_restarted_as_before(&mut self, before: &Identity) {
        wait_counted(&self.node);
        assert_eq!(&self.identity("main"), before, "R4: something changed");
    }

    /// The first line of the container's log says how many runs the emptyDir has counted.
    fn check_count(&self, container: &str, count: u64, previous: bool) {
        let log = self.node.logs("worker", container, previous);
        assert_eq!(log.lines().next(), Some(format!("count {count}").as_str()), "{container}, previous: {previous}");
    }

    /// The only Pod as `reprise ps -o json` shows it.
    pub fn pod(&self) -> Value {
        let pods = self.node.verb(&["ps", "-o", "json"]).ok().json();
        pods[0].clone()
    }

    /// What an in-place restart must not change (R4), and how often each container counted itself in the emptyDir.
    pub fn identity(&self, container: &str) -> Identity {
        let pod = self.pod();
        let text = |field: &str| pod[field].as_str().unwrap_or_else(|| panic!("no {field} in {pod:#}")).to_owned();
        let namespaces = self.node.exec(&text("pod"), container, &["/testload", "namespaces"]).ok().stdout;
        let namespace = namespaces.lines().find(|line| line.starts_with("net ")).unwrap().to_owned();
        Identity { uid: text("uid"), ip: text("ip"), sandbox: text("sandbox"), namespace }
    }
}

/// A container runs from its first instruction on, which is a little before it has counted itself: waits until all
/// that run have. They must have been made by [`container`].
pub fn wait_counted(node: &Node) {
    let pods = node.verb(&["ps", "-o", "json"]).ok().json();
    for pod in pods.as_array().unwrap() {
        let of = |list: &str| pod["status"][list].as_array().cloned().unwrap_or_default();
        for status in of("initContainerStatuses").iter().chain(&of("containerStatuses")) {
            let name = status["name"].as_str().unwrap();
            if status["state"]["running"].is_object() {
                let log = || Some(node.logs(pod["pod"].as_str().unwrap(), name, false)).filter(|log| !log.is_empty());
                eventually(&format!("{name} has counted itself"), log);
            }
        }
    }
}

/// Looks until there is something, at most for [`LIMIT`].
pub fn eventually<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    let end = Instant::now() + LIMIT;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "waited {LIMIT:?} until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[derive(Debug, PartialEq, Eq)]
pub struct Identity {
    pub uid: String,
    pub ip: String,
    pub sandbox: String,
    /// The network namespace as the container sees it.
    pub namespace: String,
}

/// The status of one container in a Pod from `ps -o json`.
pub fn status<'a>(pod: &'a Value, container: &str) -> &'a Value {
    let of = |list: &str| pod["status"][list].as_array().into_iter().flatten();
    let mut all = of("initContainerStatuses").chain(of("containerStatuses"));
    all.find(|c| c["name"] == container).unwrap_or_else(|| panic!("no status of {container} in {pod:#}"))
}

/// restartCount, and exit code and reason of the last state.
pub fn last(pod: &Value, container: &str) -> (u64, Option<(i64, String)>) {
    let status = status(pod, container);
    let terminated = &status["lastState"]["terminated"];
    let last = terminated["exitCode"].as_i64().map(|code| (code, terminated["reason"].as_str().unwrap().to_owned()));
    (status["restartCount"].as_u64().unwrap(), last)
}
