//! The defaults of containers.

use k8s_openapi::api::core::v1::{
    Container, ContainerPort, EnvVar, EphemeralContainer, Lifecycle, ResourceRequirements,
};

use super::{image, probe, set_text};
use crate::unset::text;

pub(super) fn set_defaults(container: &mut Container) {
    let policy = image::pull_policy(text(&container.image));
    set_text(&mut container.image_pull_policy, policy);
    set_text(&mut container.termination_message_path, "/dev/termination-log");
    set_text(&mut container.termination_message_policy, "File");
    set_ports(&mut container.ports);
    set_env(&mut container.env);
    set_requests(&mut container.resources);
    let probes = [&mut container.liveness_probe, &mut container.readiness_probe, &mut container.startup_probe];
    probes.into_iter().flatten().for_each(probe::set_defaults);
    set_hooks(&mut container.lifecycle);
}

pub(super) fn set_ephemeral_defaults(container: &mut EphemeralContainer) {
    let policy = image::pull_policy(text(&container.image));
    set_text(&mut container.image_pull_policy, policy);
    set_text(&mut container.termination_message_path, "/dev/termination-log");
    set_text(&mut container.termination_message_policy, "File");
    set_env(&mut container.env);
}

fn set_ports(ports: &mut Option<Vec<ContainerPort>>) {
    for port in ports.iter_mut().flatten() {
        set_text(&mut port.protocol, "TCP");
    }
}

fn set_env(env: &mut Option<Vec<EnvVar>>) {
    for source in env.iter_mut().flatten().filter_map(|var| var.value_from.as_mut()) {
        if let Some(field) = &mut source.field_ref {
            set_text(&mut field.api_version, "v1");
        }
        if let Some(file) = &mut source.file_key_ref {
            file.optional.get_or_insert(false);
        }
    }
}

/// What is limited and not requested is requested up to its limit.
fn set_requests(resources: &mut Option<ResourceRequirements>) {
    let Some(ResourceRequirements { limits: Some(limits), requests, .. }) = resources else { return };
    let requests = requests.get_or_insert_default();
    for (name, limit) in limits {
        requests.entry(name.clone()).or_insert_with(|| limit.clone());
    }
}

fn set_hooks(lifecycle: &mut Option<Lifecycle>) {
    let Some(lifecycle) = lifecycle else { return };
    for handler in [&mut lifecycle.post_start, &mut lifecycle.pre_stop].into_iter().flatten() {
        handler.http_get.iter_mut().for_each(probe::set_http_defaults);
    }
}
