//! The checks of Pods that are still to be made, such as those of a Job, and of what selects them.

use k8s_openapi::api::core::v1::{PodSpec, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use super::{Options, metadata, scheduling, spec};
use crate::field::{FieldPath, Report};
use crate::unset::{entries, list};

/// Checks a template with its defaults. `path` is its own.
pub fn check(template: &PodTemplateSpec, options: &Options, path: &FieldPath, report: &mut Report) {
    if let Some(meta) = &template.metadata {
        metadata::check_labels(entries(&meta.labels), &path.child("metadata").child("labels"), report);
    }
    let no_spec = PodSpec::default();
    let pod = template.spec.as_ref().unwrap_or(&no_spec);
    let path = path.child("spec");
    spec::check(pod, "", options, &path, report);
    if !list(&pod.ephemeral_containers).is_empty() {
        report.forbidden(path.child("ephemeralContainers"), "ephemeral containers not allowed in pod template");
    }
}

/// Checks a label selector.
pub fn check_selector(selector: &LabelSelector, path: &FieldPath, report: &mut Report) {
    scheduling::check_label_selector(Some(selector), path, report);
}
