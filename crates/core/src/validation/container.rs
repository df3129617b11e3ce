//! The checks of containers: what all have in common, and what init, regular and ephemeral ones differ in.

mod ephemeral;

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Container, PodSpec};

use super::handlers::{ProbeKind, check_lifecycle, check_probe};
use super::mounts::Volumes;
use super::{Options, check_one_of, env, format, mounts, ports, resources, restart_rules, security};
use crate::field::{FieldPath, Report};
use crate::unset::{list, text};

pub(super) use ephemeral::check_ephemeral;

const PULL_POLICIES: [&str; 3] = ["Always", "IfNotPresent", "Never"];
const MESSAGE_POLICIES: [&str; 2] = ["File", "FallbackToLogsOnError"];

/// What a container's checks need to know of its Pod.
pub(super) struct Surroundings<'a> {
    pub spec: &'a PodSpec,
    pub volumes: Volumes<'a>,
    pub claims: BTreeSet<&'a str>,
    pub options: &'a Options,
}

impl Surroundings<'_> {
    fn grace(&self) -> Option<i64> {
        self.spec.termination_grace_period_seconds
    }
}

pub(super) fn check_regular(pod: &Surroundings<'_>, path: &FieldPath, report: &mut Report) {
    let containers = &pod.spec.containers;
    if containers.is_empty() {
        return report.required(path.clone(), "");
    }
    let mut names = BTreeSet::new();
    for (i, container) in containers.iter().enumerate() {
        let path = path.index(i);
        check_common(container, pod, &path, report);
        if !names.insert(container.name.as_str()) {
            report.duplicate(path.child("name"), &container.name);
        }
        check_handlers(container, pod.grace(), &path, report);
        restart_rules::check(container, false, pod.options, &path, report);
    }
    ports::check_host_ports(containers.iter().enumerate().map(|(i, container)| (path.index(i), container)), report);
}

pub(super) fn check_init(pod: &Surroundings<'_>, path: &FieldPath, report: &mut Report) {
    let mut names: BTreeSet<&str> = pod.spec.containers.iter().map(|container| container.name.as_str()).collect();
    for (i, container) in list(&pod.spec.init_containers).iter().enumerate() {
        // Init containers run one by one, so only one's own ports can collide; reported at the first path.
        let (list_path, path) = (path, path.index(i));
        check_common(container, pod, &path, report);
        restart_rules::check(container, true, pod.options, &path, report);
        if !container.name.is_empty() && !names.insert(&container.name) {
            report.duplicate(path.child("name"), &container.name);
        }
        ports::check_host_ports(std::iter::once((list_path.index(0), container)), report);
        if container.restart_policy.as_deref() == Some("Always") {
            check_handlers(container, pod.grace(), &path, report);
        } else {
            forbid_handlers(container, &path, report);
        }
    }
}

fn check_handlers(container: &Container, grace: Option<i64>, path: &FieldPath, report: &mut Report) {
    if let Some(lifecycle) = &container.lifecycle {
        check_lifecycle(lifecycle, grace, &path.child("lifecycle"), report);
    }
    let probes = [
        ("livenessProbe", &container.liveness_probe, ProbeKind::Liveness),
        ("readinessProbe", &container.readiness_probe, ProbeKind::Readiness),
        ("startupProbe", &container.startup_probe, ProbeKind::Startup),
    ];
    for (name, probe, kind) in probes {
        check_probe(probe.as_ref(), kind, grace, &path.child(name), report);
    }
}

/// An init container that runs to its end has nothing to probe.
fn forbid_handlers(container: &Container, path: &FieldPath, report: &mut Report) {
    let fields = [
        ("lifecycle", container.lifecycle.is_some()),
        ("livenessProbe", container.liveness_probe.is_some()),
        ("readinessProbe", container.readiness_probe.is_some()),
        ("startupProbe", container.startup_probe.is_some()),
    ];
    for (name, _) in fields.iter().filter(|(_, set)| *set) {
        report.forbidden(path.child(name), "may not be set for init containers without restartPolicy=Always");
    }
}

fn check_common(container: &Container, pod: &Surroundings<'_>, path: &FieldPath, report: &mut Report) {
    match container.name.as_str() {
        "" => report.required(path.child("name"), ""),
        name => report.invalid_each(&path.child("name"), name, format::dns_label(name)),
    }
    if text(&container.image).is_empty() {
        report.required(path.child("image"), "");
    }
    let message_policy = path.child("terminationMessagePolicy");
    check_one_of(text(&container.termination_message_policy), &MESSAGE_POLICIES, message_policy, report);
    ports::check(list(&container.ports), &path.child("ports"), report);
    env::check_env(list(&container.env), &path.child("env"), report);
    env::check_env_from(list(&container.env_from), &path.child("envFrom"), report);
    mounts::check(container, &pod.volumes, path, report);
    check_pull_policy(text(&container.image_pull_policy), path.child("imagePullPolicy"), report);
    if let Some(wanted) = &container.resources {
        resources::check(wanted, &pod.claims, &path.child("resources"), report);
    }
    let resize = list(&container.resize_policy);
    resources::check_resize(resize, text(&pod.spec.restart_policy), &path.child("resizePolicy"), report);
    if let Some(context) = &container.security_context {
        let host_users = pod.spec.host_users != Some(false);
        security::check_container(context, host_users, pod.options, &path.child("securityContext"), report);
    }
}

pub(super) fn check_pull_policy(policy: &str, path: FieldPath, report: &mut Report) {
    check_one_of(policy, &PULL_POLICIES, path, report);
}

/// What templates may have and Pods may not.
pub(super) fn check_images(containers: &[Container], path: &FieldPath, report: &mut Report) {
    for (i, container) in containers.iter().enumerate() {
        check_image(container, &path.index(i), report);
    }
}

fn check_image(container: &Container, path: &FieldPath, report: &mut Report) {
    let image = text(&container.image);
    if image.trim() != image {
        report.invalid(path.child("image"), image, "must not have leading or trailing whitespace");
    }
}
