//! `reprise up` with its node, and a client of it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use reprise_testkit::Node;
use reprise_testkit::image::TestImage;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::objects::{MARK, PODS};
use crate::bench::api::client::{Client, Connection};
use crate::bench::api::kubeconfig::Kubeconfig;
use crate::bench::marks::Marks;

/// Until it is ready, and until Pods are gone.
const LIMIT: Duration = Duration::from_secs(120);

/// The disk of the machine may be nearly full; that is nothing to be measured here.
const SETTINGS: &str = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n\
                        evictionHard: {nodefs.available: 1Mi}\nimageGCHighThresholdPercent: 100\n";

/// One for all that is measured.
pub struct Cluster {
    // Ends before the node, which then finds nothing left running.
    up: Up,
    /// Whose program it is.
    pub node: Node,
    /// By which Pods tell what they have done.
    pub marks: Marks,
    /// A connection to the API.
    pub api: Connection,
}

/// The process, ended when dropped.
struct Up(Child);

impl Up {
    fn end(&mut self) -> Result<()> {
        // Only fails if it has ended already, which its status then says.
        kill_process(Pid::from_child(&self.0), Signal::INT).ok();
        let status = self.0.wait().context("wait for the node")?;
        ensure!(status.success(), "the node ended with {status}");
        Ok(())
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        if self.0.try_wait().is_ok_and(|status| status.is_none()) {
            // Something went wrong before, and is told.
            self.end().ok();
        }
    }
}

impl Cluster {
    /// Starts it, and waits until Pods can be made.
    pub async fn start(program: &Path) -> Result<Self> {
        let node = Node::new().of_program(program);
        node.import(&TestImage::busybox().context("image for the Pods")?);
        let settings = node.scratch().join("settings.yaml");
        fs::write(&settings, SETTINGS).context("write the settings")?;
        let mut command = node.command();
        command.args(["up", "--listen", "127.0.0.1:0"]).env("REPRISE_CONFIG", &settings);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("start the node")?;
        let lines = lines_of(&mut child)?;
        let up = Up(child);
        let kubeconfig = said(&lines, |line| line.strip_prefix("export KUBECONFIG=").map(str::to_owned))?;
        said(&lines, |line| (line.starts_with("node ") && line.ends_with(" is ready")).then_some(()))?;
        let text = fs::read_to_string(&kubeconfig).with_context(|| format!("read {kubeconfig}"))?;
        let api = Client::new(&Kubeconfig::parse(&text)?)?.connect().await?;
        let marks = Marks::new(node.scratch().join("marks"))?;
        let mut cluster = Self { up, node, marks, api };
        let account = "/api/v1/namespaces/default/serviceaccounts/default";
        cluster.wait_for("the service account", account, |status| status == 200).await?;
        Ok(cluster)
    }

    /// Tasks in a second until `tasks` more than the first are done.
    pub fn rate(&self, tasks: u32) -> Result<f64> {
        let times: Result<Vec<SystemTime>> = (0..=tasks).map(|_| self.marks.wait(MARK)).collect();
        rate(&times?)
    }

    /// Deletes the object, and waits until there is no Pod any more.
    pub async fn delete(&mut self, path: &str) -> Result<()> {
        let how = json!({ "gracePeriodSeconds": 0, "propagationPolicy": "Background" });
        self.api.json("DELETE", path, &how).await?;
        self.wait_for("the end", path, |status| status == 404).await?;
        self.wait_until_empty().await
    }

    /// Waits until there is no Pod, in the API or on the node.
    pub async fn wait_until_empty(&mut self) -> Result<()> {
        let end = Instant::now() + LIMIT;
        loop {
            let list: Value = serde_json::from_slice(&self.api.call("GET", PODS, &Bytes::new()).await?)?;
            let left = list.get("items").and_then(Value::as_array).map_or(0, Vec::len);
            if left == 0 && self.node.verb(&["ps", "-o", "json"]).json().as_array().is_some_and(Vec::is_empty) {
                self.marks.clear();
                return Ok(());
            }
            ensure!(Instant::now() < end, "{left} Pods are left after {LIMIT:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Ends it.
    pub fn end(mut self) -> Result<()> {
        self.up.end()
    }

    async fn wait_for(&mut self, what: &str, path: &str, is_so: impl Fn(u16) -> bool) -> Result<()> {
        let end = Instant::now() + LIMIT;
        loop {
            let answer = self.api.send("GET", path, &Bytes::new()).await?;
            let status = answer.status().as_u16();
            // A connection has one answer at a time.
            http_body_util::BodyExt::collect(answer.into_body()).await.context("the answer")?;
            if is_so(status) {
                return Ok(());
            }
            ensure!(Instant::now() < end, "waited {LIMIT:?} for {what}: {path} is {status}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// In a second, from the first of these times to the last.
pub fn rate(times: &[SystemTime]) -> Result<f64> {
    let (Some(first), Some(last)) = (times.first(), times.last()) else { bail!("nothing was done") };
    let took = last.duration_since(*first).context("the clock went back")?;
    Ok((times.len() - 1) as f64 / took.as_secs_f64())
}

fn lines_of(child: &mut Child) -> Result<Receiver<String>> {
    let (sender, receiver) = channel();
    let stdout = child.stdout.take().context("the node's output")?;
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            // What comes when nobody listens any more must still be read.
            sender.send(line).ok();
        }
    });
    Ok(receiver)
}

fn said<T>(lines: &Receiver<String>, what: impl Fn(&str) -> Option<T>) -> Result<T> {
    loop {
        let line = lines.recv_timeout(LIMIT).context("the node did not start")?;
        if let Some(found) = what(&line) {
            return Ok(found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_task_begins_the_count() {
        let at = |millis| SystemTime::UNIX_EPOCH + Duration::from_millis(millis);
        assert_eq!(rate(&[at(1_000), at(1_050), at(1_100), at(1_500)]).unwrap(), 6.0);
        assert!(rate(&[]).is_err());
    }
}
