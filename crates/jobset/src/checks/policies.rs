//! The policies for success, failure and startup.

use reprise_core::field::{BadValue, FieldPath, Report};
use reprise_core::unset::text;

use crate::types::{FailurePolicy, FailurePolicyRule, JobSetSpec};

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
/// Why a Job can fail.
const REASONS: [&str; 5] =
    ["BackoffLimitExceeded", "DeadlineExceeded", "FailedIndexes", "MaxFailedIndexesExceeded", "PodFailurePolicy"];
const LONGEST_RULE_NAME: usize = 128;
/// Restarts of single Jobs are counted in lists of this length.
const MOST_REPLICAS: i32 = 1024;

pub(super) fn check(spec: &JobSetSpec, path: &FieldPath, report: &mut Report) {
    check_success(spec, &path.child("successPolicy"), report);
    if let Some(policy) = &spec.failure_policy {
        check_failure(policy, spec, &path.child("failurePolicy"), report);
    }
    let Some(policy) = &spec.startup_policy else { return };
    let order = &policy.startup_policy_order;
    if !ORDERS.contains(&order.as_str()) {
        report.not_supported(path.child("startupPolicy").child("startupPolicyOrder"), order, &ORDERS);
    }
    if order == "InOrder" && spec.replicated_jobs.iter().any(|job| !job.depends_on.is_empty()) {
        report.invalid(path.clone(), "object", "StartupPolicy and DependsOn APIs are mutually exclusive");
    }
}

fn check_success(spec: &JobSetSpec, path: &FieldPath, report: &mut Report) {
    let Some(policy) = &spec.success_policy else { return };
    if !OPERATORS.contains(&policy.operator.as_str()) {
        report.not_supported(path.child("operator"), &policy.operator, &OPERATORS);
    }
    check_targets(&policy.target_replicated_jobs, spec, path, "", report);
}

fn check_targets(targets: &[String], spec: &JobSetSpec, path: &FieldPath, where_: &str, report: &mut Report) {
    let is_known = |name: &String| spec.replicated_jobs.iter().any(|job| job.name == *name);
    for (index, target) in targets.iter().enumerate().filter(|(_, target)| !is_known(target)) {
        let detail = format!("invalid replicatedJob name '{target}'{where_} does not appear in .spec.ReplicatedJobs");
        report.invalid(path.child("targetReplicatedJobs").index(index), target, &detail);
    }
}

fn check_failure(policy: &FailurePolicy, spec: &JobSetSpec, path: &FieldPath, report: &mut Report) {
    if let Some(restarts) = policy.max_restarts.filter(|restarts| *restarts < 0) {
        report.invalid(path.child("maxRestarts"), restarts, "must be greater than or equal to 0");
    }
    let strategy = text(&policy.restart_strategy);
    if !STRATEGIES.contains(&strategy) {
        report.not_supported(path.child("restartStrategy"), strategy, &STRATEGIES);
    }
    let restarts_jobs = policy
        .rules
        .iter()
        .any(|rule| ["RestartJob", "RestartJobAndIgnoreMaxRestarts"].contains(&rule.action.as_str()));
    if restarts_jobs && spec.replicated_jobs.iter().any(|job| job.replicas.unwrap_or(1) > MOST_REPLICAS) {
        let detail = format!(
            "JobSet cannot have a failure policy rule with RestartJob or RestartJobAndIgnoreMaxRestarts action and a \
             replicated job with replicas > {MOST_REPLICAS}"
        );
        report.forbidden(path.child("rules"), &detail);
    }
    for (index, rule) in policy.rules.iter().enumerate() {
        check_rule(rule, spec, &path.child("rules").index(index), report);
    }
    check_rule_names(&policy.rules, &path.child("rules"), report);
}

fn check_rule(rule: &FailurePolicyRule, spec: &JobSetSpec, path: &FieldPath, report: &mut Report) {
    let (name, length) = (&rule.name, rule.name.len());
    if length == 0 || length > LONGEST_RULE_NAME {
        let detail = format!(
            "invalid failure policy rule name of length {length}, the rule name must be at least 1 characters long and at \
             most {LONGEST_RULE_NAME} characters long"
        );
        report.invalid(path.child("name"), name, &detail);
    }
    if !is_rule_name(name) {
        let detail = format!(
            "invalid failure policy rule name '{name}', a failure policy rule name must start with an alphabetic \
             character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an \
             alphanumeric character or '_'"
        );
        report.invalid(path.child("name"), name, &detail);
    }
    if !ACTIONS.contains(&rule.action.as_str()) {
        report.not_supported(path.child("action"), &rule.action, &ACTIONS);
    }
    check_targets(&rule.target_replicated_jobs, spec, path, " in failure policy", report);
    let reasons = rule.on_job_failure_reasons.iter().enumerate();
    for (index, reason) in reasons.filter(|(_, reason)| !REASONS.contains(&reason.as_str())) {
        let detail =
            format!("invalid job failure reason '{reason}' in failure policy is not a recognized job failure reason");
        report.invalid(path.child("onJobFailureReasons").index(index), reason, &detail);
    }
}

/// A letter, then letters, digits and `_,:`, the last of them none of `,:`.
fn is_rule_name(name: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.ends_with(is_word)
        && name.chars().all(|c| is_word(c) || c == ',' || c == ':')
        && (name.len() > 1 || name.chars().all(|c| c.is_ascii_alphabetic()))
}

fn check_rule_names(rules: &[FailurePolicyRule], path: &FieldPath, report: &mut Report) {
    for (index, rule) in rules.iter().enumerate() {
        let same: Vec<String> =
            (0..rules.len()).filter(|at| rules[*at].name == rule.name).map(|at| at.to_string()).collect();
        // It is said once, with the first of them.
        if same.len() > 1 && same.first() == Some(&index.to_string()) {
            let detail = format!(
                "rule names are not unique, rules with indices [{}] all have the same name '{}'",
                same.join(" "),
                rule.name
            );
            report.invalid(path.clone(), BadValue::from(&rule.name), &detail);
        }
    }
}
