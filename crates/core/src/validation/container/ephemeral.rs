//! The checks of ephemeral containers, which may have less than others.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::EphemeralContainer;

use super::{Surroundings, check_common, check_image};
use crate::field::{FieldPath, Report};
use crate::roles::ephemeral_as_container;
use crate::unset::{list, text};

const NOT_HERE: &str = "cannot be set for an Ephemeral Container";

pub(in super::super) fn check_ephemeral(pod: &Surroundings<'_>, path: &FieldPath, report: &mut Report) {
    let others = list(&pod.spec.init_containers).iter().chain(&pod.spec.containers);
    let others: BTreeSet<&str> = others.map(|container| container.name.as_str()).collect();
    let mut names = others.clone();
    for (i, ephemeral) in list(&pod.spec.ephemeral_containers).iter().enumerate() {
        let path = path.index(i);
        let container = ephemeral_as_container(ephemeral);
        check_common(&container, pod, &path, report);
        check_image(&container, &path, report);
        if !names.insert(&ephemeral.name) {
            report.duplicate(path.child("name"), &ephemeral.name);
        }
        let target = text(&ephemeral.target_container_name);
        if !target.is_empty() && !others.contains(target) {
            report.not_found(path.child("targetContainerName"), target, "");
        }
        forbid_fields(ephemeral, &path, report);
    }
}

fn forbid_fields(ephemeral: &EphemeralContainer, path: &FieldPath, report: &mut Report) {
    let resources = ephemeral.resources.as_ref().is_some_and(|resources| {
        resources.limits.is_some() || resources.requests.is_some() || resources.claims.is_some()
    });
    let fields = [
        ("ports", !list(&ephemeral.ports).is_empty()),
        ("resources", resources),
        ("resizePolicy", !list(&ephemeral.resize_policy).is_empty()),
        ("restartPolicy", ephemeral.restart_policy.is_some()),
        ("restartPolicyRules", !list(&ephemeral.restart_policy_rules).is_empty()),
        ("livenessProbe", ephemeral.liveness_probe.is_some()),
        ("readinessProbe", ephemeral.readiness_probe.is_some()),
        ("startupProbe", ephemeral.startup_probe.is_some()),
        ("lifecycle", ephemeral.lifecycle.is_some()),
    ];
    for (name, _) in fields.iter().filter(|(_, set)| *set) {
        report.forbidden(path.child(name), NOT_HERE);
    }
    for (i, mount) in list(&ephemeral.volume_mounts).iter().enumerate() {
        let path = path.child("volumeMounts").index(i);
        for (name, value) in [("subPath", &mount.sub_path), ("subPathExpr", &mount.sub_path_expr)] {
            if !text(value).is_empty() {
                report.forbidden(path.child(name), NOT_HERE);
            }
        }
    }
}
