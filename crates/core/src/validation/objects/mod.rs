//! The checks of the objects that Pods refer to.

mod change;
mod config_map;
mod secret;
mod storage;
mod volume;

use crate::field::{FieldError, FieldPath, Report};
use crate::objects::ApiObject;
use crate::validation::{format, metadata};

/// ConfigMaps and Secrets hold at most this many bytes of values.
const MAX_BYTES: usize = 1024 * 1024;

/// Checks a new object with its defaults.
#[must_use]
pub fn validate(object: &ApiObject) -> Vec<FieldError> {
    let mut report = Report::default();
    let meta = FieldPath::new("metadata");
    if object.kind().is_namespaced() {
        metadata::check(object.metadata(), &meta, &mut report);
    } else {
        metadata::check_cluster_wide(object.metadata(), &meta, &mut report);
    }
    match object {
        ApiObject::ConfigMap(map) => config_map::check(map, &mut report),
        ApiObject::Secret(secret) => secret::check(secret, &mut report),
        ApiObject::PersistentVolume(volume) => volume::check(volume, &mut report),
        ApiObject::PersistentVolumeClaim(claim) => storage::check_claim(claim, &mut report),
    }
    report.into_errors()
}

/// Checks what may not change between `old` and `new`.
#[must_use]
pub fn validate_change(new: &ApiObject, old: &ApiObject) -> Vec<FieldError> {
    let mut report = Report::default();
    change::check(new, old, &mut report);
    report.into_errors()
}

/// A key of `data`.
fn check_key(key: &str, path: &FieldPath, report: &mut Report) {
    report.invalid_each(&path.key(key), key, format::config_key(key));
}
