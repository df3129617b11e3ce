//! Kubernetes Events: what happened to a Pod in the words that `kubectl describe` readers know.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use reprise_core::probe::ProbeKind;
use reprise_core::timeline::{Entry, Happened};
use serde::Serialize;

use crate::container::find;
use crate::pod_key::{PodKey, uid_of};

/// The type of an Event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum EventType {
    /// All is as it should be.
    Normal,
    /// Somebody may have to look.
    Warning,
}

/// An Event about a Pod or one of its containers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PodEvent {
    /// When.
    pub time: Timestamp,
    /// `Normal` or `Warning`.
    #[serde(rename = "type")]
    pub event_type: EventType,
    /// One word, such as `Started`.
    pub reason: String,
    /// A sentence.
    pub message: String,
    /// The container as `spec.containers{name}`; none for the whole Pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field_path: Option<String>,
    /// How often it has happened.
    pub count: u32,
    /// When it happened first.
    pub first_time: Timestamp,
    /// When it happened last.
    pub last_time: Timestamp,
}

impl PodEvent {
    /// An Event about a whole Pod or node that has not happened before.
    #[must_use]
    pub fn new(time: Timestamp, event_type: EventType, reason: &str, message: &str) -> Self {
        Self::once(time, event_type, reason.to_owned(), message.to_owned(), None)
    }

    /// An Event that has not happened before.
    fn once(
        time: Timestamp,
        event_type: EventType,
        reason: String,
        message: String,
        field_path: Option<String>,
    ) -> Self {
        Self { time, event_type, reason, message, field_path, count: 1, first_time: time, last_time: time }
    }
}

/// The Event for a timeline entry; none for those that Kubernetes has no Event for.
#[must_use]
pub fn of_entry(pod: &Pod, entry: &Entry) -> Option<PodEvent> {
    use EventType::{Normal, Warning};
    let (event_type, reason, message, container) = match &entry.happened {
        Happened::ContainerStarted { container } => {
            (Normal, "Started".to_owned(), "Container started".to_owned(), Some(container))
        }
        Happened::ContainerCondemned { container, probe, .. } => {
            (Normal, "Killing".to_owned(), condemned(container, *probe), Some(container))
        }
        Happened::RestartStepped { trigger } => (Normal, "RestartingAllContainers".to_owned(), trigger.message(), None),
        Happened::Backoff { container, until } => {
            (Warning, "BackOff".to_owned(), back_off(pod, container.as_deref(), *until), container.as_ref())
        }
        Happened::ImageFailed { container, reason, message } => {
            (Warning, image_reason(reason).to_owned(), message.clone(), Some(container))
        }
        Happened::SetupFailed { container, reason, message } => {
            let (reason, message) = setup(container.is_some(), reason, message);
            (Warning, reason, message, container.as_ref())
        }
        Happened::PodRefused { reason, message } => (Warning, reason.clone(), message.clone(), None),
        Happened::PodFailed { reason, message } if !reason.is_empty() => {
            let kind = if reason == "DeadlineExceeded" { Normal } else { Warning };
            // The status of a rejected Pod says that it is one, its Event only why, as in Kubernetes.
            (kind, reason.clone(), message.trim_start_matches("Pod was rejected: ").to_owned(), None)
        }
        Happened::PodAdmitted
        | Happened::SandboxReady { .. }
        | Happened::ContainerExited { .. }
        | Happened::ContainersKilled
        | Happened::ContainersRemoved
        | Happened::PodReady
        | Happened::PodSucceeded
        | Happened::PodFailed { .. } => return None,
    };
    let field_path = container.and_then(|c| field_path(pod, c));
    Some(PodEvent::once(entry.time, event_type, reason, message, field_path))
}

pub(crate) fn pulling(pod: &Pod, container: &str, image: &str) -> PodEvent {
    normal(pod, container, "Pulling", format!("Pulling image {image:?}"))
}

