//! The checks of `env` and `envFrom`.

use k8s_openapi::api::core::v1::{EnvFromSource, EnvVar, EnvVarSource};

use super::path_form::check_descending;
use super::{format, selectors};
use crate::field::{FieldPath, Report};
use crate::unset::text;

/// The fields of its Pod that an environment variable can have the value of.
const POD_FIELDS: [&str; 9] = [
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];

pub(super) fn check_env(vars: &[EnvVar], path: &FieldPath, report: &mut Report) {
    for (i, var) in vars.iter().enumerate() {
        let path = path.index(i);
        if var.name.is_empty() {
            report.required(path.child("name"), "");
        } else {
            report.invalid_each(&path.child("name"), &var.name, format::env_name(&var.name));
        }
        if let Some(source) = &var.value_from {
            check_source(source, text(&var.value), &path.child("valueFrom"), report);
        }
    }
}

fn check_source(source: &EnvVarSource, value: &str, path: &FieldPath, report: &mut Report) {
    let mut sources = 0;
    if let Some(field) = &source.field_ref {
        sources += 1;
        selectors::check_field(field, &POD_FIELDS, &path.child("fieldRef"), report);
    }
    if let Some(resource) = &source.resource_field_ref {
        sources += 1;
        selectors::check_resource(resource, false, &path.child("resourceFieldRef"), report);
    }
    if let Some(key) = &source.config_map_key_ref {
        sources += 1;
        check_key(&key.name, &key.key, &path.child("configMapKeyRef"), report);
    }
    if let Some(key) = &source.secret_key_ref {
        sources += 1;
        check_key(&key.name, &key.key, &path.child("secretKeyRef"), report);
    }
    if let Some(file) = &source.file_key_ref {
        sources += 1;
        let path = path.child("fileKeyRef");
        report.invalid_each(&path.child("key"), &file.key, format::env_name(&file.key));
        if file.volume_name.is_empty() {
            report.required(path.child("volumeName"), "");
        }
        if file.path.is_empty() {
            report.required(path.child("path"), "");
        } else {
            check_descending(&file.path, &path.child("path"), report);
        }
    }
    let problem = match (sources, value.is_empty()) {
        (0, _) => {
            "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
        }
        (_, false) => "may not be specified when `value` is not empty",
        (1, true) => return,
        _ => "may not have more than one field specified at a time",
    };
    report.invalid(path.clone(), "", problem);
}

fn check_key(name: &str, key: &str, path: &FieldPath, report: &mut Report) {
    report.invalid_each(&path.child("name"), name, format::dns_subdomain(name));
    match key {
        "" => report.required(path.child("key"), ""),
        key => report.invalid_each(&path.child("key"), key, format::config_key(key)),
    }
}

pub(super) fn check_env_from(sources: &[EnvFromSource], path: &FieldPath, report: &mut Report) {
    for (i, source) in sources.iter().enumerate() {
        let item = path.index(i);
        let prefix = text(&source.prefix);
        if !prefix.is_empty() {
            report.invalid_each(&item.child("prefix"), prefix, format::env_name(prefix));
        }
        if let Some(config_map) = &source.config_map_ref {
            check_reference(&config_map.name, &item.child("configMapRef"), report);
        }
        if let Some(secret) = &source.secret_ref {
            check_reference(&secret.name, &item.child("secretRef"), report);
        }
        match (source.config_map_ref.is_some(), source.secret_ref.is_some()) {
            (false, false) => report.invalid(path.clone(), "", "must specify one of: `configMapRef` or `secretRef`"),
            (true, true) => report.invalid(path.clone(), "", "may not have more than one field specified at a time"),
            _ => {}
        }
    }
}

fn check_reference(name: &str, path: &FieldPath, report: &mut Report) {
    match name {
        "" => report.required(path.child("name"), ""),
        name => report.invalid_each(&path.child("name"), name, format::generate_name(name)),
    }
}
