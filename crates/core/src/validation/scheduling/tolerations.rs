//! The checks of tolerations.

use k8s_openapi::api::core::v1::Toleration;

use super::super::{format, metadata};
use crate::field::{FieldPath, Report};
use crate::unset::text;

const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

pub(in super::super) fn check(tolerations: &[Toleration], path: &FieldPath, report: &mut Report) {
    for (i, toleration) in tolerations.iter().enumerate() {
        check_one(toleration, &path.index(i), report);
    }
}

fn check_one(toleration: &Toleration, path: &FieldPath, report: &mut Report) {
    let (key, operator) = (text(&toleration.key), text(&toleration.operator));
    let (value, effect) = (text(&toleration.value), text(&toleration.effect));
    if !key.is_empty() {
        metadata::check_label_name(key, &path.child("key"), report);
    } else if operator != "Exists" {
        let detail = "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
        report.invalid(path.child("operator"), operator, detail);
    }
    if toleration.toleration_seconds.is_some() && effect != "NoExecute" {
        let detail = "effect must be 'NoExecute' when `tolerationSeconds` is set";
        report.invalid(path.child("effect"), effect, detail);
    }
    match operator {
        "Equal" | "" => {
            let problems = format::label_value(value);
            if !problems.is_empty() {
                report.invalid(path.child("operator"), value, &problems.join(";"));
            }
        }
        "Exists" if !value.is_empty() => {
            report.invalid(path.child("operator"), value, "value must be empty when `operator` is 'Exists'");
        }
        "Exists" => {}
        other => report.not_supported(path.child("operator"), other, &["Equal", "Exists"]),
    }
    if !effect.is_empty() && !EFFECTS.contains(&effect) {
        report.not_supported(path.child("effect"), effect, &EFFECTS);
    }
}
