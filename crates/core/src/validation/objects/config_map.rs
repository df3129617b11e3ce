//! ConfigMaps.

use k8s_openapi::api::core::v1::ConfigMap;

use super::{MAX_BYTES, check_key};
use crate::field::{FieldPath, Report};
use crate::unset::entries;

pub(super) fn check(map: &ConfigMap, report: &mut Report) {
    let (data, binary) = (FieldPath::new("data"), FieldPath::new("binaryData"));
    let mut bytes = 0;
    for (key, value) in entries(&map.data) {
        check_key(key, &data, report);
        if map.binary_data.as_ref().is_some_and(|other| other.contains_key(key)) {
            report.invalid(data.key(key), key, "duplicate of key present in binaryData");
        }
        bytes += value.len();
    }
    for (key, value) in entries(&map.binary_data) {
        check_key(key, &binary, report);
        if map.data.as_ref().is_some_and(|other| other.contains_key(key)) {
            report.invalid(binary.key(key), key, "duplicate of key present in data");
        }
        bytes += value.0.len();
    }
    if bytes > MAX_BYTES {
        // The API server names no field here.
        report.too_long(FieldPath::default(), MAX_BYTES);
    }
}
