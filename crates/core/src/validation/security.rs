//! The checks of the security contexts of containers and Pods.

mod go_json;
mod pod;
mod profiles;

use k8s_openapi::api::core::v1::SecurityContext;

use super::{Options, format};
use crate::field::{BadValue, FieldPath, Report};
use crate::unset::{is_true, list};

pub(super) use pod::{check_host_users, check_pod};

/// Of a container. `host_users`: whether the Pod uses the host's user namespace.
pub(super) fn check_container(
    context: &SecurityContext,
    host_users: bool,
    options: &Options,
    path: &FieldPath,
    report: &mut Report,
) {
    let privileged = is_true(context.privileged);
    if privileged && !options.allow_privileged {
        report.forbidden(path.child("privileged"), "disallowed by cluster policy");
    }
    check_id(context.run_as_user, path.child("runAsUser"), report);
    check_id(context.run_as_group, path.child("runAsGroup"), report);
    if let Some(proc_mount) = &context.proc_mount {
        check_proc_mount(proc_mount, host_users, path.child("procMount"), report);
    }
    profiles::check_seccomp(context.seccomp_profile.as_ref(), &path.child("seccompProfile"), report);
    if context.allow_privilege_escalation == Some(false) {
        check_no_escalation(context, privileged, path, report);
    }
    profiles::check_windows(context.windows_options.as_ref(), &path.child("windowsOptions"), report);
    profiles::check_app_armor(context.app_armor_profile.as_ref(), &path.child("appArmorProfile"), report);
}

fn check_no_escalation(context: &SecurityContext, privileged: bool, path: &FieldPath, report: &mut Report) {
    let shown = || BadValue::Json(go_json::security_context(context));
    if privileged {
        let detail = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true";
        report.invalid(path.clone(), shown(), detail);
    }
    let added = context.capabilities.as_ref().map(|capabilities| list(&capabilities.add)).unwrap_or_default();
    for _ in added.iter().filter(|capability| *capability == "CAP_SYS_ADMIN") {
        let detail = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN";
        report.invalid(path.clone(), shown(), detail);
    }
}

fn check_proc_mount(proc_mount: &str, host_users: bool, path: FieldPath, report: &mut Report) {
    match proc_mount {
        "Default" => {}
        "Unmasked" if host_users => {
            report.invalid(path, proc_mount, "`hostUsers` must be false to use `Unmasked`");
        }
        "Unmasked" => {}
        other => report.not_supported(path, other, &["Default", "Unmasked"]),
    }
}

fn check_id(id: Option<i64>, path: FieldPath, report: &mut Report) {
    let Some(id) = id else { return };
    for problem in format::user_id(id) {
        report.invalid(path.clone(), id, &problem);
    }
}
