//! A Pod in one line: the API server's rules for READY, STATUS and RESTARTS.

use jiff::Timestamp;
use serde_json::Value;

use super::field::{has_condition, is_there, items, number, or, text, time};

/// What one line says about a Pod.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct PodLine {
    /// Containers that are ready, sidecars among them.
    pub ready: usize,
    /// All that are meant to go on running.
    pub containers: usize,
    /// One word.
    pub status: String,
    /// Restarts of all of them; of ordinary init containers only while the Pod is initializing.
    pub restarts: i64,
    /// When the newest of the runs before ended.
    pub last_restart: Option<Timestamp>,
}

impl PodLine {
    /// Of a Pod.
    #[must_use]
    pub fn of(pod: &Value) -> Self {
        let sidecars = items(pod, "/spec/initContainers").iter().filter(|container| is_sidecar(container));
        let mut line = Self {
            containers: items(pod, "/spec/containers").len() + sidecars.count(),
            status: or(text(pod, "/status/reason"), text(pod, "/status/phase")).to_owned(),
            ..Self::default()
        };
        let mut conditions = items(pod, "/status/conditions").iter();
        let gated = |condition: &Value| text(condition, "/reason") == "SchedulingGated";
        if conditions.any(|condition| text(condition, "/type") == "PodScheduled" && gated(condition)) {
            "SchedulingGated".clone_into(&mut line.status);
        }
        let initializing = line.init_containers(pod);
        if !initializing || has_condition(pod, "Initialized", "True") {
            line.containers(pod);
        }
        line.deletion(pod);
        line
    }

    /// Init containers up to the first that is under way or has failed. Says whether there is one.
    fn init_containers(&mut self, pod: &Value) -> bool {
        let total = items(pod, "/spec/initContainers").len();
        for (index, status) in items(pod, "/status/initContainerStatuses").iter().enumerate() {
            self.count(status);
            let started = status.pointer("/started").and_then(Value::as_bool) == Some(true);
            if is_there(status, "/state/terminated") && number(status, "/state/terminated/exitCode") == 0 {
                continue;
            }
            if started && is_sidecar_status(pod, status) {
                self.ready += usize::from(is_ready(status));
                continue;
            }
            self.status = init_status(status).unwrap_or_else(|| format!("Init:{index}/{total}"));
            return true;
        }
        false
    }

    /// The containers, once no init container is in the way. The first that has something to say gives the word.
    fn containers(&mut self, pod: &Value) {
        (self.restarts, self.last_restart) = (0, None);
        let sidecars = items(pod, "/status/initContainerStatuses").iter();
        for status in sidecars.filter(|status| is_sidecar_status(pod, status)) {
            self.count(status);
        }
        let mut running = false;
        for status in items(pod, "/status/containerStatuses").iter().rev() {
            self.count(status);
            if let Some(word) = container_status(status) {
                self.status = word;
            } else if is_ready(status) && is_there(status, "/state/running") {
                running = true;
                self.ready += 1;
            }
        }
        if running && self.status == "Completed" {
            let word = if has_condition(pod, "Ready", "True") { "Running" } else { "NotReady" };
            word.clone_into(&mut self.status);
        }
    }

    fn deletion(&mut self, pod: &Value) {
        if !is_there(pod, "/metadata/deletionTimestamp") {
            return;
        }
        if text(pod, "/status/reason") == "NodeLost" {
            "Unknown".clone_into(&mut self.status);
        } else if !matches!(text(pod, "/status/phase"), "Succeeded" | "Failed") {
            "Terminating".clone_into(&mut self.status);
        }
    }

    fn count(&mut self, status: &Value) {
        self.restarts += number(status, "/restartCount");
        self.last_restart = self.last_restart.max(time(status, "/lastState/terminated/finishedAt"));
    }
}

/// The word for an init container that has failed or can't start; `None` if it is only under way.
fn init_status(status: &Value) -> Option<String> {
    if is_there(status, "/state/terminated") {
        return Some(format!("Init:{}", exit(status)));
    }
    let reason = text(status, "/state/waiting/reason");
    (!matches!(reason, "" | "PodInitializing")).then(|| format!("Init:{reason}"))
}

fn container_status(status: &Value) -> Option<String> {
    let waiting = text(status, "/state/waiting/reason");
    if !waiting.is_empty() {
        return Some(waiting.to_owned());
    }
    is_there(status, "/state/terminated").then(|| exit(status))
}

/// How a container ended: the reason, or what is known instead.
fn exit(status: &Value) -> String {
    let reason = text(status, "/state/terminated/reason");
    let signal = number(status, "/state/terminated/signal");
    match (reason, signal) {
        ("", 0) => format!("ExitCode:{}", number(status, "/state/terminated/exitCode")),
        ("", signal) => format!("Signal:{signal}"),
        (reason, _) => reason.to_owned(),
    }
}

fn is_ready(status: &Value) -> bool {
    status.pointer("/ready").and_then(Value::as_bool) == Some(true)
}

fn is_sidecar(container: &Value) -> bool {
    text(container, "/restartPolicy") == "Always"
}

fn is_sidecar_status(pod: &Value, status: &Value) -> bool {
    let name = text(status, "/name");
    let mut containers = items(pod, "/spec/initContainers").iter();
    containers.any(|container| text(container, "/name") == name && is_sidecar(container))
}

#[cfg(test)]
#[path = "pod_status_tests.rs"]
mod tests;
