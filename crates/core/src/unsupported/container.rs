//! What one container asks for.

use k8s_openapi::api::core::v1::{AppArmorProfile, Container, ResourceRequirements, SeccompProfile, SecurityContext};

use super::Unsupported;
use crate::field::FieldPath;
use crate::unset::{entries, list};
use crate::validation::is_huge_pages;

pub(super) fn find(container: &Container, path: &FieldPath, found: &mut Unsupported) {
    for (i, var) in list(&container.env).iter().enumerate() {
        if var.value_from.as_ref().is_some_and(|source| source.file_key_ref.is_some()) {
            let path = path.child("env").index(i).child("valueFrom").child("fileKeyRef");
            found.error(path, "the variable would be missing");
        }
    }
    if !list(&container.volume_devices).is_empty() {
        found.error(path.child("volumeDevices"), "the container would run without its block devices");
    }
    if let Some(resources) = &container.resources {
        find_resources(resources, &path.child("resources"), found);
    }
    if let Some(context) = &container.security_context {
        find_security(context, &path.child("securityContext"), found);
    }
    find_ignored(container, path, found);
}

fn find_resources(resources: &ResourceRequirements, path: &FieldPath, found: &mut Unsupported) {
    for (list, amounts) in [("limits", &resources.limits), ("requests", &resources.requests)] {
        for (name, _) in entries(amounts) {
            let path = path.child(list).key(name);
            if is_huge_pages(name) {
                found.error(path, "the container would run without its huge pages");
            } else if name.contains('/') {
                found.error(path, "there are no device plugins, the node has none of it");
            }
        }
    }
    if !self::list(&resources.claims).is_empty() {
        found.error(path.child("claims"), "the container would run without its devices");
    }
}

fn find_security(context: &SecurityContext, path: &FieldPath, found: &mut Unsupported) {
    find_seccomp(context.seccomp_profile.as_ref(), path, found);
    find_app_armor(context.app_armor_profile.as_ref(), path, found);
    if context.proc_mount.as_deref() == Some("Unmasked") {
        found.error(path.child("procMount"), "it needs a user namespace of the Pod's own");
    }
    if context.se_linux_options.is_some() {
        found.warn(path.child("seLinuxOptions"), "the container runs without an SELinux label");
    }
    if context.windows_options.is_some() {
        found.warn(path.child("windowsOptions"), "the node runs Linux");
    }
}

/// `path`: of the security context.
pub(super) fn find_seccomp(profile: Option<&SeccompProfile>, path: &FieldPath, found: &mut Unsupported) {
    if profile.is_some_and(|profile| profile.type_ == "Localhost") {
        let path = path.child("seccompProfile").child("type");
        found.error(path, "the profile can be RuntimeDefault or Unconfined");
    }
}

/// `path`: of the security context.
pub(super) fn find_app_armor(profile: Option<&AppArmorProfile>, path: &FieldPath, found: &mut Unsupported) {
    let path = path.child("appArmorProfile").child("type");
    match profile.map(|profile| profile.type_.as_str()) {
        Some("Localhost") => found.error(path, "the container would run without its AppArmor profile"),
        Some("RuntimeDefault") => found.warn(path, "the container runs without an AppArmor profile"),
        _ => {}
    }
}

fn find_ignored(container: &Container, path: &FieldPath, found: &mut Unsupported) {
    if !list(&container.resize_policy).is_empty() {
        found.warn(path.child("resizePolicy"), "resources do not change while a Pod runs");
    }
    let Some(lifecycle) = &container.lifecycle else { return };
    for (name, hook) in [("postStart", &lifecycle.post_start), ("preStop", &lifecycle.pre_stop)] {
        if hook.as_ref().is_some_and(|hook| hook.tcp_socket.is_some()) {
            let path = path.child("lifecycle").child(name).child("tcpSocket");
            found.warn(path, "Kubernetes has never run such hooks: they fail");
        }
    }
}
