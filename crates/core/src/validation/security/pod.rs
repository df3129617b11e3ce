//! The checks of a Pod's security context and of what a Pod shares with the host.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{PodSecurityContext, PodSpec, Sysctl};

use super::super::format;
use super::{check_id, profiles};
use crate::field::{FieldPath, Report};
use crate::unset::{is_true, list};

const SYSCTL: &str = r"must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$";

pub(in super::super) fn check_pod(context: &PodSecurityContext, spec: &PodSpec, path: &FieldPath, report: &mut Report) {
    check_id(context.fs_group, path.child("fsGroup"), report);
    check_id(context.run_as_user, path.child("runAsUser"), report);
    check_id(context.run_as_group, path.child("runAsGroup"), report);
    for (i, group) in list(&context.supplemental_groups).iter().enumerate() {
        check_id(Some(*group), path.child("supplementalGroups").index(i), report);
    }
    if is_true(spec.share_process_namespace) && is_true(spec.host_pid) {
        let detail = "ShareProcessNamespace and HostPID cannot both be enabled";
        report.invalid(path.child("shareProcessNamespace"), true, detail);
    }
    check_sysctls(list(&context.sysctls), spec, &path.child("sysctls"), report);
    let policy = path.child("fsGroupChangePolicy");
    check_one_of(&context.fs_group_change_policy, &["Always", "OnRootMismatch"], policy, report);
    profiles::check_seccomp(context.seccomp_profile.as_ref(), &path.child("seccompProfile"), report);
    profiles::check_windows(context.windows_options.as_ref(), &path.child("windowsOptions"), report);
    profiles::check_app_armor(context.app_armor_profile.as_ref(), &path.child("appArmorProfile"), report);
    let policy = path.child("supplementalGroupsPolicy");
    check_one_of(&context.supplemental_groups_policy, &["Merge", "Strict"], policy, report);
    let policy = path.child("seLinuxChangePolicy");
    check_one_of(&context.se_linux_change_policy, &["MountOption", "Recursive"], policy, report);
}

fn check_one_of(value: &Option<String>, supported: &[&str], path: FieldPath, report: &mut Report) {
    if let Some(value) = value.as_deref().filter(|value| !supported.contains(value)) {
        report.not_supported(path, value, supported);
    }
}

fn check_sysctls(sysctls: &[Sysctl], spec: &PodSpec, path: &FieldPath, report: &mut Report) {
    let mut seen = BTreeSet::new();
    for (i, sysctl) in sysctls.iter().enumerate() {
        let path = path.index(i).child("name");
        let name = sysctl.name.as_str();
        if name.is_empty() {
            report.required(path.clone(), "");
        } else if !format::is_sysctl_name(name) {
            report.invalid(path.clone(), name, SYSCTL);
        } else if seen.contains(name) {
            report.duplicate(path.clone(), name);
        }
        let dotted = name.replace('/', ".");
        if is_true(spec.host_network) && dotted.starts_with("net.") {
            report.invalid(path, name, "may not be specified when 'hostNetwork' is true");
        } else if is_true(spec.host_ipc) && is_ipc(&dotted) {
            report.invalid(path, name, "may not be specified when 'hostIPC' is true");
        }
        seen.insert(name);
    }
}

fn is_ipc(sysctl: &str) -> bool {
    ["kernel.shm", "kernel.msg", "fs.mqueue."].iter().any(|prefix| sysctl.starts_with(prefix)) || sysctl == "kernel.sem"
}

/// A user namespace of the Pod's own goes with no other namespace of the host.
pub(in super::super) fn check_host_users(spec: &PodSpec, path: &FieldPath, report: &mut Report) {
    if spec.host_users != Some(false) {
        return;
    }
    for (name, set) in [("hostNetwork", spec.host_network), ("HostPID", spec.host_pid), ("HostIPC", spec.host_ipc)] {
        if is_true(set) {
            report.forbidden(path.child(name), "when `pod.Spec.HostUsers` is false");
        }
    }
}
