//! The checks of Jobs, with the API server's words.

use k8s_openapi::api::batch::v1::{Job, JobSpec, PodFailurePolicyRule};
use reprise_core::field::{FieldPath, Report};
use reprise_core::unset::{list, text};
use reprise_core::validation::{Options, pod_template};

use super::super::Context;

const MODES: [&str; 2] = ["Indexed", "NonIndexed"];
const RESTARTS: [&str; 2] = ["OnFailure", "Never"];
const REPLACEMENTS: [&str; 2] = ["Failed", "TerminatingOrFailed"];
const ACTIONS: [&str; 4] = ["Count", "FailIndex", "FailJob", "Ignore"];
const OPERATORS: [&str; 2] = ["In", "NotIn"];
/// The most rules of a failure policy, and patterns or values of one rule.
const MAX_RULES: usize = 20;
const MAX_PATTERNS: usize = 20;
const MAX_VALUES: usize = 255;
/// Beyond this an index no longer fits into names.
const MAX_PARALLELISM: i32 = 100_000;
const MAX_COMPLETIONS_PER_INDEX: i32 = 100_000;

pub(super) fn check(context: &Context<'_>, job: &Job, report: &mut Report) {
    let path = FieldPath::new("spec");
    let Some(spec) = &job.spec else { return report.required(path, "") };
    check_numbers(spec, &path, report);
    check_modes(job, spec, &path, report);
    check_selector(job, spec, &path, report);
    for (i, rule) in spec.pod_failure_policy.iter().flat_map(|policy| &policy.rules).enumerate() {
        check_rule(rule, spec, &path.child("podFailurePolicy").child("rules").index(i), report);
    }
    check_policies(spec, &path, report);
    let template = path.child("template");
    pod_template::check(
        &spec.template,
        &Options::for_create(context.gates, context.allow_privileged),
        &template,
        report,
    );
    let policy = spec.template.spec.as_ref().map(|pod| text(&pod.restart_policy)).unwrap_or_default();
    let restart = template.child("spec").child("restartPolicy");
    if !RESTARTS.contains(&policy) {
        report.not_supported(restart, policy, &RESTARTS);
    } else if spec.pod_failure_policy.is_some() && policy != "Never" {
        report.invalid(restart, policy, "only \"Never\" is supported when podFailurePolicy is specified");
    }
}

fn check_numbers(spec: &JobSpec, path: &FieldPath, report: &mut Report) {
    let numbers = [
        ("parallelism", spec.parallelism.map(i64::from)),
        ("completions", spec.completions.map(i64::from)),
        ("activeDeadlineSeconds", spec.active_deadline_seconds),
        ("backoffLimit", spec.backoff_limit.map(i64::from)),
        ("ttlSecondsAfterFinished", spec.ttl_seconds_after_finished.map(i64::from)),
        ("backoffLimitPerIndex", spec.backoff_limit_per_index.map(i64::from)),
        ("maxFailedIndexes", spec.max_failed_indexes.map(i64::from)),
    ];
    for (name, number) in numbers {
        if let Some(number) = number.filter(|number| *number < 0) {
            report.invalid(path.child(name), number, "must be greater than or equal to 0");
        }
    }
}

fn check_modes(job: &Job, spec: &JobSpec, path: &FieldPath, report: &mut Report) {
    let mode = text(&spec.completion_mode);
    if !MODES.contains(&mode) {
        report.not_supported(path.child("completionMode"), mode, &MODES);
    }
    let indexed = mode == "Indexed";
    if indexed && spec.completions.is_none() {
        report.required(path.child("completions"), "when completion mode is Indexed");
    }
    if let Some(parallelism) = spec.parallelism.filter(|parallelism| indexed && *parallelism > MAX_PARALLELISM) {
        let detail = format!("must be less than or equal to {MAX_PARALLELISM} when completion mode is Indexed");
        report.invalid(path.child("parallelism"), parallelism, &detail);
    }
    if indexed && let Some(last) = spec.completions.map(|completions| completions.max(1) - 1) {
        // The Pods' host names are the Job's name and the index.
        let longest = format!("{}-{last}", text(&job.metadata.name));
        if longest.len() > 63 {
            let detail = "will not able to create pod with invalid DNS label: must be no more than 63 characters";
            report.invalid(FieldPath::new("metadata").child("name"), text(&job.metadata.name), detail);
        }
    }
    check_per_index(spec, indexed, path, report);
}

fn check_per_index(spec: &JobSpec, indexed: bool, path: &FieldPath, report: &mut Report) {
    if spec.backoff_limit_per_index.is_some() && !indexed {
        let detail = "requires indexed completion mode";
        report.invalid(path.child("backoffLimitPerIndex"), spec.backoff_limit_per_index.unwrap_or_default(), detail);
    }
    let Some(failed) = spec.max_failed_indexes else { return };
    if spec.backoff_limit_per_index.is_none() {
        report.required(path.child("backoffLimitPerIndex"), "when maxFailedIndexes is specified");
    }
    if let Some(completions) = spec.completions.filter(|completions| failed > *completions) {
        let detail = format!("must be less than or equal to completions: {completions}");
        report.invalid(path.child("maxFailedIndexes"), failed, &detail);
    }
    if failed > MAX_COMPLETIONS_PER_INDEX {
        let detail = format!("must be less than or equal to {MAX_COMPLETIONS_PER_INDEX}");
        report.invalid(path.child("maxFailedIndexes"), failed, &detail);
    }
}

