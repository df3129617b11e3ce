//! Which run's log is asked for, decided and worded as the kubelet does.

use k8s_openapi::api::core::v1::{ContainerStateWaiting, ContainerStatus, PodStatus};
use thiserror::Error;

use crate::view::PodView;

/// Why there is no log to show.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NoLog {
    /// The Pod has no such container.
    #[error("container {container} is not valid for pod {pod}")]
    NoSuchContainer {
        /// The Pod's name.
        pod: String,
        /// The name that was asked for.
        container: String,
    },
    /// There was no run before.
    #[error("previous terminated container {container:?} in pod {pod:?} not found")]
    NoPrevious {
        /// The Pod's name.
        pod: String,
        /// The container.
        container: String,
    },
    /// There has been no run yet.
    #[error("container {container:?} in pod {pod:?} is waiting to start: {why}")]
    Waiting {
        /// The Pod's name.
        pod: String,
        /// The container.
        container: String,
        /// What for.
        why: String,
    },
}

/// The number of the run whose log it is: the current one, or the one before.
///
/// # Errors
/// If there is no such run.
pub fn attempt(view: &PodView, container: &str, previous: bool) -> Result<u32, NoLog> {
    let pod = view.pod.metadata.name.clone().unwrap_or_default();
    let container = container.to_owned();
    let Some(status) = status_of(&view.status, &container) else {
        return Err(NoLog::NoSuchContainer { pod, container });
    };
    let state = status.state.clone().unwrap_or_default();
    let record = view.ledger.containers.get(&container).cloned().unwrap_or_default();
    // While a container waits for its back-off, its current run is shown as the last one.
    let current_is_last = state.waiting.is_some() && record.exit().is_some();
    let before = record.last.as_ref().and_then(|_| record.restart_count.checked_sub(1));
    let current = record.was_started().then_some(record.restart_count);
    if previous {
        let found = if current_is_last { current } else { before };
        return found.ok_or(NoLog::NoPrevious { pod, container });
    }
    current.or(before).ok_or_else(|| NoLog::Waiting { pod, container, why: why(state.waiting.as_ref()) })
}

fn status_of<'a>(status: &'a PodStatus, container: &str) -> Option<&'a ContainerStatus> {
    let lists = [&status.container_statuses, &status.init_container_statuses, &status.ephemeral_container_statuses];
    lists.into_iter().flatten().flatten().find(|status| status.name == container)
}

fn why(waiting: Option<&ContainerStateWaiting>) -> String {
    match waiting.and_then(|w| w.reason.as_deref()) {
        Some("ErrImagePull") => "image can't be pulled".to_owned(),
        Some("ImagePullBackOff") => "trying and failing to pull image".to_owned(),
        reason => reason.unwrap_or("ContainerCreating").to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use reprise_core::ledger::{ContainerRecord, Exit, Ledger, Run};
    use reprise_core::plan::Stage;
    use serde_json::{Value, json};

    use super::*;

    fn exit() -> Exit {
        let text = String::new;
        Exit {
            id: text(),
            exit_code: 1,
            reason: text(),
            message: text(),
            started_at: None,
            finished_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn run(exit: Option<Exit>) -> Option<Run> {
        let text = String::new;
        Some(Run {
            id: text(),
            sandbox: text(),
            image: text(),
            image_id: text(),
            started_at: Some(Timestamp::UNIX_EPOCH),
            started: true,
            post_start_done: true,
            ready: true,
            condemned: None,
            exit,
        })
    }

    fn ask(record: ContainerRecord, state: Value, previous: bool) -> Result<u32, String> {
        let status =
            json!({ "name": "c", "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": state });
        let view = PodView {
            pod: serde_json::from_value(json!({ "metadata": { "name": "p" } })).unwrap(),
            status: serde_json::from_value(json!({ "phase": "Running", "containerStatuses": [status] })).unwrap(),
            ledger: Ledger { containers: [("c".to_owned(), record)].into(), ..Ledger::default() },
            stage: Stage::Live,
            steps: Vec::new(),
        };
        attempt(&view, "c", previous).map_err(|e| e.to_string())
    }

    #[test]
    fn the_previous_run_is_the_one_before_the_current_one() {
        let record =
            ContainerRecord { restart_count: 3, run: run(None), last: Some(exit()), ..ContainerRecord::default() };
        assert_eq!(ask(record.clone(), json!({ "running": {} }), false), Ok(3));
        assert_eq!(ask(record, json!({ "running": {} }), true), Ok(2));
        let first = ContainerRecord { run: run(None), ..ContainerRecord::default() };
        let none = "previous terminated container \"c\" in pod \"p\" not found".to_owned();
        assert_eq!(ask(first, json!({ "running": {} }), true), Err(none));
    }

    #[test]
    fn while_a_container_waits_its_last_run_is_shown() {
        let waiting = json!({ "waiting": { "reason": "CrashLoopBackOff" } });
        let backing_off = ContainerRecord {
            restart_count: 1,
            run: run(Some(exit())),
            last: Some(exit()),
            ..ContainerRecord::default()
        };
        assert_eq!(ask(backing_off.clone(), waiting.clone(), true), Ok(1));
        assert_eq!(ask(backing_off, waiting.clone(), false), Ok(1));
        let removed = ContainerRecord { restart_count: 1, last: Some(exit()), ..ContainerRecord::default() };
        assert_eq!(ask(removed.clone(), waiting.clone(), false), Ok(0));
        assert_eq!(ask(removed, waiting, true), Ok(0));
    }

    #[test]
    fn a_container_that_never_ran_says_what_it_waits_for() {
        let pulling = json!({ "waiting": { "reason": "ImagePullBackOff" } });
        let error = "container \"c\" in pod \"p\" is waiting to start: trying and failing to pull image".to_owned();
        assert_eq!(ask(ContainerRecord::default(), pulling, false), Err(error));
    }
}
