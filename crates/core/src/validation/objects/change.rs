//! What may not change once an object is there.

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use serde_json::Value;

use crate::field::{FieldPath, Report};
use crate::objects::ApiObject;
use crate::unset::text;

const WHEN_SET: &str = "field is immutable when `immutable` is set";

pub(super) fn check(new: &ApiObject, old: &ApiObject, report: &mut Report) {
    match (new, old) {
        (ApiObject::ConfigMap(new), ApiObject::ConfigMap(old)) if old.immutable == Some(true) => {
            forbid(new.immutable != Some(true), "immutable", report);
            forbid(new.data != old.data, "data", report);
            forbid(new.binary_data != old.binary_data, "binaryData", report);
        }
        (ApiObject::Secret(new), ApiObject::Secret(old)) => {
            if new.type_ != old.type_ {
                report.invalid(FieldPath::new("type"), text(&new.type_), "field is immutable");
            }
            if old.immutable == Some(true) {
                forbid(new.immutable != Some(true), "immutable", report);
                forbid(new.data != old.data, "data", report);
            }
        }
        (ApiObject::PersistentVolume(new), ApiObject::PersistentVolume(old)) => check_volume(new, old, report),
        (ApiObject::PersistentVolumeClaim(new), ApiObject::PersistentVolumeClaim(old)) => {
            check_claim(new, old, report);
        }
        _ => {}
    }
}

fn forbid(changed: bool, field: &str, report: &mut Report) {
    if changed {
        report.forbidden(FieldPath::new(field), WHEN_SET);
    }
}

/// Where the storage is stays as it was.
fn check_volume(new: &PersistentVolume, old: &PersistentVolume, report: &mut Report) {
    let source = |volume: &PersistentVolume| {
        let mut json = serde_json::to_value(&volume.spec).unwrap_or_default();
        for field in ["capacity", "accessModes", "claimRef", "mountOptions", "persistentVolumeReclaimPolicy"] {
            drop_field(&mut json, field);
        }
        for field in ["storageClassName", "volumeAttributesClassName", "nodeAffinity", "volumeMode"] {
            drop_field(&mut json, field);
        }
        json
    };
    if source(new) != source(old) {
        let detail = "spec.persistentvolumesource is immutable after creation";
        report.forbidden(FieldPath::new("spec").child("persistentvolumesource"), detail);
    }
    let mode = |volume: &PersistentVolume| volume.spec.as_ref().and_then(|spec| spec.volume_mode.clone());
    if mode(new) != mode(old) {
        let path = FieldPath::new("spec").child("volumeMode");
        report.invalid(path, mode(new).unwrap_or_default(), "field is immutable");
    }
}

/// All but the size that is asked for stays as it was.
fn check_claim(new: &PersistentVolumeClaim, old: &PersistentVolumeClaim, report: &mut Report) {
    let fixed = |claim: &PersistentVolumeClaim| {
        let mut json = serde_json::to_value(&claim.spec).unwrap_or_default();
        drop_field(&mut json, "resources");
        drop_field(&mut json, "volumeAttributesClassName");
        // It is bound once.
        if old.spec.as_ref().is_none_or(|spec| text(&spec.volume_name).is_empty()) {
            drop_field(&mut json, "volumeName");
        }
        json
    };
    if fixed(new) != fixed(old) {
        let detail =
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";
        report.forbidden(FieldPath::new("spec"), detail);
    }
}

fn drop_field(object: &mut Value, field: &str) {
    if let Some(fields) = object.as_object_mut() {
        fields.remove(field);
    }
}
