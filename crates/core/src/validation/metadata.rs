//! The checks of `metadata` that all objects share.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use super::format;
use crate::field::{FieldPath, Report};
use crate::unset::{entries, list, text};

/// All annotations of an object together, in bytes.
const MAX_ANNOTATIONS: usize = 256 * 1024;

pub(super) fn check(meta: &ObjectMeta, path: &FieldPath, report: &mut Report) {
    check_name(meta, path, report);
    match text(&meta.namespace) {
        "" => report.required(path.child("namespace"), ""),
        namespace => report.invalid_each(&path.child("namespace"), namespace, format::dns_label(namespace)),
    }
    check_rest(meta, path, report);
}

/// The same for objects that are in no namespace.
pub(super) fn check_cluster_wide(meta: &ObjectMeta, path: &FieldPath, report: &mut Report) {
    check_name(meta, path, report);
    if !text(&meta.namespace).is_empty() {
        report.forbidden(path.child("namespace"), "not allowed on this type");
    }
    check_rest(meta, path, report);
}

fn check_name(meta: &ObjectMeta, path: &FieldPath, report: &mut Report) {
    let generate_name = text(&meta.generate_name);
    if !generate_name.is_empty() {
        report.invalid_each(&path.child("generateName"), generate_name, format::generate_name(generate_name));
    }
    match text(&meta.name) {
        "" => report.required(path.child("name"), "name or generateName is required"),
        name => report.invalid_each(&path.child("name"), name, format::dns_subdomain(name)),
    }
}

pub(super) fn check_rest(meta: &ObjectMeta, path: &FieldPath, report: &mut Report) {
    if let Some(generation) = meta.generation.filter(|generation| *generation < 0) {
        report.invalid(path.child("generation"), generation, "must be greater than or equal to 0");
    }
    check_labels(entries(&meta.labels), &path.child("labels"), report);
    check_annotations(meta, &path.child("annotations"), report);
    check_owners(list(&meta.owner_references), &path.child("ownerReferences"), report);
    for (i, finalizer) in list(&meta.finalizers).iter().enumerate() {
        check_finalizer(finalizer, &path.child("finalizers").index(i), report);
    }
}

/// Keys and values of labels, also those of a node selector.
pub(super) fn check_labels<'a>(
    labels: impl Iterator<Item = (&'a String, &'a String)>,
    path: &FieldPath,
    report: &mut Report,
) {
    for (key, value) in labels {
        check_label_name(key, path, report);
        report.invalid_each(path, value, format::label_value(value));
    }
}

/// The key of a label.
pub(super) fn check_label_name(key: &str, path: &FieldPath, report: &mut Report) {
    report.invalid_each(path, key, format::qualified_name(key));
}

fn check_annotations(meta: &ObjectMeta, path: &FieldPath, report: &mut Report) {
    let mut total = 0;
    for (key, value) in entries(&meta.annotations) {
        // Upper case is allowed in the prefix here, for old annotations.
        report.invalid_each(path, key, format::qualified_name(&key.to_lowercase()));
        total += key.len() + value.len();
    }
    if total > MAX_ANNOTATIONS {
        report.too_long(path.clone(), MAX_ANNOTATIONS);
    }
}

fn check_owners(owners: &[OwnerReference], path: &FieldPath, report: &mut Report) {
    let mut controllers = 0;
    for (i, owner) in owners.iter().enumerate() {
        let path = path.index(i);
        let mut not_empty = |name: &str, value: &str, what: &str| {
            if value.is_empty() {
                report.invalid(path.child(name), value, &format!("{what} must not be empty"));
            }
        };
        let version = owner.api_version.rsplit('/').next().unwrap_or_default();
        not_empty("apiVersion", version, "version");
        not_empty("kind", &owner.kind, "kind");
        not_empty("name", &owner.name, "name");
        not_empty("uid", &owner.uid, "uid");
        controllers += usize::from(owner.controller == Some(true));
    }
    if controllers > 1 {
        let detail = "Only one reference can have Controller set to true";
        report.invalid(path.clone(), crate::field::BadValue::json(&owners), detail);
    }
}

fn check_finalizer(finalizer: &str, path: &FieldPath, report: &mut Report) {
    report.invalid_each(path, finalizer, format::qualified_name(finalizer));
    let standard = ["kubernetes", "foregroundDeletion", "orphan"];
    if !finalizer.contains('/') && !standard.contains(&finalizer) {
        report.invalid(path.clone(), finalizer, "name is neither a standard finalizer name nor is it fully qualified");
    }
}
