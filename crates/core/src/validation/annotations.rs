//! The checks of the annotations that change what a Pod does: those of Kubernetes and ours.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Pod, PodSpec};

use super::path_form::check_descending;
use crate::annotations::{self, AnnotationError};
use crate::field::{FieldPath, Report};
use crate::unset::text;

const MIRROR: &str = "kubernetes.io/config.mirror";
const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";
const SECCOMP_POD: &str = "seccomp.security.alpha.kubernetes.io/pod";
const SECCOMP_CONTAINER: &str = "container.seccomp.security.alpha.kubernetes.io/";

pub(super) fn check(pod: &Pod, spec: &PodSpec, path: &FieldPath, report: &mut Report) {
    if let Some(all) = &pod.metadata.annotations {
        check_kubernetes(all, spec, path, report);
    }
    check_ours(annotations::restart_backoff(pod), path, report);
    check_ours(annotations::restart_at(pod), path, report);
    check_ours(annotations::restart_grace_period(pod), path, report);
}

fn check_ours<T>(read: Result<T, AnnotationError>, path: &FieldPath, report: &mut Report) {
    if let Err(error) = read {
        report.invalid(path.key(error.annotation), error.value, &error.problem.to_string());
    }
}

fn check_kubernetes(all: &BTreeMap<String, String>, spec: &PodSpec, path: &FieldPath, report: &mut Report) {
    if let Some(value) = all.get(MIRROR).filter(|_| text(&spec.node_name).is_empty()) {
        report.invalid(path.key(MIRROR), value, "must set spec.nodeName if mirror pod annotation is set");
    }
    if let Some(cost) = all.get(DELETION_COST).filter(|cost| !is_deletion_cost(cost)) {
        report.invalid(path.key(DELETION_COST), cost, "must be a 32bit integer");
    }
    for (key, profile) in all {
        if key == SECCOMP_POD || key.starts_with(SECCOMP_CONTAINER) {
            check_seccomp(profile, &path.child(key), report);
        }
    }
}

/// A 32-bit integer without a sign `+` or leading zeros.
fn is_deletion_cost(cost: &str) -> bool {
    cost.parse::<i32>().is_ok_and(|value| value.to_string() == cost)
}

fn check_seccomp(profile: &str, path: &FieldPath, report: &mut Report) {
    match (profile, profile.strip_prefix("localhost/")) {
        ("runtime/default" | "docker/default" | "unconfined", _) => {}
        (_, Some(file)) => check_descending(file, path, report),
        _ => report.invalid(path.clone(), profile, "must be a valid seccomp profile"),
    }
}
