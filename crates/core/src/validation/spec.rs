//! The checks of a Pod's spec, in the API server's order.

use k8s_openapi::api::core::v1::PodSpec;

use super::container::{self, Surroundings};
use super::{Options, check_one_of, dns, env_files, format, metadata, ports, resources, scheduling, security, volumes};
use crate::field::{FieldPath, Report};
use crate::unset::{entries, is_true, list, text};

const RESTART_POLICIES: [&str; 3] = ["Always", "OnFailure", "Never"];
const PREEMPTION_POLICIES: [&str; 2] = ["PreemptLowerPriority", "Never"];
/// The longest host name that the kernel takes.
const MAX_HOST_NAME: usize = 64;

pub(super) fn check(spec: &PodSpec, pod_name: &str, options: &Options, path: &FieldPath, report: &mut Report) {
    if spec.termination_grace_period_seconds.is_none() {
        report.required(path.child("terminationGracePeriodSeconds"), "");
    }
    let valid_volumes = volumes::check(list(&spec.volumes), pod_name, &path.child("volumes"), report);
    let claims = scheduling::check_claims(list(&spec.resource_claims), &path.child("resourceClaims"), report);
    let pod = Surroundings { spec, volumes: valid_volumes, claims, options };
    container::check_regular(&pod, &path.child("containers"), report);
    container::check_init(&pod, &path.child("initContainers"), report);
    container::check_ephemeral(&pod, &path.child("ephemeralContainers"), report);
    env_files::check(spec, path, report);
    if let Some(wanted) = &spec.resources {
        resources::check(wanted, &pod.claims, &path.child("resources"), report);
    }
    if is_true(spec.host_network) {
        ports::check_host_network(&spec.containers, &path.child("containers"), report);
    }
    check_one_of(text(&spec.restart_policy), &RESTART_POLICIES, path.child("restartPolicy"), report);
    dns::check_policy(text(&spec.dns_policy), path.child("dnsPolicy"), report);
    metadata::check_labels(entries(&spec.node_selector), &path.child("nodeSelector"), report);
    if let Some(context) = &spec.security_context {
        security::check_pod(context, spec, &path.child("securityContext"), report);
    }
    if let Some(affinity) = &spec.affinity {
        scheduling::check_affinity(affinity, &path.child("affinity"), report);
    }
    dns::check_config(spec.dns_config.as_ref(), text(&spec.dns_policy), &path.child("dnsConfig"), report);
    scheduling::check_gates(spec, path, report);
    let constraints = list(&spec.topology_spread_constraints);
    scheduling::check_topology(constraints, &path.child("topologySpreadConstraints"), report);
    security::check_host_users(spec, path, report);
    check_names(spec, path, report);
    check_rest(spec, path, report);
}

fn check_names(spec: &PodSpec, path: &FieldPath, report: &mut Report) {
    let mut subdomain = |name: &str, value: &Option<String>| {
        let value = text(value);
        if !value.is_empty() {
            report.invalid_each(&path.child(name), value, format::dns_subdomain(value));
        }
    };
    subdomain("serviceAccountName", &spec.service_account_name);
    subdomain("nodeName", &spec.node_name);
    if let Some(seconds) = spec.active_deadline_seconds.filter(|seconds| !(1..=i64::from(i32::MAX)).contains(seconds)) {
        report.invalid(path.child("activeDeadlineSeconds"), seconds, &format::range(1, i64::from(i32::MAX)));
    }
    for (name, value) in [("hostname", text(&spec.hostname)), ("subdomain", text(&spec.subdomain))] {
        if !value.is_empty() {
            report.invalid_each(&path.child(name), value, format::dns_label(value));
        }
    }
    check_hostname_override(spec, path, report);
}

fn check_hostname_override(spec: &PodSpec, path: &FieldPath, report: &mut Report) {
    let Some(name) = &spec.hostname_override else { return };
    let path = path.child("hostnameOverride");
    report.invalid_each(&path, name, format::dns_subdomain(name));
    if name.len() > MAX_HOST_NAME {
        report.too_long(path.clone(), MAX_HOST_NAME);
    }
    if is_true(spec.set_hostname_as_fqdn) {
        report.forbidden(path.clone(), "may not be specified when `setHostnameAsFQDN` is true");
    }
    if is_true(spec.host_network) {
        report.forbidden(path, "may not be specified when `hostNetwork` is true");
    }
}

fn check_rest(spec: &PodSpec, path: &FieldPath, report: &mut Report) {
    scheduling::check_tolerations(list(&spec.tolerations), &path.child("tolerations"), report);
    dns::check_host_aliases(list(&spec.host_aliases), &path.child("hostAliases"), report);
    for (name, value) in
        [("priorityClassName", text(&spec.priority_class_name)), ("runtimeClassName", text(&spec.runtime_class_name))]
    {
        if !value.is_empty() {
            report.invalid_each(&path.child(name), value, format::dns_subdomain(value));
        }
    }
    if let Some(policy) = &spec.preemption_policy {
        check_one_of(policy, &PREEMPTION_POLICIES, path.child("preemptionPolicy"), report);
    }
    if let Some(overhead) = &spec.overhead {
        resources::check_limits(overhead, &path.child("overhead"), report);
    }
    if let Some(os) = &spec.os {
        check_one_of(&os.name, &["linux", "windows"], path.child("os").child("name"), report);
        if os.name == "linux" {
            forbid_windows_options(spec, path, report);
        }
    }
}

fn forbid_windows_options(spec: &PodSpec, path: &FieldPath, report: &mut Report) {
    const DETAIL: &str = "windows options cannot be set for a linux pod";
    let windows = |path: FieldPath| path.child("securityContext").child("windowsOptions");
    if spec.security_context.as_ref().is_some_and(|context| context.windows_options.is_some()) {
        report.forbidden(windows(path.clone()), DETAIL);
    }
    for (name, containers) in
        [("initContainers", list(&spec.init_containers)), ("containers", spec.containers.as_slice())]
    {
        for (i, container) in containers.iter().enumerate() {
            if container.security_context.as_ref().is_some_and(|context| context.windows_options.is_some()) {
                report.forbidden(windows(path.child(name).index(i)), DETAIL);
            }
        }
    }
}
