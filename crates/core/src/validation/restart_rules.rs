//! The checks of a container's `restartPolicy` and `restartPolicyRules` (KEP-5307, KEP-5532).

use k8s_openapi::api::core::v1::{Container, ContainerRestartRule, ContainerRestartRuleOnExitCodes};

use super::Options;
use crate::field::{FieldPath, Report};
use crate::unset::list;

const POLICIES: [&str; 3] = ["Always", "Never", "OnFailure"];
const OPERATORS: [&str; 2] = ["In", "NotIn"];
const MAX_RULES: usize = 20;
const MAX_VALUES: usize = 255;

/// For init containers and regular ones.
pub(super) fn check(container: &Container, is_init: bool, options: &Options, path: &FieldPath, report: &mut Report) {
    let rules = list(&container.restart_policy_rules);
    let policy = container.restart_policy.as_deref();
    if !options.container_restart_rules {
        check_without_gate(policy, is_init, path.child("restartPolicy"), report);
        return;
    }
    match policy {
        None if !rules.is_empty() => {
            let detail = "must specify restartPolicy when restart rules are used";
            report.required(path.child("restartPolicy"), detail);
            return;
        }
        Some(policy) if !POLICIES.contains(&policy) => {
            report.not_supported(path.child("restartPolicy"), policy, &POLICIES);
        }
        _ => {}
    }
    let path = path.child("restartPolicyRules");
    let is_sidecar = is_init && policy == Some("Always");
    if is_sidecar && !rules.is_empty() && !options.restart_all_containers {
        let detail = "restartPolicyRules are not allowed for init containers with restart policy Always";
        report.forbidden(path, detail);
        return;
    }
    if rules.len() > MAX_RULES {
        report.too_many(path.clone(), rules.len(), MAX_RULES);
    }
    for (i, rule) in rules.iter().enumerate() {
        check_rule(rule, options, &path.index(i), report);
    }
}

/// Without the gate only sidecars have a policy of their own.
fn check_without_gate(policy: Option<&str>, is_init: bool, path: FieldPath, report: &mut Report) {
    match policy {
        None => {}
        Some("Always") if is_init => {}
        Some(policy) if is_init => report.not_supported(path, policy, &["Always"]),
        Some(_) => report.forbidden(path, "may not be set for non-init containers"),
    }
}

fn check_rule(rule: &ContainerRestartRule, options: &Options, path: &FieldPath, report: &mut Report) {
    let actions: &[&str] =
        if options.restart_all_containers { &["Restart", "RestartAllContainers"] } else { &["Restart"] };
    if !actions.contains(&rule.action.as_str()) {
        report.not_supported(path.child("action"), &rule.action, actions);
    }
    match &rule.exit_codes {
        Some(exit_codes) => check_exit_codes(exit_codes, &path.child("exitCodes"), report),
        None => report.required(path.child("exitCodes"), "must be specified"),
    }
}

fn check_exit_codes(exit_codes: &ContainerRestartRuleOnExitCodes, path: &FieldPath, report: &mut Report) {
    if !OPERATORS.contains(&exit_codes.operator.as_str()) {
        report.not_supported(path.child("operator"), &exit_codes.operator, &OPERATORS);
    }
    let values = list(&exit_codes.values).len();
    if values > MAX_VALUES {
        report.too_many(path.child("values"), values, MAX_VALUES);
    }
}
