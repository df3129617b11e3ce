//! The last status of a Pod of which this node has nothing: it was never begun, or its record is lost.

use k8s_openapi::api::core::v1::{
    ContainerState, ContainerStateTerminated, ContainerStatus, Pod, PodCondition, PodStatus,
};
use reprise_core::api_pod;

/// SIGKILL's.
const EXIT_CODE: i32 = 137;
const REASON: &str = "ContainerStatusUnknown";

/// What is to be said before the Pod's deletion is confirmed; none if the API knows how it ended.
pub(super) fn of_absent(pod: &Pod) -> Option<PodStatus> {
    if api_pod::has_ended(pod) {
        return None;
    }
    let mut status = pod.status.clone().unwrap_or_default();
    status.phase = Some("Failed".to_owned());
    let lists =
        [&mut status.init_container_statuses, &mut status.container_statuses, &mut status.ephemeral_container_statuses];
    lists.into_iter().flatten().flatten().for_each(end);
    for condition in status.conditions.iter_mut().flatten() {
        close(condition);
    }
    Some(status)
}

fn end(container: &mut ContainerStatus) {
    let has_ended = container.state.as_ref().is_some_and(|state| state.terminated.is_some());
    container.ready = false;
    container.started = Some(false);
    if has_ended {
        return;
    }
    let was_running = container.state.as_ref().is_some_and(|state| state.running.is_some());
    let before = if was_running { "Running" } else { "Waiting" };
    let message =
        format!("The container could not be located when the pod was deleted. The container used to be {before}");
    let terminated = ContainerStateTerminated {
        exit_code: EXIT_CODE,
        reason: Some(REASON.to_owned()),
        message: Some(message),
        ..ContainerStateTerminated::default()
    };
    container.state = Some(ContainerState { terminated: Some(terminated), ..ContainerState::default() });
}

fn close(condition: &mut PodCondition) {
    if matches!(condition.type_.as_str(), "Ready" | "ContainersReady") && condition.status == "True" {
        condition.status = "False".to_owned();
        condition.reason = Some("PodFailed".to_owned());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn containers_that_nobody_finds_have_ended_and_an_end_that_is_known_stays() {
        let pod = |status| serde_json::from_value(json!({"metadata": {}, "status": status})).unwrap();
        let statuses = json!([
            {"name": "a", "image": "", "imageID": "", "ready": true, "restartCount": 0, "state": {"running": {}}},
            {"name": "b", "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": {"terminated": {"exitCode": 3}}}]);
        let status = of_absent(&pod(json!({"phase": "Running", "containerStatuses": statuses}))).unwrap();
        let codes: Vec<i32> = status
            .container_statuses
            .iter()
            .flatten()
            .map(|c| c.state.clone().unwrap().terminated.unwrap().exit_code)
            .collect();
        assert_eq!((status.phase.as_deref(), codes), (Some("Failed"), vec![137, 3]));
        assert_eq!(of_absent(&pod(json!({"phase": "Succeeded"}))), None);
    }
}
