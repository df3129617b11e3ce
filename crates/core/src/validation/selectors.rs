//! References from a Pod to its own fields and to its containers' resources (the downward API).

use k8s_openapi::api::core::v1::{ObjectFieldSelector, ResourceFieldSelector};

use super::format;
use crate::field::{FieldPath, Report};
use crate::quantity::Quantity;
use crate::unset::text;

const RESOURCES: [&str; 6] = [
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
];

/// All field labels of Pods that Kubernetes can convert.
const LABELS: [&str; 15] = [
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.serviceAccountName",
    "spec.schedulerName",
    "status.phase",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
    "spec.host",
];

const BYTE_DIVISORS: [&str; 13] = ["1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"];

/// `allowed` is what may be used here without a subscript.
pub(super) fn check_field(selector: &ObjectFieldSelector, allowed: &[&str], path: &FieldPath, report: &mut Report) {
    if text(&selector.api_version).is_empty() {
        return report.required(path.child("apiVersion"), "");
    }
    let field = selector.field_path.as_str();
    if field.is_empty() {
        return report.required(path.child("fieldPath"), "");
    }
    let unsupported = |report: &mut Report, problem: String| {
        let detail = format!("error converting fieldPath: {problem}");
        report.invalid(path.child("fieldPath"), field, &detail);
    };
    let version = text(&selector.api_version);
    if version != "v1" {
        return unsupported(report, format!("unsupported pod version: {version}"));
    }
    match split_subscript(field) {
        Some(("metadata.annotations", key)) => {
            report.invalid_each(path, &key.to_lowercase(), format::qualified_name(&key.to_lowercase()));
        }
        Some(("metadata.labels", key)) => report.invalid_each(path, key, format::qualified_name(key)),
        Some(_) => unsupported(report, format!("field label does not support subscript: {field}")),
        None if !LABELS.contains(&field) => unsupported(report, format!("field label not supported: {field}")),
        None if !allowed.contains(&field) => report.not_supported(path.child("fieldPath"), field, &sorted(allowed)),
        None => {}
    }
}

fn sorted<'a>(values: &[&'a str]) -> Vec<&'a str> {
    let mut values = values.to_vec();
    values.sort_unstable();
    values
}

/// Splits `metadata.labels['key']`.
fn split_subscript(field: &str) -> Option<(&str, &str)> {
    field.strip_suffix("']")?.split_once("['")
}

/// `in_volume`: the container has to be named there.
pub(super) fn check_resource(selector: &ResourceFieldSelector, in_volume: bool, path: &FieldPath, report: &mut Report) {
    let resource = selector.resource.as_str();
    let huge = ["limits.hugepages-", "requests.hugepages-"].iter().any(|prefix| resource.starts_with(prefix));
    if in_volume && text(&selector.container_name).is_empty() {
        report.required(path.child("containerName"), "");
    } else if resource.is_empty() {
        report.required(path.child("resource"), "");
    } else if !RESOURCES.contains(&resource) && !huge {
        report.not_supported(path.child("resource"), resource, &RESOURCES);
    }
    check_divisor(selector, huge, path, report);
}

fn check_divisor(selector: &ResourceFieldSelector, huge: bool, path: &FieldPath, report: &mut Report) {
    let Some(divisor) = selector.divisor.as_ref().and_then(|divisor| Quantity::of(divisor).ok()) else { return };
    let divisor = divisor.to_string();
    if divisor == "0" {
        return;
    }
    let (allowed, of): (&[&str], _) = match selector.resource.as_str() {
        "limits.cpu" | "requests.cpu" => (&["1m", "1"], "cpu"),
        "limits.memory" | "requests.memory" => (&BYTE_DIVISORS, "memory"),
        "limits.ephemeral-storage" | "requests.ephemeral-storage" => (&BYTE_DIVISORS, "local ephemeral storage"),
        _ if huge => (&BYTE_DIVISORS, "hugepages"),
        _ => return,
    };
    if !allowed.contains(&divisor.as_str()) {
        let list = if of == "cpu" { "1m and 1".to_owned() } else { BYTE_DIVISORS.join(", ") };
        let detail = format!("only divisor's values {list} are supported with the {of} resource");
        report.invalid(path.child("divisor"), selector.resource.as_str(), &detail);
    }
}
