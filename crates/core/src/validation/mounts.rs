//! The checks of `volumeMounts` and `volumeDevices`.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Container, Volume, VolumeDevice, VolumeMount};

use super::path_form::{check_descending, has_backsteps};
use crate::field::{FieldPath, Report};
use crate::unset::{is_true, list, text};

const PROPAGATIONS: [&str; 3] = ["Bidirectional", "HostToContainer", "None"];
const READ_ONLY_MODES: [&str; 3] = ["Disabled", "Enabled", "IfPossible"];

/// The valid volumes of a Pod by name.
pub(super) type Volumes<'a> = BTreeMap<&'a str, &'a Volume>;

pub(super) fn check(container: &Container, volumes: &Volumes<'_>, path: &FieldPath, report: &mut Report) {
    let mounts = list(&container.volume_mounts);
    let devices = list(&container.volume_devices);
    let path_of = path.child("volumeMounts");
    let mut points = BTreeSet::new();
    for (i, mount) in mounts.iter().enumerate() {
        let item = path_of.index(i);
        check_target(mount, volumes, &item, report);
        if !points.insert(mount.mount_path.as_str()) {
            report.invalid(item.child("mountPath"), &mount.mount_path, "must be unique");
        }
        check_overlap(mount, devices, &item, report);
        check_sub_path(mount, volumes, &path_of, &item, report);
        check_propagation(mount, container, path_of.child("mountPropagation"), report);
        check_recursive_read_only(mount, path_of.child("recursiveReadOnly"), report);
    }
    check_devices(devices, mounts, volumes, &path.child("volumeDevices"), report);
}

fn check_target(mount: &VolumeMount, volumes: &Volumes<'_>, path: &FieldPath, report: &mut Report) {
    if mount.name.is_empty() {
        report.required(path.child("name"), "");
    }
    if !volumes.contains_key(mount.name.as_str()) {
        report.not_found(path.child("name"), &mount.name, "");
    }
    if mount.mount_path.is_empty() {
        report.required(path.child("mountPath"), "");
    }
}

fn check_overlap(mount: &VolumeMount, devices: &[VolumeDevice], path: &FieldPath, report: &mut Report) {
    if devices.iter().any(|device| device.name == mount.name) {
        report.invalid(path.child("name"), &mount.name, "must not already exist in volumeDevices");
    }
    if devices.iter().any(|device| device.device_path == mount.mount_path) {
        let detail = "must not already exist as a path in volumeDevices";
        report.invalid(path.child("mountPath"), &mount.mount_path, detail);
    }
}

/// The API server reports these without the mount's index.
fn check_sub_path(mount: &VolumeMount, volumes: &Volumes<'_>, path: &FieldPath, item: &FieldPath, report: &mut Report) {
    let (sub_path, expression) = (text(&mount.sub_path), text(&mount.sub_path_expr));
    if volumes.get(mount.name.as_str()).is_some_and(|volume| volume.image.is_some()) {
        for (name, value) in [("subPath", sub_path), ("subPathExpr", expression)] {
            if !value.is_empty() {
                report.invalid(item.child(name), value, "not allowed in image volume sources");
            }
        }
    }
    if !sub_path.is_empty() {
        check_descending(sub_path, &path.child("subPath"), report);
    }
    if expression.is_empty() {
        return;
    }
    if !sub_path.is_empty() {
        let detail = "subPathExpr and subPath are mutually exclusive";
        report.invalid(item.child("subPathExpr"), expression, detail);
    }
    check_descending(expression, &path.child("subPathExpr"), report);
}

fn check_propagation(mount: &VolumeMount, container: &Container, path: FieldPath, report: &mut Report) {
    let Some(propagation) = &mount.mount_propagation else { return };
    if !PROPAGATIONS.contains(&propagation.as_str()) {
        report.not_supported(path.clone(), propagation, &PROPAGATIONS);
    }
    let privileged = container.security_context.as_ref().is_some_and(|context| is_true(context.privileged));
    if propagation == "Bidirectional" && !privileged {
        report.forbidden(path, "Bidirectional mount propagation is available only to privileged containers");
    }
}

fn check_recursive_read_only(mount: &VolumeMount, path: FieldPath, report: &mut Report) {
    match mount.recursive_read_only.as_deref() {
        None | Some("Disabled") => {}
        Some("Enabled" | "IfPossible") => {
            if !is_true(mount.read_only) {
                report.forbidden(path.clone(), "may only be specified when readOnly is true");
            }
            if !matches!(text(&mount.mount_propagation), "" | "None") {
                report.forbidden(path, "may only be specified when mountPropagation is None or not specified");
            }
        }
        Some(other) => report.not_supported(path, other, &READ_ONLY_MODES),
    }
}

fn check_devices(
    devices: &[VolumeDevice],
    mounts: &[VolumeMount],
    volumes: &Volumes<'_>,
    path: &FieldPath,
    report: &mut Report,
) {
    let (mut names, mut paths) = (BTreeSet::new(), BTreeSet::new());
    for (i, device) in devices.iter().enumerate() {
        let item = path.index(i);
        let name = item.child("name");
        if device.name.is_empty() {
            report.required(name.clone(), "");
        } else if !names.insert(device.name.as_str()) {
            report.invalid(name.clone(), &device.name, "must be unique");
        }
        match volumes.get(device.name.as_str()) {
            Some(volume) if volume.persistent_volume_claim.is_none() && volume.ephemeral.is_none() => {
                let detail = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode";
                report.invalid(name.clone(), &device.name, detail);
            }
            Some(_) => {}
            None => report.not_found(name.clone(), &device.name, ""),
        }
        check_device_path(device, &mut paths, item.child("devicePath"), report);
        if mounts.iter().any(|mount| mount.name == device.name) {
            report.invalid(name, &device.name, "must not already exist in volumeMounts");
        }
        if mounts.iter().any(|mount| mount.mount_path == device.device_path) {
            let detail = "must not already exist as a path in volumeMounts";
            report.invalid(item.child("devicePath"), &device.device_path, detail);
        }
    }
}

fn check_device_path<'a>(
    device: &'a VolumeDevice,
    taken: &mut BTreeSet<&'a str>,
    path: FieldPath,
    report: &mut Report,
) {
    let target = device.device_path.as_str();
    if target.is_empty() {
        report.required(path.clone(), "");
    }
    if taken.contains(target) {
        report.invalid(path.clone(), target, "must be unique");
    }
    if has_backsteps(target) {
        report.invalid(path, target, "can not contain backsteps ('..')");
    } else {
        taken.insert(target);
    }
}
