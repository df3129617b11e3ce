//! PersistentVolumes.

use k8s_openapi::api::core::v1::{LocalVolumeSource, PersistentVolume, PersistentVolumeSpec};

use super::storage;
use crate::field::{FieldPath, Report};
use crate::unset::{list, text};
use crate::validation::path_form::check_no_backsteps;
use crate::validation::{scheduling, volumes};

/// The fields of the spec that are no source.
const NO_SOURCES: [&str; 9] = [
    "accessModes",
    "capacity",
    "claimRef",
    "mountOptions",
    "nodeAffinity",
    "persistentVolumeReclaimPolicy",
    "storageClassName",
    "volumeAttributesClassName",
    "volumeMode",
];
const RECLAIM: [&str; 3] = ["Delete", "Recycle", "Retain"];

pub(super) fn check(volume: &PersistentVolume, report: &mut Report) {
    let path = FieldPath::new("spec");
    let no_spec = Default::default();
    let spec = volume.spec.as_ref().unwrap_or(&no_spec);
    if list(&spec.access_modes).is_empty() {
        report.required(path.child("accessModes"), "");
    }
    storage::check_access_modes(list(&spec.access_modes), &path, report);
    storage::check_capacity(spec.capacity.as_ref(), &path, report);
    let policy = text(&spec.persistent_volume_reclaim_policy);
    if !policy.is_empty() && !RECLAIM.contains(&policy) {
        report.not_supported(path.child("persistentVolumeReclaimPolicy"), policy, &RECLAIM);
    }
    check_affinity(spec, &path.child("nodeAffinity"), report);
    check_source(spec, &path, report);
    storage::check_class(text(&spec.storage_class_name), &path, report);
    storage::check_volume_mode(text(&spec.volume_mode), &path, report);
}

fn check_affinity(spec: &PersistentVolumeSpec, path: &FieldPath, report: &mut Report) {
    match spec.node_affinity.as_ref().map(|affinity| &affinity.required) {
        Some(Some(selector)) => scheduling::check_node_selector(selector, &path.child("required"), report),
        Some(None) => report.required(path.child("required"), "must specify required node constraints"),
        None if spec.local.is_some() => report.required(path.clone(), "Local volume requires node affinity"),
        None => {}
    }
}

fn check_source(spec: &PersistentVolumeSpec, path: &FieldPath, report: &mut Report) {
    let json = serde_json::to_value(spec).unwrap_or_default();
    let fields = json.as_object().into_iter().flat_map(|fields| fields.keys());
    let mut sources: Vec<&str> = fields.map(String::as_str).filter(|field| !NO_SOURCES.contains(field)).collect();
    // The API server looks at those first.
    sources.sort_by_key(|source| !["hostPath", "local"].contains(source));
    match sources.as_slice() {
        [] => report.required(path.clone(), "must specify a volume type"),
        [_, others @ ..] => {
            for other in others {
                report.forbidden(path.child(other), "may not specify more than 1 volume type");
            }
        }
    }
    if let Some(host_path) = &spec.host_path {
        volumes::check_host_path(host_path, &path.child("hostPath"), report);
        if host_path.path == "/" && text(&spec.persistent_volume_reclaim_policy) == "Recycle" {
            let detail = "may not be 'recycle' for a hostPath mount of '/'";
            report.forbidden(path.child("persistentVolumeReclaimPolicy"), detail);
        }
    }
    if let Some(local) = &spec.local {
        check_local(local, &path.child("local"), report);
    }
}

fn check_local(local: &LocalVolumeSource, path: &FieldPath, report: &mut Report) {
    if local.path.is_empty() {
        return report.required(path.child("path"), "");
    }
    check_no_backsteps(&local.path, &path.child("path"), report);
}
