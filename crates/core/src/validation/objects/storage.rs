//! Claims, and what they share with volumes.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as ApiQuantity;

use crate::field::{FieldPath, Report};
use crate::quantity::Quantity;
use crate::unset::{list, text};
use crate::validation::{format, scheduling};

const ACCESS_MODES: [&str; 4] = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];
const VOLUME_MODES: [&str; 2] = ["Block", "Filesystem"];

pub(super) fn check_claim(claim: &PersistentVolumeClaim, report: &mut Report) {
    let path = FieldPath::new("spec");
    let no_spec = Default::default();
    let spec = claim.spec.as_ref().unwrap_or(&no_spec);
    if list(&spec.access_modes).is_empty() {
        report.required(path.child("accessModes"), "at least 1 access mode is required");
    }
    scheduling::check_label_selector(spec.selector.as_ref(), &path.child("selector"), report);
    check_access_modes(list(&spec.access_modes), &path, report);
    let requests = spec.resources.as_ref().and_then(|resources| resources.requests.as_ref());
    let storage = path.child("resources").key("storage");
    match requests.and_then(|requests| requests.get("storage")) {
        None => report.required(storage, ""),
        Some(amount) => check_positive(amount, storage, report),
    }
    check_class(text(&spec.storage_class_name), &path, report);
    check_volume_mode(text(&spec.volume_mode), &path, report);
}

pub(super) fn check_access_modes(modes: &[String], path: &FieldPath, report: &mut Report) {
    let path = path.child("accessModes");
    for mode in modes.iter().filter(|mode| !ACCESS_MODES.contains(&mode.as_str())) {
        report.not_supported(path.clone(), mode, &ACCESS_MODES);
    }
    if modes.len() > 1 && modes.iter().any(|mode| mode == "ReadWriteOncePod") {
        report.forbidden(path, "may not use ReadWriteOncePod with other access modes");
    }
}

pub(super) fn check_capacity(capacity: Option<&BTreeMap<String, ApiQuantity>>, path: &FieldPath, report: &mut Report) {
    let path = path.child("capacity");
    let Some(capacity) = capacity.filter(|capacity| !capacity.is_empty()) else {
        return report.required(path, "");
    };
    for other in capacity.keys().filter(|key| *key != "storage") {
        report.not_supported(path.clone(), other, &["storage"]);
    }
    for (key, amount) in capacity {
        check_positive(amount, path.key(key), report);
    }
}

fn check_positive(amount: &ApiQuantity, path: FieldPath, report: &mut Report) {
    if Quantity::of(amount).is_ok_and(|quantity| quantity.nanos() <= 0) {
        report.invalid(path, &amount.0, "must be greater than zero");
    }
}

pub(super) fn check_class(class: &str, path: &FieldPath, report: &mut Report) {
    if !class.is_empty() {
        report.invalid_each(&path.child("storageClassName"), class, format::dns_subdomain(class));
    }
}

pub(super) fn check_volume_mode(mode: &str, path: &FieldPath, report: &mut Report) {
    if !mode.is_empty() && !VOLUME_MODES.contains(&mode) {
        report.not_supported(path.child("volumeMode"), mode, &VOLUME_MODES);
    }
}
