//! The entries of `replicatedJobs`.

use std::collections::HashSet;

use reprise_core::field::{FieldPath, Report};
use reprise_core::unset::text;

use super::name_problems;
use crate::job::job_name;
use crate::types::{JobSet, JobSetSpec, ReplicatedJob};

const STATES: [&str; 2] = ["Complete", "Ready"];
const MOST_DEPENDENCIES: usize = 5;
/// What Pods get behind their names, beside their index.
const POD_SUFFIX: &str = "-abcde";

pub(super) fn check(set: &JobSet, spec: &JobSetSpec, path: &FieldPath, report: &mut Report) {
    let mut names = HashSet::new();
    for (index, job) in spec.replicated_jobs.iter().enumerate() {
        let path = path.index(index);
        if !names.insert(job.name.as_str()) {
            report.duplicate(path.child("name"), &job.name);
        }
        check_size(job, &path, report);
        check_names(text(&set.metadata.name), job, &path, report);
        check_dependencies(&spec.replicated_jobs[..index], job, &path.child("dependsOn"), report);
    }
}

fn check_size(job: &ReplicatedJob, path: &FieldPath, report: &mut Report) {
    let replicas = job.replicas.unwrap_or(1);
    if replicas < 0 {
        let detail = format!("{path}.replicas in body should be greater than or equal to 0");
        report.invalid(path.child("replicas"), replicas, &detail);
    }
    let parallelism = job.template.spec.as_ref().and_then(|spec| spec.parallelism).unwrap_or(1);
    if i64::from(parallelism) * i64::from(replicas) > i64::from(i32::MAX) {
        let most = i32::MAX;
        let name = &job.name;
        let detail =
            format!("the product of replicas and parallelism must not exceed {most} for replicatedJob '{name}'");
        report.invalid(path.child("replicas"), replicas, &detail);
    }
}

/// The longest names that Jobs and Pods will have must be such that they can be looked up.
fn check_names(set: &str, job: &ReplicatedJob, path: &FieldPath, report: &mut Report) {
    let group = text(&job.group_name);
    let too_long = ".spec.replicatedJob[].groupName is too long, must be less than 63 characters";
    report.invalid_each(&path.child("groupName"), group, name_problems(group, too_long));
    let last = |count: i32| usize::try_from(count.max(1) - 1).unwrap_or(0);
    let longest = job_name(set, &job.name, last(job.replicas.unwrap_or(1)));
    let too_long = "JobSet name is too long, job names generated for this JobSet will exceed 63 characters";
    report.invalid_each(&path.child("name"), &longest, name_problems(&longest, too_long));
    let template = job.template.spec.as_ref();
    let completions =
        template.filter(|spec| text(&spec.completion_mode) == "Indexed").and_then(|spec| spec.completions);
    if let Some(completions) = completions {
        let pod = format!("{longest}-{}{POD_SUFFIX}", last(completions));
        let too_long = "JobSet name is too long, pod names generated for this JobSet will exceed 63 characters";
        report.invalid_each(&path.child("name"), &longest, name_problems(&pod, too_long));
    }
}

fn check_dependencies(earlier: &[ReplicatedJob], job: &ReplicatedJob, path: &FieldPath, report: &mut Report) {
    let count = job.depends_on.len();
    if earlier.is_empty() && count > 0 {
        report.forbidden(path.clone(), "DependsOn can't be set for the first ReplicatedJob");
        return;
    }
    if count > MOST_DEPENDENCIES {
        report.too_many(path.clone(), count, MOST_DEPENDENCIES);
    }
    for (index, depends) in job.depends_on.iter().enumerate() {
        let path = path.index(index);
        if !earlier.iter().any(|earlier| earlier.name == depends.name) {
            let detail = format!("replicatedJob: {} cannot depend on replicatedJob: {}", job.name, depends.name);
            report.invalid(path.child("name"), &depends.name, &detail);
        }
        if !STATES.contains(&depends.status.as_str()) {
            report.not_supported(path.child("status"), &depends.status, &STATES);
        }
    }
}
