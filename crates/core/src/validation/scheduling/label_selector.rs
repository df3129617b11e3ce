//! The checks of label selectors.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use super::super::{format, metadata};
use crate::field::{FieldPath, Report};
use crate::unset::{entries, list};

pub(in super::super) fn check(selector: Option<&LabelSelector>, path: &FieldPath, report: &mut Report) {
    let Some(selector) = selector else { return };
    metadata::check_labels(entries(&selector.match_labels), &path.child("matchLabels"), report);
    for (i, expression) in list(&selector.match_expressions).iter().enumerate() {
        let path = path.child("matchExpressions").index(i);
        let values = list(&expression.values);
        match expression.operator.as_str() {
            "In" | "NotIn" if values.is_empty() => {
                report.required(path.child("values"), "must be specified when `operator` is 'In' or 'NotIn'");
            }
            "Exists" | "DoesNotExist" if !values.is_empty() => {
                let detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
                report.forbidden(path.child("values"), detail);
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            other => report.invalid(path.child("operator"), other, "not a valid selector operator"),
        }
        metadata::check_label_name(&expression.key, &path.child("key"), report);
        for (i, value) in values.iter().enumerate() {
            report.invalid_each(&path.child("values").index(i), value, format::label_value(value));
        }
    }
}
