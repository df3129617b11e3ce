//! The checks of JobSets.

use std::collections::HashSet;

use reprise_core::field::{FieldPath, Report};
use reprise_core::unset::text;
use reprise_core::validation::object_meta::{self, NameForm};

use crate::types::{FailurePolicy, JobSet, JobSetSpec, ReplicatedJob};

const OPERATORS: [&str; 2] = ["All", "Any"];
const ORDERS: [&str; 2] = ["AnyOrder", "InOrder"];
const STRATEGIES: [&str; 3] = ["BlockingRecreate", "InPlaceRestart", "Recreate"];
const ACTIONS: [&str; 5] = [
    "FailJobSet",
    "RestartJob",
    "RestartJobAndIgnoreMaxRestarts",
    "RestartJobSet",
    "RestartJobSetAndIgnoreMaxRestarts",
];
const STATES: [&str; 2] = ["Complete", "Ready"];
/// What a DNS label holds, and so the name of a Pod of the set.
const MAX_LABEL: usize = 63;
/// What Pods get behind their names, beside their index: a dash and five letters.
const SUFFIX: usize = 6;

/// Adds to the report what is wrong with a JobSet that has its defaults.
pub fn check(set: &JobSet, report: &mut Report) {
    let path = FieldPath::new("spec");
    let Some(spec) = &set.spec else { return };
    let mut names = HashSet::new();
    for (i, job) in spec.replicated_jobs.iter().enumerate() {
        let path = path.child("replicatedJobs").index(i);
        if !names.insert(job.name.as_str()) {
            report.duplicate(path.child("name"), &job.name);
        }
        check_job(set, spec, i, &path, report);
    }
    check_success(spec, &path, report);
    if let Some(policy) = &spec.failure_policy {
        check_failure(policy, spec, &path.child("failurePolicy"), report);
    }
    if let Some(policy) = &spec.startup_policy {
        let order = &policy.startup_policy_order;
        if !ORDERS.contains(&order.as_str()) {
            report.not_supported(path.child("startupPolicy").child("startupPolicyOrder"), order, &ORDERS);
        }
        if order == "InOrder" && spec.replicated_jobs.iter().any(|job| !job.depends_on.is_empty()) {
            report.forbidden(path.clone(), "StartupPolicy and DependsOn APIs are mutually exclusive");
        }
    }
    check_rest(spec, &path, report);
}

fn check_job(set: &JobSet, spec: &JobSetSpec, index: usize, path: &FieldPath, report: &mut Report) {
    let job = &spec.replicated_jobs[index];
    let mut named = Report::default();
    let meta = k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta {
        name: Some(job.name.clone()),
        ..Default::default()
    };
    object_meta::check(&meta, false, NameForm::Label, &mut named);
    for error in named.into_errors() {
        report.invalid(path.child("name"), &job.name, &error.detail);
    }
    if let Some(replicas) = job.replicas.filter(|replicas| *replicas < 0) {
        report.invalid(path.child("replicas"), replicas, "must be greater than or equal to 0");
    }
    check_length(text(&set.metadata.name), job, path, report);
    let earlier: Vec<&str> = spec.replicated_jobs[..index].iter().map(|job| job.name.as_str()).collect();
    for (i, depends) in job.depends_on.iter().enumerate() {
        let path = path.child("dependsOn").index(i);
        if !earlier.contains(&depends.name.as_str()) {
            let detail = "replicatedJob: must be one that is listed before this one";
            report.invalid(path.child("name"), &depends.name, detail);
        }
        if !STATES.contains(&depends.status.as_str()) {
            report.not_supported(path.child("status"), &depends.status, &STATES);
        }
    }
}

/// The longest name that a Pod of the set will have must be a label.
fn check_length(set: &str, job: &ReplicatedJob, path: &FieldPath, report: &mut Report) {
    let last_job = job.replicas.unwrap_or(1).max(1) - 1;
    let template = job.template.spec.as_ref();
    let completions = template.and_then(|spec| spec.completions.or(spec.parallelism)).unwrap_or(1);
    let longest = format!("{set}-{}-{last_job}-{}", job.name, completions.max(1) - 1);
    if longest.len() + SUFFIX > MAX_LABEL {
        let detail = format!(
            "the names of its Pods would be too long: {longest} and a suffix of {SUFFIX} characters must be no more than \
             {MAX_LABEL} characters"
        );
        report.invalid(path.child("name"), &job.name, &detail);
    }
}

fn is_known(spec: &JobSetSpec, name: &str) -> bool {
    spec.replicated_jobs.iter().any(|job| job.name == name)
}

fn check_targets(targets: &[String], spec: &JobSetSpec, path: &FieldPath, report: &mut Report) {
    for (i, target) in targets.iter().enumerate().filter(|(_, target)| !is_known(spec, target)) {
        report.invalid(path.child("targetReplicatedJobs").index(i), target, "must be the name of a replicatedJob");
    }
}

fn check_success(spec: &JobSetSpec, path: &FieldPath, report: &mut Report) {
    let Some(policy) = &spec.success_policy else { return };
    let path = path.child("successPolicy");
    if !OPERATORS.contains(&policy.operator.as_str()) {
        report.not_supported(path.child("operator"), &policy.operator, &OPERATORS);
    }
    check_targets(&policy.target_replicated_jobs, spec, &path, report);
}

fn check_failure(policy: &FailurePolicy, spec: &JobSetSpec, path: &FieldPath, report: &mut Report) {
    if let Some(restarts) = policy.max_restarts.filter(|restarts| *restarts < 0) {
        report.invalid(path.child("maxRestarts"), restarts, "must be greater than or equal to 0");
    }
    let strategy = text(&policy.restart_strategy);
    if !STRATEGIES.contains(&strategy) {
        report.not_supported(path.child("restartStrategy"), strategy, &STRATEGIES);
    }
    let mut names = HashSet::new();
    for (i, rule) in policy.rules.iter().enumerate() {
        let path = path.child("rules").index(i);
        if !names.insert(rule.name.as_str()) {
            report.duplicate(path.child("name"), &rule.name);
        }
        if !ACTIONS.contains(&rule.action.as_str()) {
            report.not_supported(path.child("action"), &rule.action, &ACTIONS);
        }
        check_targets(&rule.target_replicated_jobs, spec, &path, report);
    }
}

fn check_rest(spec: &JobSetSpec, path: &FieldPath, report: &mut Report) {
    if let Some(seconds) = spec.ttl_seconds_after_finished.filter(|seconds| *seconds < 0) {
        report.invalid(path.child("ttlSecondsAfterFinished"), seconds, "must be greater than or equal to 0");
    }
    if let Some(coordinator) = spec.coordinator.as_ref().filter(|c| !is_known(spec, &c.replicated_job)) {
        let path = path.child("coordinator").child("replicatedJob");
        report.invalid(path, &coordinator.replicated_job, "must be the name of a replicatedJob");
    }
    if let Some(manager) = spec.managed_by.as_deref().filter(|manager| !manager.contains('/') || manager.len() > 63) {
        let detail = "must be a domain-prefixed path (such as acme.io/foo) of at most 63 characters";
        report.invalid(path.child("managedBy"), manager, detail);
    }
    for (i, policy) in spec.volume_claim_policies.iter().enumerate() {
        for (t, claim) in policy.templates.iter().enumerate() {
            if claim.metadata.namespace.is_some() {
                let path = path.child("volumeClaimPolicies").index(i).child("templates").index(t);
                report.forbidden(path.child("metadata").child("namespace"), "namespace cannot be set for templates");
            }
        }
    }
}
