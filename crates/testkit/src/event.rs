//! The lines of `reprise run -o json`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

/// One event line. Fields that do not apply to an event are `None`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// What happened: `PodAdmitted`, `ContainerExited`, ...
    pub event: String,
    /// When.
    pub time: Timestamp,
    /// `namespace/name`; empty where it is about the node.
    #[serde(default)]
    pub pod: String,
    /// The Pod's UID.
    #[serde(default)]
    pub uid: String,
    /// The epoch it happened in.
    #[serde(default)]
    pub epoch: u64,
    /// The container it is about.
    pub container: Option<String>,
    /// The exit code of a container that exited.
    pub exit_code: Option<i32>,
    /// The index of the rule that matched.
    pub rule: Option<u32>,
    /// The sandbox's id.
    pub sandbox: Option<String>,
    /// The Pod's address.
    pub ip: Option<String>,
    /// Milliseconds since the exit that triggered the restart under way.
    pub since_trigger_ms: Option<f64>,
    /// Until when something waits.
    pub until: Option<Timestamp>,
    /// One word, where there is one: an Event's, a failure's.
    pub reason: Option<String>,
    /// For people.
    pub message: Option<String>,
}

impl Event {
    /// Whether this is the event `name`.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.event == name
    }

    /// Whether this is the event `name` about `container`.
    #[must_use]
    pub fn is_of(&self, name: &str, container: &str) -> bool {
        self.event == name && self.container.as_deref() == Some(container)
    }
}

/// The last line.
#[derive(Debug, Clone, Deserialize)]
pub struct Summary {
    /// All Pods of the run.
    pub pods: Vec<PodSummary>,
}

impl Summary {
    /// The Pod `namespace/name`, or `name` in `default`.
    ///
    /// # Panics
    /// There is none.
    #[must_use]
    pub fn pod(&self, name: &str) -> &PodSummary {
        let full = if name.contains('/') { name.to_owned() } else { format!("default/{name}") };
        let found = self.pods.iter().find(|pod| pod.pod == full);
        found.unwrap_or_else(|| panic!("no Pod {full} in the summary: {self:#?}"))
    }
}

/// How one Pod ended.
#[derive(Debug, Clone, Deserialize)]
pub struct PodSummary {
    /// `namespace/name`.
    pub pod: String,
    /// The Pod's UID.
    pub uid: String,
    /// `Pending`, `Running`, `Succeeded` or `Failed`.
    pub phase: String,
    /// The last epoch.
    pub epoch: u64,
    /// The Pod's address.
    pub ip: Option<String>,
    /// The sandbox's id.
    pub sandbox: Option<String>,
    /// By container name.
    pub containers: BTreeMap<String, ContainerSummary>,
    /// The in-place restarts, oldest first.
    #[serde(default)]
    pub steps: Vec<StepSummary>,
}

impl PodSummary {
    /// The restart count of `container`.
    ///
    /// # Panics
    /// There is no such container.
    #[must_use]
    pub fn restarts(&self, container: &str) -> u32 {
        self.container(container).restart_count
    }

    /// How `container` ended.
    ///
    /// # Panics
    /// There is no such container.
    #[must_use]
    pub fn container(&self, container: &str) -> &ContainerSummary {
        self.containers.get(container).unwrap_or_else(|| panic!("no container {container} in {self:#?}"))
    }
}

/// How one container ended.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerSummary {
    /// As in the Pod's status.
    pub restart_count: u32,
    /// The last exit code, if it has exited.
    pub exit_code: Option<i32>,
}

/// One in-place restart.
#[derive(Debug, Clone, Deserialize)]
pub struct StepSummary {
    /// The epoch that it led to.
    pub epoch: u64,
    /// Why.
    pub trigger: TriggerSummary,
    /// How long after the triggering exit each phase was done.
    pub ms: StepTimes,
}

/// Why a restart happened.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TriggerSummary {
    /// `ContainerExit` or `Requested`.
    pub kind: String,
    /// The container that exited.
    pub container: Option<String>,
    /// Its exit code.
    pub exit_code: Option<i32>,
    /// The index of the rule that matched.
    pub rule: Option<u32>,
}

/// Milliseconds from the triggering exit; a phase that a step did not have is `None`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepTimes {
    /// All old containers are dead.
    pub killed: Option<f64>,
    /// All old containers are removed.
    pub removed: Option<f64>,
    /// The first init container runs.
    pub init_running: Option<f64>,
    /// The first regular container runs.
    pub main_running: Option<f64>,
    /// The Pod is ready.
    pub ready: Option<f64>,
}

/// A line of the output.
#[derive(Debug, Clone)]
pub enum Line {
    /// Something happened.
    Event(Box<Event>),
    /// The last line.
    Summary(Summary),
    /// Not a line that may be there.
    Unknown(String),
}

impl Line {
    /// Reads a line.
    #[must_use]
    pub fn parse(line: &str) -> Self {
        let unknown = |error: serde_json::Error| Self::Unknown(format!("{line}  ({error})"));
        match serde_json::from_str::<Kind>(line) {
            Err(error) => unknown(error),
            Ok(kind) if kind.event == "Summary" => serde_json::from_str(line).map_or_else(unknown, Self::Summary),
            Ok(_) => serde_json::from_str(line).map_or_else(unknown, Self::Event),
        }
    }
}

#[derive(Deserialize)]
struct Kind {
    event: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_of_the_issue_is_understood() {
        let line = r#"{"event":"Summary","pods":[{"pod":"default/ml-worker-pod","uid":"u","phase":"Succeeded","epoch":1,
            "ip":"10.0.0.2","sandbox":"s","containers":{"main-application":{"restartCount":1,"exitCode":0}},
            "steps":[{"epoch":1,"trigger":{"kind":"ContainerExit","container":"watcher-sidecar","exitCode":88,"rule":0},
            "ms":{"killed":1.5,"removed":2.0,"initRunning":3.0,"mainRunning":4.0}}]}]}"#;
        let Line::Summary(summary) = Line::parse(line) else { panic!("not a summary") };
        let pod = summary.pod("ml-worker-pod");
        assert_eq!((pod.restarts("main-application"), pod.steps[0].trigger.exit_code), (1, Some(88)));
        assert_eq!((pod.steps[0].ms.main_running, pod.steps[0].ms.ready), (Some(4.0), None));
    }

    #[test]
    fn an_event_needs_time_pod_uid_and_epoch() {
        let line = r#"{"time":"2026-01-02T03:04:05.123456Z","pod":"default/p","uid":"u","epoch":0,"event":"ContainerExited",
            "container":"c","exitCode":3}"#;
        let Line::Event(event) = Line::parse(line) else { panic!("not an event") };
        assert!(event.is_of("ContainerExited", "c") && event.exit_code == Some(3));
        assert!(matches!(Line::parse(r#"{"event":"PodReady"}"#), Line::Unknown(_)));
        assert!(matches!(Line::parse("plain text"), Line::Unknown(_)));
    }
}
