//! How the Pods of a run ended, as the last line of `-o json` and as text.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use k8s_openapi::api::core::v1::ContainerStatus;
use reprise_core::step::{StepMillis, StepRecord, Trigger};
use serde::Serialize;

use super::PodReport;

/// The last line of `run -o json`.
#[derive(Debug, Serialize)]
pub struct Summary {
    event: &'static str,
    pub pods: Vec<PodSummary>,
}

/// One Pod in the summary.
#[derive(Debug, Serialize)]
pub struct PodSummary {
    pod: String,
    uid: String,
    pub phase: String,
    /// Why it failed, where that is not the containers' doing: `Evicted`, `OutOfcpu`, ...
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    epoch: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sandbox: Option<String>,
    containers: BTreeMap<String, ContainerSummary>,
    steps: Vec<StepSummary>,
}

/// One container in the summary.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ContainerSummary {
    restart_count: i32,
    /// The exit code of its last run, if that has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<i32>,
}

/// One in-place restart; its times count from the triggering exit.
#[derive(Debug, Serialize)]
pub struct StepSummary {
    pub epoch: u64,
    pub trigger: Trigger,
    pub ms: StepMillis,
}

impl Summary {
    /// Sums up these Pods.
    pub fn of<'a>(pods: impl IntoIterator<Item = &'a PodReport>) -> Self {
        Self { event: "Summary", pods: pods.into_iter().map(PodSummary::of).collect() }
    }

    /// As people read it.
    pub fn text(&self) -> String {
        self.pods.iter().map(PodSummary::text).collect()
    }
}

impl PodSummary {
    fn of(pod: &PodReport) -> Self {
        let statuses = pod.init_containers().iter().chain(pod.containers());
        Self {
            pod: pod.pod.clone(),
            uid: pod.uid.clone(),
            phase: pod.phase.clone(),
            reason: pod.status.reason.clone(),
            message: pod.status.message.clone(),
            epoch: pod.epoch,
            ip: pod.ip.clone(),
            sandbox: pod.sandbox.clone(),
            containers: statuses.map(|status| (status.name.clone(), ContainerSummary::of(status))).collect(),
            steps: pod.steps.iter().map(StepSummary::of).collect(),
        }
    }

    fn text(&self) -> String {
        let restarts = match self.epoch {
            0 => String::new(),
            1 => ", restarted in place once".to_owned(),
            n => format!(", restarted in place {n} times"),
        };
        let mut text = format!("{}: {}{restarts}\n", self.pod, self.phase);
        if let Some(reason) = &self.reason {
            // Writing to a string can't fail.
            let _ = writeln!(text, "  {reason}: {}", self.message.as_deref().unwrap_or_default().trim_end());
        }
        for (name, container) in &self.containers {
            let exit = container.exit_code.map(|code| format!(", exit code {code}")).unwrap_or_default();
            let _ = writeln!(text, "  {name}: {} restarts{exit}", container.restart_count);
        }
        for step in &self.steps {
            let _ = writeln!(text, "  epoch {}: {}", step.epoch, step.trigger.message());
            let _ = writeln!(text, "    {}", millis_text(&step.ms));
        }
        text
    }
}

impl ContainerSummary {
    fn of(status: &ContainerStatus) -> Self {
        let ended = status.state.as_ref().and_then(|state| state.terminated.as_ref());
        Self { restart_count: status.restart_count, exit_code: ended.map(|ended| ended.exit_code) }
    }
}

impl StepSummary {
    /// Sums up one restart.
    pub fn of(step: &StepRecord) -> Self {
        Self { epoch: step.epoch, trigger: step.trigger.clone(), ms: step.millis() }
    }
}

/// The parts of a restart with their times, on one line.
pub fn millis_text(ms: &StepMillis) -> String {
    let parts = [
        ("killed", ms.killed),
        ("removed", ms.removed),
        ("init running", ms.init_running),
        ("main running", ms.main_running),
        ("ready", ms.ready),
    ];
    let known = parts.iter().filter_map(|(name, ms)| ms.map(|ms| format!("{name} +{ms:.1} ms")));
    known.collect::<Vec<_>>().join(", ")
}