fn check_selector(job: &Job, spec: &JobSpec, path: &FieldPath, report: &mut Report) {
    let labels = spec.template.metadata.as_ref().and_then(|meta| meta.labels.as_ref());
    let Some(selector) = &spec.selector else {
        return report.required(path.child("selector"), "");
    };
    pod_template::check_selector(selector, &path.child("selector"), report);
    let wanted = selector.match_labels.iter().flatten();
    let selects = wanted.into_iter().all(|(key, value)| labels.and_then(|labels| labels.get(key)) == Some(value));
    if !selects {
        let path = path.child("template").child("metadata").child("labels");
        report.invalid(
            path,
            reprise_core::field::BadValue::json(&labels),
            "`selector` does not match template `labels`",
        );
    }
    if let Some(other) = spec.managed_by.as_deref()
        && other != "kubernetes.io/job-controller"
        && !other.contains('/')
    {
        report.invalid(path.child("managedBy"), other, "should be a domain-prefixed path (such as \"acme.io/foo\")");
    }
    let _ = job;
}

fn check_policies(spec: &JobSpec, path: &FieldPath, report: &mut Report) {
    let rules = spec.pod_failure_policy.as_ref().map(|policy| policy.rules.len()).unwrap_or_default();
    if rules > MAX_RULES {
        report.too_many(path.child("podFailurePolicy").child("rules"), rules, MAX_RULES);
    }
    let replacement = text(&spec.pod_replacement_policy);
    let replacement_path = path.child("podReplacementPolicy");
    if spec.pod_failure_policy.is_some() && replacement != "Failed" {
        report.not_supported(replacement_path, replacement, &["Failed"]);
    } else if !REPLACEMENTS.contains(&replacement) {
        report.not_supported(replacement_path, replacement, &REPLACEMENTS);
    }
    let Some(success) = &spec.success_policy else { return };
    let path = path.child("successPolicy");
    if text(&spec.completion_mode) != "Indexed" {
        report.invalid(path.clone(), reprise_core::field::BadValue::json(success), "requires indexed completion mode");
    }
    if success.rules.is_empty() {
        report
            .required(path.child("rules"), "at least one rules must be specified when the successPolicy is specified");
    }
    for (i, rule) in success.rules.iter().enumerate() {
        if rule.succeeded_count.is_none() && rule.succeeded_indexes.is_none() {
            let detail = "at least one of succeededCount or succeededIndexes must be specified";
            report.required(path.child("rules").index(i), detail);
        }
    }
}

fn check_rule(rule: &PodFailurePolicyRule, spec: &JobSpec, path: &FieldPath, report: &mut Report) {
    if !ACTIONS.contains(&rule.action.as_str()) {
        report.not_supported(path.child("action"), &rule.action, &ACTIONS);
    } else if rule.action == "FailIndex" && spec.backoff_limit_per_index.is_none() {
        report.invalid(path.child("action"), &rule.action, "requires the backoffLimitPerIndex to be set");
    }
    let patterns = list(&rule.on_pod_conditions);
    match (&rule.on_exit_codes, patterns.is_empty()) {
        (Some(_), false) => {
            let detail = "specifying both OnExitCodes and OnPodConditions is not supported";
            report.invalid(path.clone(), reprise_core::field::BadValue::json(rule), detail);
        }
        (None, true) => {
            let detail = "specifying one of OnExitCodes and OnPodConditions is required";
            report.invalid(path.clone(), reprise_core::field::BadValue::json(rule), detail);
        }
        _ => {}
    }
    if patterns.len() > MAX_PATTERNS {
        report.too_many(path.child("onPodConditions"), patterns.len(), MAX_PATTERNS);
    }
    let Some(codes) = &rule.on_exit_codes else { return };
    let path = path.child("onExitCodes");
    if !OPERATORS.contains(&codes.operator.as_str()) {
        report.not_supported(path.child("operator"), &codes.operator, &OPERATORS);
    }
    if let Some(name) = codes.container_name.as_deref()
        && !is_container(spec, name)
    {
        report.invalid(
            path.child("containerName"),
            name,
            "must be one of the container or initContainer names in the pod template",
        );
    }
    if codes.values.is_empty() {
        report.invalid(
            path.child("values"),
            reprise_core::field::BadValue::json(&codes.values),
            "at least one value is required",
        );
    } else if codes.values.len() > MAX_VALUES {
        report.too_many(path.child("values"), codes.values.len(), MAX_VALUES);
    }
    if codes.operator == "In" && codes.values.contains(&0) {
        let at = codes.values.iter().position(|value| *value == 0).unwrap_or_default();
        report.invalid(path.child("values").index(at), 0, "must not be 0 for the In operator");
    }
    check_order(&codes.values, &path.child("values"), report);
}

fn check_order(values: &[i32], path: &FieldPath, report: &mut Report) {
    let is_sorted = values.windows(2).all(|pair| pair[0] <= pair[1]);
    if !is_sorted {
        report.invalid(path.clone(), reprise_core::field::BadValue::json(&values), "must be ordered");
    } else if let Some(at) = values.windows(2).position(|pair| pair[0] == pair[1]) {
        report.duplicate(path.index(at + 1), &values[at].to_string());
    }
}

fn is_container(spec: &JobSpec, name: &str) -> bool {
    let Some(pod) = &spec.template.spec else { return false };
    pod.containers.iter().chain(list(&pod.init_containers)).any(|container| container.name == name)
}
