//! The whole `PodStatus`, computed from the ledger in every pass and never patched.

mod conditions;
mod containers;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{HostIP, PodIP, PodStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::pass::Pass;
use crate::ledger::Ending;
use crate::qos::qos_class;
use crate::roles::Role;

/// Reports the Pod as it is at the end of the pass, and notes transitions of its conditions in the ledger.
pub(super) fn report(pass: &mut Pass<'_>) -> PodStatus {
    let statuses = containers::report(pass);
    let phase = phase(pass);
    let conditions = conditions::report(pass, &statuses, phase);
    let ending = pass.ledger.ending.as_ref().filter(|e| e.over || !e.reason.is_empty());
    let refused = pass.ledger.is_refused();
    let text = |s: &String| (!s.is_empty()).then(|| s.clone());
    let (host_ips, pod_ips) = addresses(pass);
    PodStatus {
        phase: Some(phase.to_owned()),
        conditions: Some(conditions),
        reason: ending.and_then(|e| text(&e.reason)),
        message: ending.and_then(message),
        start_time: pass.ledger.started_at.map(seconds),
        qos_class: Some(qos_class(pass.desired.pod).to_owned()),
        host_ip: host_ips.first().cloned(),
        host_ips: (!host_ips.is_empty()).then(|| host_ips.into_iter().map(|ip| HostIP { ip }).collect()),
        pod_ip: pod_ips.first().cloned(),
        pod_ips: (!pod_ips.is_empty()).then(|| pod_ips.into_iter().map(|ip| PodIP { ip }).collect()),
        observed_generation: pass.desired.pod.metadata.generation,
        init_container_statuses: (!refused && !statuses.init.is_empty()).then_some(statuses.init),
        container_statuses: (!refused).then_some(statuses.regular),
        ephemeral_container_statuses: (!statuses.ephemeral.is_empty()).then_some(statuses.ephemeral),
        ..PodStatus::default()
    }
}

fn message(ending: &Ending) -> Option<String> {
    let refused = if ending.refused { "Pod was rejected: " } else { "" };
    (!ending.message.is_empty()).then(|| format!("{refused}{}", ending.message))
}

/// Semantics section 3: `Pending` until the init containers of this epoch are through and a regular container has
/// been started, then `Running`; an end only when it is one, and never because of an older epoch's states.
fn phase(pass: &Pass<'_>) -> &'static str {
    let ledger = &pass.ledger;
    let started = |name: &str| ledger.containers.get(name).is_some_and(|r| r.was_started());
    match &ledger.ending {
        Some(ending) if ending.over => {
            if ending.succeeded {
                "Succeeded"
            } else {
                "Failed"
            }
        }
        _ if !ledger.initialized => "Pending",
        _ if pass.containers.iter().any(|c| c.role == Role::Regular && started(c.name())) => "Running",
        _ => "Pending",
    }
}

fn addresses(pass: &Pass<'_>) -> (Vec<String>, Vec<String>) {
    let host: Vec<String> = pass.desired.host_ip.map(str::to_owned).into_iter().collect();
    let on_host = pass.spec().and_then(|s| s.host_network) == Some(true);
    let pod = match &pass.ledger.sandbox {
        Some(_) if on_host => host.clone(),
        Some(sandbox) => sandbox.ips.clone(),
        None => Vec::new(),
    };
    (host, pod)
}

/// The API's times have no fractions.
fn seconds(at: Timestamp) -> Time {
    Time(Timestamp::from_second(at.as_second()).unwrap_or(at))
}
