//! READY, STATUS and RESTARTS of a Pod, as `kubectl get pods` computes them.

use k8s_openapi::api::core::v1::{ContainerState, ContainerStatus};

use super::PodReport;

/// How many containers are ready, of how many.
pub fn ready(pod: &PodReport) -> String {
    let sidecars = pod.init_containers().iter().filter(|c| pod.is_sidecar(&c.name));
    let ready = sidecars.chain(pod.containers()).filter(|c| c.ready).count();
    format!("{ready}/{}", pod.sidecars.len() + pod.regular)
}

/// The restarts of the init containers while they run; then those of the regular containers and sidecars.
pub fn restarts(pod: &PodReport) -> i32 {
    let init = pod.init_containers();
    if init.iter().any(|c| !is_through(pod, c)) {
        return init.iter().map(|c| c.restart_count).sum();
    }
    let sidecars = init.iter().filter(|c| pod.is_sidecar(&c.name));
    sidecars.chain(pod.containers()).map(|c| c.restart_count).sum()
}

/// One or two words: `Running`, `Init:0/2`, `PodInitializing`, `CrashLoopBackOff`, `Completed`, `Terminating`, ...
pub fn status(pod: &PodReport) -> String {
    let reason = pod.status.reason.clone().filter(|r| !r.is_empty()).unwrap_or_else(|| pod.phase.clone());
    let shown = initializing(pod).or_else(|| running(pod)).unwrap_or(reason);
    if pod.terminating && !pod.has_ended() { "Terminating".to_owned() } else { shown }
}

/// What the first init container that is not through says.
fn initializing(pod: &PodReport) -> Option<String> {
    let all = pod.init_containers();
    let (index, blocking) = all.iter().enumerate().find(|(_, c)| !is_through(pod, c))?;
    let state = blocking.state.clone().unwrap_or_default();
    let said = ended_as(&state).or_else(|| waits_for(&state).filter(|r| r != "PodInitializing"));
    Some(match said {
        Some(reason) => format!("Init:{reason}"),
        None => format!("Init:{index}/{}", all.len()),
    })
}

/// An init container that has done its work, or a sidecar that has been started.
fn is_through(pod: &PodReport, container: &ContainerStatus) -> bool {
    let state = container.state.as_ref();
    let succeeded = state.and_then(|s| s.terminated.as_ref()).is_some_and(|t| t.exit_code == 0);
    // A sidecar that ends with the Pod doesn't hide how the Pod ended.
    let sidecar = pod.is_sidecar(&container.name) && (container.started == Some(true) || pod.has_ended());
    succeeded || sidecar
}

/// What the regular containers say; the first one that says something wins.
fn running(pod: &PodReport) -> Option<String> {
    let says = |c: &ContainerStatus| {
        let state = c.state.clone().unwrap_or_default();
        waits_for(&state).or_else(|| ended_as(&state))
    };
    let said = pod.containers().iter().find_map(says);
    let any_runs = pod.containers().iter().any(|c| c.ready && c.state.as_ref().is_some_and(|s| s.running.is_some()));
    match said {
        Some(reason) if reason == "Completed" && any_runs => {
            Some(if pod.is_ready() { "Running" } else { "NotReady" }.to_owned())
        }
        said => said,
    }
}

fn waits_for(state: &ContainerState) -> Option<String> {
    state.waiting.as_ref()?.reason.clone().filter(|r| !r.is_empty())
}

/// How it ended, unless it is an init container that succeeded.
fn ended_as(state: &ContainerState) -> Option<String> {
    let ended = state.terminated.as_ref()?;
    let reason = ended.reason.clone().filter(|r| !r.is_empty());
    Some(reason.unwrap_or_else(|| match ended.signal {
        Some(signal) if signal != 0 => format!("Signal:{signal}"),
        _ => format!("ExitCode:{}", ended.exit_code),
    }))
}

#[cfg(test)]
#[path = "state_text_tests.rs"]
mod tests;
