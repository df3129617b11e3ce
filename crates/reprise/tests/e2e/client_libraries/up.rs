//! `reprise up` for one test, which can be started again, and clients of it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use reprise_testkit::Node;
use rustix::process::{Pid, Signal, kill_process};

use crate::scene::settings;

/// A running `reprise up`.
pub struct Up {
    child: Child,
    kubeconfig: PathBuf,
}

impl Up {
    /// Starts it, always at the same address for a node, and waits until it serves.
    pub fn start(node: &Node, arguments: &[&str]) -> Self {
        let address = format!("127.0.0.1:{}", port(node));
        let mut command = node.command();
        command.args(["up", "--listen", &address]).args(arguments).env("REPRISE_CONFIG", settings(node));
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let kubeconfig = lines.find_map(|line| line.strip_prefix("export KUBECONFIG=").map(PathBuf::from));
        // What it says later must be read too, or it would wait for that.
        thread::spawn(move || lines.for_each(drop));
        Self { child, kubeconfig: kubeconfig.expect("the API starts") }
    }

    /// The kubeconfig that it wrote.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// A client; at another address of this machine, if one is given.
    pub async fn client(&self, at: Option<u16>) -> Client {
        let mut kubeconfig = Kubeconfig::read_from(&self.kubeconfig).unwrap();
        if let Some(port) = at {
            let cluster = kubeconfig.clusters[0].cluster.as_mut().unwrap();
            cluster.server = Some(format!("https://127.0.0.1:{port}"));
        }
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
        Client::try_from(config).unwrap()
    }

    /// Ends it as Ctrl-C does.
    pub fn end(mut self) {
        self.interrupt();
    }

    fn interrupt(&mut self) {
        kill_process(Pid::from_child(&self.child), Signal::INT).ok();
        self.child.wait().ok();
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        self.interrupt();
    }
}

/// The port of a node's API.
pub fn port(node: &Node) -> u16 {
    node.host_port(0)
}
