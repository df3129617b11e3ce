//! What Jobs must be like so that their Pods can restart in place: none of them ever fails or ends early, and a Pod is replaced when
//! it has failed.

use k8s_openapi::api::batch::v1::JobSpec;
use reprise_core::field::{BadValue, FieldPath, Report};
use reprise_core::unset::text;

use crate::types::JobSetSpec;

pub(super) fn check(spec: &JobSetSpec, path: &FieldPath, report: &mut Report) {
    let nothing = JobSpec::default();
    for (index, job) in spec.replicated_jobs.iter().enumerate() {
        let template = job.template.spec.as_ref().unwrap_or(&nothing);
        check_job(&job.name, template, &path.index(index).child("template").child("spec"), report);
    }
}

fn check_job(name: &str, template: &JobSpec, path: &FieldPath, report: &mut Report) {
    if template.backoff_limit != Some(i32::MAX) {
        let most = i32::MAX;
        let detail = format!("replicatedJob {name}: must be set to {most} (MaxInt32) when in-place restart is enabled");
        report.invalid(path.child("backoffLimit"), BadValue::json(&template.backoff_limit), &detail);
    }
    if text(&template.pod_replacement_policy) != "Failed" {
        let detail = format!("replicatedJob {name}: must be set to Failed when in-place restart is enabled");
        report.invalid(path.child("podReplacementPolicy"), BadValue::json(&template.pod_replacement_policy), &detail);
    }
    if template.completions.is_none() || template.completions != template.parallelism {
        let detail = format!(
            "replicatedJob {name}: completions and parallelism must be set and equal to each other when in-place restart \
             is enabled"
        );
        report.invalid(path.child("completions"), BadValue::json(&template.completions), &detail);
    }
}
