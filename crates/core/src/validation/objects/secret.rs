//! Secrets, and what their types need.

use k8s_openapi::api::core::v1::Secret;

use super::{MAX_BYTES, check_key};
use crate::field::{FieldPath, Report};
use crate::unset::{entries, text};

const ACCOUNT: &str = "kubernetes.io/service-account.name";

pub(super) fn check(secret: &Secret, report: &mut Report) {
    let path = FieldPath::new("data");
    let mut bytes = 0;
    for (key, value) in entries(&secret.data) {
        check_key(key, &path, report);
        bytes += value.0.len();
    }
    if bytes > MAX_BYTES {
        report.too_long(path.clone(), MAX_BYTES);
    }
    check_type(secret, &path, report);
}

fn check_type(secret: &Secret, path: &FieldPath, report: &mut Report) {
    let has = |key: &str| secret.data.as_ref().is_some_and(|data| data.contains_key(key));
    match text(&secret.type_) {
        "kubernetes.io/service-account-token" => {
            let annotation = secret.metadata.annotations.as_ref().and_then(|a| a.get(ACCOUNT));
            if annotation.is_none_or(String::is_empty) {
                report.required(FieldPath::new("metadata").child("annotations").key(ACCOUNT), "");
            }
        }
        "kubernetes.io/dockercfg" => check_json(secret, ".dockercfg", path, report),
        "kubernetes.io/dockerconfigjson" => check_json(secret, ".dockerconfigjson", path, report),
        "kubernetes.io/basic-auth" if !has("username") && !has("password") => {
            report.required(path.key("username"), "");
            report.required(path.key("password"), "");
        }
        "kubernetes.io/ssh-auth" => {
            let key = "ssh-privatekey";
            if secret.data.as_ref().and_then(|data| data.get(key)).is_none_or(|value| value.0.is_empty()) {
                report.required(path.key(key), "");
            }
        }
        "kubernetes.io/tls" => {
            for key in ["tls.crt", "tls.key"].into_iter().filter(|key| !has(key)) {
                report.required(path.key(key), "");
            }
        }
        _ => {}
    }
}

/// The value must be there and be JSON. It is never shown.
fn check_json(secret: &Secret, key: &str, path: &FieldPath, report: &mut Report) {
    match secret.data.as_ref().and_then(|data| data.get(key)) {
        None => report.required(path.key(key), ""),
        Some(value) => {
            let parsed: Result<serde::de::IgnoredAny, _> = serde_json::from_slice(&value.0);
            if let Err(error) = parsed {
                report.invalid(path.key(key), "<secret contents redacted>", &error.to_string());
            }
        }
    }
}
