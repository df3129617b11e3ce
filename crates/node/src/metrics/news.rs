//! What the news about Pods adds to the counters.

use std::sync::PoisonError;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use reprise_core::step::{StepRecord, Trigger};
use reprise_core::timeline::{Entry, Happened};

use super::Metrics;
use crate::container::find;
use crate::publisher::{News, NodeEvent};

impl Metrics {
    /// Something happened to `pod`.
    pub(crate) fn entry(&self, pod: &Pod, entry: &Entry) {
        match &entry.happened {
            Happened::RestartStepped { trigger } => self.restarts.add(&[trigger_kind(trigger)]),
            Happened::PodRefused { reason, .. } => self.refused_pods.add(&[reason]),
            Happened::SandboxReady { .. } => self.started_pods.add(&[]),
            Happened::ContainerStarted { container } => {
                self.started_containers.add(&[container_type(pod, container)]);
            }
            Happened::ImageFailed { container, reason, .. }
            | Happened::SetupFailed { container: Some(container), reason, .. } => {
                let kind = container_type(pod, container);
                self.started_containers.add(&[kind]);
                self.started_containers_errors.add(&[reason, kind]);
            }
            Happened::SetupFailed { container: None, reason, .. } if reason == "CreatePodSandboxError" => {
                self.started_pods.add(&[]);
                self.started_pods_errors.add(&[]);
            }
            _ => {}
        }
    }

    /// There is news of a Pod: its way to running is timed, and its restarts.
    pub(crate) fn take(&self, event: &NodeEvent) {
        match &event.news {
            News::Entry(Entry { time, happened: Happened::PodAdmitted, .. }) => {
                self.starting.lock().unwrap_or_else(PoisonError::into_inner).insert(event.uid.clone(), *time);
            }
            News::Status { status, .. } if status.phase.as_deref() != Some("Pending") => {
                let started = self.starting.lock().unwrap_or_else(PoisonError::into_inner).remove(&event.uid);
                if let (Some(at), Some("Running")) = (started, status.phase.as_deref()) {
                    let took = jiff::Timestamp::now().duration_since(at);
                    // A clock that was set back meanwhile makes no negative time.
                    self.pod_start_seconds.observe(&[], Duration::try_from(took).unwrap_or_default());
                }
            }
            News::Step(step) => self.restarted(step),
            News::Entry(_) | News::Status { .. } | News::Event(_) | News::NodeEvent(_) => {}
        }
    }

    fn restarted(&self, step: &StepRecord) {
        let millis = step.millis();
        let phases = [
            ("killed", millis.killed),
            ("removed", millis.removed),
            ("init_running", millis.init_running),
            ("main_running", millis.main_running),
            ("ready", millis.ready),
        ];
        for (phase, millis) in phases {
            if let Some(took) = millis.and_then(|millis| Duration::try_from_secs_f64(millis / 1000.0).ok()) {
                self.restart_seconds.observe(&[phase], took);
            }
        }
    }
}

fn trigger_kind(trigger: &Trigger) -> &'static str {
    match trigger {
        Trigger::ContainerExit { .. } => "container_exit",
        Trigger::Requested { .. } => "requested",
    }
}

/// As the kubelet labels containers.
fn container_type(pod: &Pod, name: &str) -> &'static str {
    let path = find::container(pod, name).map(|found| found.field_path).unwrap_or_default();
    match path.split('{').next() {
        Some("spec.initContainers") => "init_container",
        Some("spec.ephemeralContainers") => "ephemeral_container",
        _ => "container",
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};
    use serde_json::json;

    use super::*;
    use crate::metrics::text::Text;

    fn entry(happened: Happened) -> Entry {
        Entry { time: Timestamp::UNIX_EPOCH, epoch: 0, happened }
    }

    #[test]
    fn a_restart_is_counted_by_its_trigger_and_timed_by_its_phases() {
        let metrics = Metrics::default();
        let trigger = Trigger::ContainerExit { container: "main".into(), exit_code: 88, rule: 0 };
        metrics.entry(&Pod::default(), &entry(Happened::RestartStepped { trigger: trigger.clone() }));
        let at = |ms| Some(Timestamp::UNIX_EPOCH + SignedDuration::from_millis(ms));
        let step = StepRecord {
            epoch: 1,
            trigger,
            triggered_at: Timestamp::UNIX_EPOCH,
            killed_at: at(7),
            removed_at: at(15),
            init_running_at: None,
            main_running_at: at(40),
            ready_at: at(45),
        };
        let (pod, uid) = ("n/p".parse().unwrap(), "u".to_owned());
        metrics.take(&NodeEvent { pod, uid, news: News::Step(step) });
        let mut text = Text::default();
        metrics.write(&mut text);
        let text = text.into_string();
        for line in [
            "reprise_inplace_restarts_total{trigger=\"container_exit\"} 1",
            "reprise_inplace_restart_duration_seconds_bucket{phase=\"killed\",le=\"0.005\"} 0",
            "reprise_inplace_restart_duration_seconds_bucket{phase=\"killed\",le=\"0.01\"} 1",
            "reprise_inplace_restart_duration_seconds_sum{phase=\"ready\"} 0.045",
        ] {
            assert!(text.lines().any(|l| l == line), "no {line} in\n{text}");
        }
        assert!(!text.contains("init_running"), "{text}");
    }

    #[test]
    fn containers_are_counted_by_type_and_failures_by_reason() {
        let metrics = Metrics::default();
        let spec = json!({"initContainers": [{"name": "setup"}], "containers": [{"name": "main"}]});
        let pod: Pod = serde_json::from_value(json!({"metadata": {"name": "p"}, "spec": spec})).unwrap();
        metrics.entry(&pod, &entry(Happened::ContainerStarted { container: "setup".into() }));
        let reason = "CreateContainerError".to_owned();
        let failed = Happened::SetupFailed { container: Some("main".into()), reason, message: String::new() };
        metrics.entry(&pod, &entry(failed));
        let mut text = Text::default();
        metrics.write(&mut text);
        let text = text.into_string();
        assert!(text.contains("kubelet_started_containers_total{container_type=\"init_container\"} 1\n"), "{text}");
        let failed = "errors_total{code=\"CreateContainerError\",container_type=\"container\"} 1\n";
        assert!(text.contains(failed), "{text}");
    }
}