pub(crate) fn pulled(pod: &Pod, container: &str, image: &str, pulled: Option<(Duration, u64)>) -> PodEvent {
    let message = match pulled {
        None => format!("Container image {image:?} already present on machine and can be accessed by the pod"),
        Some((took, size)) => {
            let took = Duration::from_millis(u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
            format!(
                "Successfully pulled image {image:?} in {took:?} ({took:?} including waiting). Image size: {size} bytes."
            )
        }
    };
    normal(pod, container, "Pulled", message)
}

pub(crate) fn created(pod: &Pod, container: &str) -> PodEvent {
    normal(pod, container, "Created", "Container created".to_owned())
}

pub(crate) fn failed_mount(message: String) -> PodEvent {
    PodEvent::once(Timestamp::now(), EventType::Warning, "FailedMount".to_owned(), message, None)
}

/// A warning about a Pod as a whole.
pub(crate) fn warning_of_pod(reason: &str, message: String) -> PodEvent {
    PodEvent::once(Timestamp::now(), EventType::Warning, reason.to_owned(), message, None)
}

/// A warning about the node itself.
pub(crate) fn of_node(reason: &str, message: String) -> PodEvent {
    PodEvent::once(Timestamp::now(), EventType::Warning, reason.to_owned(), message, None)
}

pub(crate) fn killing(pod: &Pod, container: &str, for_restart: bool) -> PodEvent {
    let message = if for_restart {
        format!("Killing container {container} to restart all containers of the pod in place")
    } else {
        format!("Stopping container {container}")
    };
    normal(pod, container, "Killing", message)
}

/// Why a container is ended that nobody asked to end.
fn condemned(container: &str, probe: Option<ProbeKind>) -> String {
    match probe {
        Some(kind) => format!("Container {container} failed {} probe, will be restarted", kind.name().to_lowercase()),
        None => "FailedPostStartHook".to_owned(),
    }
}

pub(crate) fn post_start_failed(pod: &Pod, container: &str) -> PodEvent {
    // What it said may be a secret, so the Event does not repeat it.
    warning(pod, container, "FailedPostStartHook", "PostStartHook failed".to_owned())
}

pub(crate) fn pre_stop_failed(pod: &Pod, container: &str) -> PodEvent {
    warning(pod, container, "FailedPreStopHook", "PreStopHook failed".to_owned())
}

fn normal(pod: &Pod, container: &str, reason: &str, message: String) -> PodEvent {
    of_container(pod, container, EventType::Normal, reason, message)
}

pub(crate) fn warning(pod: &Pod, container: &str, reason: &str, message: String) -> PodEvent {
    of_container(pod, container, EventType::Warning, reason, message)
}

fn of_container(pod: &Pod, container: &str, event_type: EventType, reason: &str, message: String) -> PodEvent {
    PodEvent::once(Timestamp::now(), event_type, reason.to_owned(), message, field_path(pod, container))
}

fn field_path(pod: &Pod, container: &str) -> Option<String> {
    find::container(pod, container).ok().map(|f| f.field_path)
}

fn back_off(pod: &Pod, container: Option<&str>, until: Timestamp) -> String {
    let PodKey { namespace, name } = PodKey::of(pod);
    let pod_name = format!("{name}_{namespace}({})", uid_of(pod));
    match container {
        Some(container) => format!("Back-off restarting failed container {container} in pod {pod_name}"),
        None => format!("Back-off restarting all containers of pod {pod_name} in place until {until}"),
    }
}

fn image_reason(reason: &str) -> &str {
    match reason {
        "ErrImagePull" => "Failed",
        "InvalidImageName" | "ImageInspectError" => "InspectFailed",
        other => other,
    }
}

fn setup(is_container: bool, reason: &str, message: &str) -> (String, String) {
    match (is_container, reason) {
        (true, _) => ("Failed".to_owned(), format!("Error: {message}")),
        (false, "CreatePodSandboxError") => {
            ("FailedCreatePodSandBox".to_owned(), format!("Failed to create pod sandbox: {message}"))
        }
        (false, other) => (other.to_owned(), message.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reprise_core::step::Trigger;
    use serde_json::json;

    fn event(happened: Happened) -> Option<PodEvent> {
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"name": "p", "namespace": "n", "uid": "u"},
            "spec": {"initContainers": [{"name": "setup"}], "containers": [{"name": "main"}]}
        }))
        .unwrap();
        of_entry(&pod, &Entry { time: Timestamp::UNIX_EPOCH, epoch: 0, happened })
    }

    #[test]
    fn events_read_as_the_kubelets_do() {
        let started = event(Happened::ContainerStarted { container: "setup".into() }).unwrap();
        assert_eq!((started.reason.as_str(), started.message.as_str()), ("Started", "Container started"));
        assert_eq!(started.field_path.as_deref(), Some("spec.initContainers{setup}"));

        let until = Timestamp::UNIX_EPOCH;
        let waits = event(Happened::Backoff { container: Some("main".into()), until }).unwrap();
        assert_eq!(waits.message, "Back-off restarting failed container main in pod p_n(u)");
        assert_eq!(waits.event_type, EventType::Warning);

        let trigger = Trigger::ContainerExit { container: "main".into(), exit_code: 88, rule: 0 };
        let restart = event(Happened::RestartStepped { trigger }).unwrap();
        assert_eq!(restart.reason, "RestartingAllContainers");
        assert_eq!(restart.message, "container \"main\" exited with code 88, matching restartPolicyRules[0]");
        assert_eq!(restart.field_path, None);

        let condemned = |probe| Happened::ContainerCondemned { container: "main".into(), probe, message: "m".into() };
        let killed = event(condemned(Some(ProbeKind::Liveness))).unwrap();
        assert_eq!(killed.message, "Container main failed liveness probe, will be restarted");
        assert_eq!(event(condemned(None)).unwrap().message, "FailedPostStartHook");

        let pod_failed = Happened::PodFailed { reason: "Evicted".into(), message: "m".into() };
        assert_eq!(event(pod_failed).unwrap().reason, "Evicted");
        assert!(event(Happened::PodReady).is_none());
    }
}
