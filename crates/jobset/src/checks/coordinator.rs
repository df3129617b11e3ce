//! The coordinator must be one of the Pods, and its address a label's value.

use reprise_core::field::{FieldPath, Report};
use reprise_core::unset::text;
use reprise_core::validation::label_value;

use crate::job::endpoint;
use crate::names::COORDINATOR;
use crate::types::{JobSet, JobSetSpec};

pub(super) fn check(set: &JobSet, spec: &JobSetSpec, path: &FieldPath, report: &mut Report) {
    let Some(coordinator) = &spec.coordinator else { return };
    let name = &coordinator.replicated_job;
    let Some(job) = spec.replicated_jobs.iter().find(|job| job.name == *name) else {
        report.invalid(path.child("replicatedJob"), name, &format!("coordinator replicatedJob {name} does not exist"));
        return;
    };
    let job_index = coordinator.job_index.unwrap_or(0);
    if !(0..job.replicas.unwrap_or(1)).contains(&job_index) {
        let detail = format!("coordinator job index {job_index} is invalid for replicatedJob {name}");
        report.invalid(path.child("jobIndex"), job_index, &detail);
    }
    let template = job.template.spec.as_ref().filter(|spec| text(&spec.completion_mode) == "Indexed");
    let pod_index = coordinator.pod_index.unwrap_or(0);
    match template.and_then(|spec| spec.completions) {
        None => {
            let detail = "job for coordinator pod must be indexed completion mode, and completions number must be set";
            report.invalid(path.child("replicatedJob"), name, detail);
        }
        Some(completions) if !(0..completions).contains(&pod_index) => {
            let detail =
                format!("coordinator pod index {pod_index} is invalid for replicatedJob {name} job index {job_index}");
            report.invalid(path.child("podIndex"), pod_index, &detail);
        }
        Some(_) => {}
    }
    let endpoint = endpoint(set, coordinator);
    let problems = label_value(&endpoint);
    if !problems.is_empty() {
        let detail = format!(
            "spec will lead to invalid label value {endpoint:?} for coordinator label {COORDINATOR:?} (long JobSet / \
             ReplicatedJob / SubDomain name?): {}",
            problems.join(", ")
        );
        report.invalid(path.clone(), endpoint, &detail);
    }
}
