//! What a Pod means where it says nothing: the API server's defaults, and those of its admission.
//!
//! Setting them twice changes nothing, so a stored Pod may pass through here again.

mod container;
mod image;
mod probe;
mod tolerations;
mod volume;

use k8s_openapi::api::core::v1::{Container, Pod, PodSecurityContext, PodSpec};

use crate::unset::is_true;

/// The grace period of a Pod that gives none, in seconds.
pub const TERMINATION_GRACE_PERIOD_SECONDS: i64 = 30;

/// Fills in everything that is not set.
pub fn set_defaults(pod: &mut Pod) {
    pod.metadata.namespace.get_or_insert_with(|| "default".to_owned());
    let spec = pod.spec.get_or_insert_default();
    set_spec_defaults(spec);
    tolerations::set_defaults(spec);
}

/// The same for the spec of Pods that are still to be made, such as a Job's: without what admission gives to a Pod.
pub fn set_spec_defaults(spec: &mut PodSpec) {
    set_spec(spec);
    for volume in spec.volumes.iter_mut().flatten() {
        volume::set_defaults(volume);
    }
    for container in spec.init_containers.iter_mut().flatten().chain(&mut spec.containers) {
        container::set_defaults(container);
    }
    for container in spec.ephemeral_containers.iter_mut().flatten() {
        container::set_ephemeral_defaults(container);
    }
    if is_true(spec.host_network) {
        for container in spec.init_containers.iter_mut().flatten().chain(&mut spec.containers) {
            use_host_ports(container);
        }
    }
}

fn set_spec(spec: &mut PodSpec) {
    set_text(&mut spec.restart_policy, "Always");
    set_text(&mut spec.dns_policy, "ClusterFirst");
    set_text(&mut spec.scheduler_name, "default-scheduler");
    spec.termination_grace_period_seconds.get_or_insert(TERMINATION_GRACE_PERIOD_SECONDS);
    spec.security_context.get_or_insert_with(PodSecurityContext::default);
    spec.enable_service_links.get_or_insert(true);
    // The older name of the field goes on to be kept beside the newer one.
    if spec.service_account_name.is_none() {
        spec.service_account_name.clone_from(&spec.service_account);
    }
    spec.service_account.clone_from(&spec.service_account_name);
}

/// On the host's network a port of the container is a port of the host.
fn use_host_ports(container: &mut Container) {
    for port in container.ports.iter_mut().flatten() {
        if port.host_port.unwrap_or_default() == 0 {
            port.host_port = Some(port.container_port);
        }
    }
}

/// An empty text counts as unset, as in Kubernetes.
fn set_text(field: &mut Option<String>, default: &str) {
    if field.as_deref().unwrap_or_default().is_empty() {
        *field = Some(default.to_owned());
    }
}

#[cfg(test)]
mod tests;
