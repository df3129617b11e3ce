//! `podFailurePolicy`: what a failed Pod means for the Job.

use std::fmt::Write;

use k8s_openapi::api::batch::v1::{
    PodFailurePolicy, PodFailurePolicyOnExitCodesRequirement, PodFailurePolicyOnPodConditionsPattern,
};
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use reprise_core::unset::{list, text};

/// What the first rule that is met says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The Job fails, and why.
    FailJob(String),
    /// The Pod's index fails.
    FailIndex,
    /// The failure does not count.
    Ignore,
    /// It counts.
    Count,
}

/// What the Pod's failure means: it counts unless a rule says something else.
pub(super) fn meaning(policy: Option<&PodFailurePolicy>, pod: &Pod, has_index_limit: bool) -> Meaning {
    let rules = policy.map(|policy| policy.rules.as_slice()).unwrap_or_default();
    for (number, rule) in rules.iter().enumerate() {
        let met = match (&rule.on_exit_codes, &rule.on_pod_conditions) {
            (Some(codes), _) => exit_code(codes, pod),
            (None, conditions) => condition(list(conditions), pod),
        };
        let Some(what) = met else { continue };
        return match rule.action.as_str() {
            "FailJob" => {
                let mut message = what;
                // Writing to a text can't fail.
                let _ = write!(message, " matching {} rule at index {number}", rule.action);
                Meaning::FailJob(message)
            }
            "FailIndex" if has_index_limit => Meaning::FailIndex,
            "Ignore" => Meaning::Ignore,
            _ => Meaning::Count,
        };
    }
    Meaning::Count
}

/// What matches a rule on exit codes, if something does.
fn exit_code(codes: &PodFailurePolicyOnExitCodesRequirement, pod: &Pod) -> Option<String> {
    let status = pod.status.as_ref()?;
    let statuses = list(&status.container_statuses).iter().chain(list(&status.init_container_statuses));
    let is_meant = |status: &&ContainerStatus| codes.container_name.as_ref().is_none_or(|name| *name == status.name);
    let exits = statuses.filter(is_meant).filter_map(|status| {
        let terminated = status.state.as_ref().and_then(|state| state.terminated.as_ref())?;
        Some((&status.name, terminated.exit_code))
    });
    let is_met = |code: i32| match codes.operator.as_str() {
        "In" => codes.values.contains(&code),
        "NotIn" => !codes.values.contains(&code),
        _ => false,
    };
    // Success is never meant.
    let (container, code) = exits.filter(|(_, code)| *code != 0).find(|(_, code)| is_met(*code))?;
    Some(format!("Container {container} for pod {} failed with exit code {code}", name(pod)))
}

/// What matches a rule on conditions, if something does.
fn condition(patterns: &[PodFailurePolicyOnPodConditionsPattern], pod: &Pod) -> Option<String> {
    let conditions = pod.status.as_ref().map(|status| list(&status.conditions)).unwrap_or_default();
    let is_there = |pattern: &&PodFailurePolicyOnPodConditionsPattern| {
        let status = pattern.status.as_deref().unwrap_or("True");
        conditions.iter().any(|condition| condition.type_ == pattern.type_ && condition.status == status)
    };
    let pattern = patterns.iter().find(is_there)?;
    Some(format!("Pod {} has condition {}", name(pod), pattern.type_))
}

fn name(pod: &Pod) -> String {
    format!("{}/{}", text(&pod.metadata.namespace), text(&pod.metadata.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn of(rules: Value, pod: Value) -> Meaning {
        let policy: PodFailurePolicy = serde_json::from_value(json!({ "rules": rules })).unwrap();
        meaning(Some(&policy), &serde_json::from_value(pod).unwrap(), true)
    }

    fn exited(container: &str, code: i32) -> Value {
        json!({"metadata": {"namespace": "n", "name": "p"}, "status": {"phase": "Failed", "containerStatuses": [
            {"name": container, "image": "", "imageID": "", "ready": false, "restartCount": 0,
             "state": {"terminated": {"exitCode": code}}}]}})
    }

    #[test]
    fn the_first_rule_that_is_met_counts() {
        let rules = json!([
            {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
            {"action": "FailIndex", "onExitCodes": {"operator": "In", "values": [3]}},
            {"action": "FailJob", "onExitCodes": {"containerName": "main", "operator": "NotIn", "values": [1, 2]}},
        ]);
        assert_eq!(of(rules.clone(), exited("main", 1)), Meaning::Count);
        assert_eq!(of(rules.clone(), exited("side", 42)), Meaning::Count);
        assert_eq!(of(rules.clone(), exited("side", 3)), Meaning::FailIndex);
        let why = "Container main for pod n/p failed with exit code 42 matching FailJob rule at index 2";
        assert_eq!(of(rules.clone(), exited("main", 42)), Meaning::FailJob(why.to_owned()));
        let mut disrupted = exited("main", 42);
        disrupted["status"]["conditions"] = json!([{"type": "DisruptionTarget", "status": "True"}]);
        assert_eq!(of(rules, disrupted), Meaning::Ignore);
    }

    #[test]
    fn success_and_what_runs_match_no_exit_code() {
        let rules = json!([{"action": "FailJob", "onExitCodes": {"operator": "NotIn", "values": [1]}}]);
        assert_eq!(of(rules.clone(), exited("main", 0)), Meaning::Count);
        assert_eq!(of(rules, json!({"status": {"phase": "Failed"}})), Meaning::Count);
    }

    #[test]
    fn conditions_are_told_by_name() {
        let rules = json!([{"action": "FailJob", "onPodConditions": [{"type": "ConfigIssue"}]}]);
        let mut pod = exited("main", 1);
        pod["status"]["conditions"] = json!([{"type": "ConfigIssue", "status": "True"}]);
        let why = "Pod n/p has condition ConfigIssue matching FailJob rule at index 0";
        assert_eq!(of(rules, pod), Meaning::FailJob(why.to_owned()));
    }
}
