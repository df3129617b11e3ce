//! The checks of volumes that are files made from API objects.

use k8s_openapi::api::core::v1::{
    ConfigMapVolumeSource, DownwardAPIVolumeFile, DownwardAPIVolumeSource, KeyToPath, SecretVolumeSource,
};

use super::super::path_form::{check_file_mode, check_not_reserved};
use super::super::selectors;
use crate::field::{FieldPath, Report};
use crate::unset::{list, text};

/// The fields of its Pod that a file can have the value of.
const POD_FIELDS: [&str; 5] =
    ["metadata.name", "metadata.namespace", "metadata.labels", "metadata.annotations", "metadata.uid"];

pub(super) fn check_secret(secret: &SecretVolumeSource, path: &FieldPath, report: &mut Report) {
    if text(&secret.secret_name).is_empty() {
        report.required(path.child("secretName"), "");
    }
    check_file_mode(secret.default_mode, path.child("defaultMode"), report);
    check_items(list(&secret.items), &path.child("items"), report);
}

pub(super) fn check_config_map(config_map: &ConfigMapVolumeSource, path: &FieldPath, report: &mut Report) {
    if config_map.name.is_empty() {
        report.required(path.child("name"), "");
    }
    check_file_mode(config_map.default_mode, path.child("defaultMode"), report);
    check_items(list(&config_map.items), &path.child("items"), report);
}

fn check_items(items: &[KeyToPath], path: &FieldPath, report: &mut Report) {
    for (i, item) in items.iter().enumerate() {
        check_item(item, &path.index(i), report);
    }
}

pub(super) fn check_item(item: &KeyToPath, path: &FieldPath, report: &mut Report) {
    if item.key.is_empty() {
        report.required(path.child("key"), "");
    }
    if item.path.is_empty() {
        report.required(path.child("path"), "");
    }
    check_not_reserved(&item.path, &path.child("path"), report);
    check_file_mode(item.mode, path.child("mode"), report);
}

pub(super) fn check_downward(downward: &DownwardAPIVolumeSource, path: &FieldPath, report: &mut Report) {
    check_file_mode(downward.default_mode, path.child("defaultMode"), report);
    for file in list(&downward.items) {
        // The API server reports these without the item's index.
        check_downward_file(file, path, report);
    }
}

pub(super) fn check_downward_file(file: &DownwardAPIVolumeFile, path: &FieldPath, report: &mut Report) {
    if file.path.is_empty() {
        report.required(path.child("path"), "");
    }
    check_not_reserved(&file.path, &path.child("path"), report);
    match (&file.field_ref, &file.resource_field_ref) {
        (Some(field), other) => {
            selectors::check_field(field, &POD_FIELDS, &path.child("fieldRef"), report);
            if other.is_some() {
                let detail = "fieldRef and resourceFieldRef can not be specified simultaneously";
                report.invalid(path.clone(), "resource", detail);
            }
        }
        (None, Some(resource)) => {
            selectors::check_resource(resource, true, &path.child("resourceFieldRef"), report);
        }
        (None, None) => report.required(path.clone(), "one of fieldRef and resourceFieldRef is required"),
    }
    check_file_mode(file.mode, path.child("mode"), report);
}
