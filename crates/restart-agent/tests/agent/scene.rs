//! A Pod for one agent: its service account, its environment, and the running program.

use std::fs;
use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde_json::Value;
use tempfile::TempDir;

use crate::fake_api::{FakeApi, eventually};

pub struct Scene {
    pub api: FakeApi,
    pub folder: TempDir,
    pub port: u16,
}

pub struct Agent {
    child: Child,
    log: PathBuf,
}

impl Scene {
    pub fn new(status: Value) -> Self {
        let scene = Self { api: FakeApi::start(status), folder: tempfile::tempdir().unwrap(), port: free_port() };
        scene.write("namespace", "team");
        scene.write("token", "first-token");
        scene.write("ca.crt", &scene.api.authority_pem);
        scene
    }

    pub fn write(&self, name: &str, content: &str) {
        fs::write(self.folder.path().join(name), content).unwrap();
    }

    /// A file that a worker may write.
    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// The program in a Pod's environment, and nothing else.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_restart-agent"));
        command.env_clear();
        command.envs([("JOBSET_NAME", "training"), ("POD_NAME", "worker-3"), ("KUBERNETES_SERVICE_HOST", "127.0.0.1")]);
        command.env("KUBERNETES_SERVICE_PORT", self.api.address.port().to_string());
        command.env("SERVICE_ACCOUNT_FOLDER", self.folder.path());
        command
    }

    /// As a sidecar, with a port of its own for the probe.
    pub fn sidecar(&self) -> Agent {
        let mut command = self.command();
        command.env("STARTUP_PROBE_PORT", self.port.to_string());
        self.start(command)
    }

    /// With this worker as its child.
    pub fn main_container(&self, worker: &str) -> Agent {
        let mut command = self.command();
        command.env("WORKER_COMMAND", worker).env("PATH", "/usr/bin:/bin");
        self.start(command)
    }

    pub fn start(&self, mut command: Command) -> Agent {
        let log = self.folder.path().join("agent.log");
        let child =
            command.stdin(Stdio::null()).process_group(0).stderr(fs::File::create(&log).unwrap()).spawn().unwrap();
        Agent { child, log }
    }

    /// What the kubelet's startup probe sees: the status, or that nobody listens.
    pub fn probe(&self, path: &str) -> Option<u16> {
        let mut socket = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], self.port))).ok()?;
        std::io::Write::write_all(&mut socket, format!("GET {path} HTTP/1.1\r\nHost: pod\r\n\r\n").as_bytes()).unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        Some(answer.split_whitespace().nth(1).unwrap().parse().unwrap())
    }

    pub fn is_lifted(&self) {
        eventually("the barrier is lifted", || (self.probe("/barrier-is-down") == Some(200)).then_some(()));
    }

    pub fn file(&self, name: &str) -> String {
        let path = self.folder.path().join(name);
        let full = || fs::read_to_string(&path).ok().filter(|text| text.ends_with('\n'));
        eventually(name, full).trim().to_owned()
    }
}

impl Agent {
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Its exit code.
    pub fn ends(mut self) -> i32 {
        let ended = eventually("the agent ends", || self.child.try_wait().unwrap());
        assert_eq!(ended.signal(), None, "{}", self.log());
        ended.code().unwrap()
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub fn says(&self, words: &str) {
        eventually(words, || self.log().contains(words).then_some(()));
    }

    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // With what a worker may have left.
        kill_process_group(Pid::from_child(&self.child), Signal::KILL).ok();
        self.child.wait().ok();
        if std::thread::panicking() {
            eprintln!("{}", self.log());
        }
    }
}

/// Nobody has it at the moment.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
