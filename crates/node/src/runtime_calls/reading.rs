//! Reads what the runtime reports into the core's observations.

use std::collections::HashMap;

use jiff::Timestamp;
use reprise_core::observed::{ContainerObservation, RuntimeExit, RuntimeState, STATUS_UNKNOWN, SandboxObservation};
use reprise_cri::v1::{ContainerState, ContainerStatus, PodSandboxState, PodSandboxStatus};

use super::labels;

/// A container as its status shows it; none if it is not one of a Pod of ours.
pub(crate) fn container(status: &ContainerStatus, sandbox: &str) -> Option<ContainerObservation> {
    Some(ContainerObservation {
        id: status.id.clone(),
        sandbox: sandbox.to_owned(),
        name: status.labels.get(labels::CONTAINER_NAME)?.clone(),
        epoch: epoch(&status.labels),
        attempt: status.metadata.as_ref().map_or(0, |m| m.attempt),
        state: state(status),
        image: status.image.as_ref().map(image_name).unwrap_or_default(),
        image_id: if status.image_ref.is_empty() { status.image_id.clone() } else { status.image_ref.clone() },
    })
}

/// The epoch in a container's labels.
pub(crate) fn epoch(labels: &HashMap<String, String>) -> Option<u64> {
    labels.get(labels::EPOCH).and_then(|text| text.parse().ok())
}

/// A sandbox as its status shows it.
pub(crate) fn sandbox(status: &PodSandboxStatus) -> SandboxObservation {
    let network = status.network.clone().unwrap_or_default();
    let others = network.additional_ips.into_iter().map(|a| a.ip);
    SandboxObservation {
        id: status.id.clone(),
        attempt: status.metadata.as_ref().map_or(0, |m| m.attempt),
        ready: status.state == PodSandboxState::SandboxReady as i32,
        ips: std::iter::once(network.ip).chain(others).filter(|ip| !ip.is_empty()).collect(),
    }
}

/// The UID of the Pod that labels name.
pub(crate) fn uid(labels: &HashMap<String, String>) -> Option<&str> {
    labels.get(labels::POD_UID).map(String::as_str)
}

fn image_name(image: &reprise_cri::v1::ImageSpec) -> String {
    if image.user_specified_image.is_empty() { image.image.clone() } else { image.user_specified_image.clone() }
}

fn state(status: &ContainerStatus) -> RuntimeState {
    match ContainerState::try_from(status.state) {
        Ok(ContainerState::ContainerCreated) => RuntimeState::Created,
        Ok(ContainerState::ContainerRunning) => {
            RuntimeState::Running { started_at: first_time(&[status.started_at, status.created_at]) }
        }
        Ok(ContainerState::ContainerExited) => RuntimeState::Exited(RuntimeExit {
            exit_code: status.exit_code,
            reason: reason(status),
            message: status.message.clone(),
            started_at: time(status.started_at),
            finished_at: first_time(&[status.finished_at, status.started_at, status.created_at]),
        }),
        Ok(ContainerState::ContainerUnknown) | Err(_) => RuntimeState::Unknown,
    }
}

/// containerd makes an exit up if it was killed before it had written down what its shim told it.
fn reason(status: &ContainerStatus) -> String {
    const MADE_UP: (&str, i32) = ("Unknown", 255);
    if (status.reason.as_str(), status.exit_code) == MADE_UP {
        STATUS_UNKNOWN.to_owned()
    } else {
        status.reason.clone()
    }
}

/// Whether the container never ran because whoever asked for its start went away during the call. containerd takes that for a
/// failed start, with the words of Go for it.
pub(crate) fn start_was_cut_off(state: &RuntimeState) -> bool {
    const WORDS: &str = "context canceled";
    matches!(state, RuntimeState::Exited(exit) if exit.message.contains(WORDS)) && never_started(state)
}

/// Whether the container has ended because it could not be started.
pub(crate) fn never_started(state: &RuntimeState) -> bool {
    const REASON: &str = "StartError";
    matches!(state, RuntimeState::Exited(exit) if exit.started_at.is_none() && exit.reason == REASON)
}

/// CRI gives nanoseconds since 1970, and 0 or less for 'never'.
fn time(nanos: i64) -> Option<Timestamp> {
    (nanos > 0).then(|| Timestamp::from_nanosecond(i128::from(nanos)).ok()).flatten()
}

/// The first time that is known; a runtime that knows none shows 1970, which is at least visibly wrong.
fn first_time(nanos: &[i64]) -> Timestamp {
    nanos.iter().find_map(|n| time(*n)).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use reprise_cri::v1::ContainerMetadata;

    fn status(state: ContainerState) -> ContainerStatus {
        ContainerStatus {
            id: "c1".into(),
            metadata: Some(ContainerMetadata { name: "main".into(), attempt: 3 }),
            state: state as i32,
            labels: HashMap::from([
                (labels::CONTAINER_NAME.to_owned(), "main".to_owned()),
                (labels::EPOCH.to_owned(), "7".to_owned()),
            ]),
            ..ContainerStatus::default()
        }
    }

    #[test]
    fn epoch_and_attempt_come_from_the_labels_and_the_metadata() {
        let seen = container(&status(ContainerState::ContainerCreated), "s1").unwrap();
        assert_eq!((seen.epoch, seen.attempt, seen.name.as_str()), (Some(7), 3, "main"));
        assert_eq!(seen.state, RuntimeState::Created);
    }

    #[test]
    fn a_container_that_was_never_started_has_an_exit_without_a_start() {
        let mut exited = status(ContainerState::ContainerExited);
        (exited.exit_code, exited.finished_at) = (128, 5_000_000_000);
        let RuntimeState::Exited(exit) = container(&exited, "s1").unwrap().state else { panic!("not exited") };
        assert_eq!((exit.started_at, exit.finished_at), (None, Timestamp::from_second(5).unwrap()));
    }

    #[test]
    fn an_exit_that_the_runtime_made_up_is_one_that_nobody_saw() {
        let reason = |reason: &str, exit_code| {
            let exited =
                ContainerStatus { reason: reason.into(), exit_code, ..status(ContainerState::ContainerExited) };
            match container(&exited, "s1").unwrap().state {
                RuntimeState::Exited(exit) => exit.reason,
                other => panic!("not exited: {other:?}"),
            }
        };
        assert_eq!(reason("Unknown", 255), STATUS_UNKNOWN);
        assert_eq!((reason("Error", 255), reason("Unknown", 1)), ("Error".to_owned(), "Unknown".to_owned()));
    }

    #[test]
    fn a_start_that_nobody_waited_for_is_not_one_that_failed() {
        let mut exited = status(ContainerState::ContainerExited);
        (exited.exit_code, exited.finished_at, exited.reason) = (128, 5_000_000_000, "StartError".into());
        exited.message = "failed to create containerd task: context canceled: unknown".into();
        assert!(start_was_cut_off(&container(&exited, "s1").unwrap().state));
        let ran = ContainerStatus { started_at: 4_000_000_000, ..exited.clone() };
        assert!(!start_was_cut_off(&container(&ran, "s1").unwrap().state));
        exited.message = "exec: no such file".into();
        assert!(!start_was_cut_off(&container(&exited, "s1").unwrap().state));
    }

    #[test]
    fn a_container_without_our_labels_is_nobodys() {
        assert!(container(&ContainerStatus::default(), "s1").is_none());
    }
}
