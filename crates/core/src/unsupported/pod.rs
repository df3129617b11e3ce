//! What a Pod as a whole asks for.

use k8s_openapi::api::core::v1::{PodSecurityContext, PodSpec};

use super::Unsupported;
use crate::field::FieldPath;
use crate::unset::{list, text};

const SCHEDULING: &str = "there is one node, and the Pod runs on it whatever this says";

pub(super) fn find(spec: &PodSpec, path: &FieldPath, found: &mut Unsupported) {
    find_errors(spec, path, found);
    find_scheduling(spec, path, found);
    find_warnings(spec, path, found);
    if let Some(context) = &spec.security_context {
        find_security(context, &path.child("securityContext"), found);
    }
}

fn find_errors(spec: &PodSpec, path: &FieldPath, found: &mut Unsupported) {
    let errors = [
        ("hostUsers", spec.host_users == Some(false), "the Pod would run in the host's user namespace"),
        ("resourceClaims", !list(&spec.resource_claims).is_empty(), "the Pod would run without its devices"),
        ("resources", spec.resources.is_some(), "set requests and limits on the containers"),
    ];
    for (field, _, consequence) in errors.into_iter().filter(|(_, set, _)| *set) {
        found.error(path.child(field), consequence);
    }
    let errors_alone = [
        ("runtimeClassName", !text(&spec.runtime_class_name).is_empty(), "there is one runtime"),
        ("schedulingGates", !list(&spec.scheduling_gates).is_empty(), "the Pod would start although it is gated"),
    ];
    for (field, _, consequence) in errors_alone.into_iter().filter(|(_, set, _)| *set) {
        found.error_alone(path.child(field), consequence);
    }
}

fn find_scheduling(spec: &PodSpec, path: &FieldPath, found: &mut Unsupported) {
    let other_scheduler = !["", "default-scheduler"].contains(&text(&spec.scheduler_name));
    let ignored = [
        ("affinity", spec.affinity.is_some()),
        ("nodeSelector", spec.node_selector.as_ref().is_some_and(|selector| !selector.is_empty())),
        ("topologySpreadConstraints", !list(&spec.topology_spread_constraints).is_empty()),
        ("schedulerName", other_scheduler),
        ("schedulingGroup", spec.scheduling_group.is_some()),
    ];
    for (field, _) in ignored.into_iter().filter(|(_, set)| *set) {
        found.warn_alone(path.child(field), SCHEDULING);
    }
}

fn find_warnings(spec: &PodSpec, path: &FieldPath, found: &mut Unsupported) {
    let token = !text(&spec.service_account_name).is_empty() && spec.automount_service_account_token != Some(false);
    if token {
        found.warn_alone(path.child("serviceAccountName"), "no token is mounted");
    }
}

fn find_security(context: &PodSecurityContext, path: &FieldPath, found: &mut Unsupported) {
    let ignored = [
        ("seLinuxChangePolicy", context.se_linux_change_policy.is_some(), "volumes are not relabelled"),
        ("windowsOptions", context.windows_options.is_some(), "the node runs Linux"),
    ];
    for (field, _, consequence) in ignored.into_iter().filter(|(_, set, _)| *set) {
        found.warn(path.child(field), consequence);
    }
}
