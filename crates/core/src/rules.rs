//! What the exit of one container asks for: the whole Pod again, that container again, or nothing.
//!
//! Semantics section 1: the first rule that matches decides; without one the container's policy does.

use k8s_openapi::api::core::v1::{ContainerRestartRule, ContainerRestartRuleOnExitCodes, Pod};

use crate::gates::FeatureGates;
use crate::roles::{PodContainer, RestartPolicy, containers};

const RESTART: &str = "Restart";
const RESTART_ALL_CONTAINERS: &str = "RestartAllContainers";

/// What an exit asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Restart the whole Pod in place: the rule with this index says so.
    RestartPod {
        /// Index in the container's `restartPolicyRules`.
        rule: usize,
    },
    /// Start this container again, by a rule or by its policy.
    RestartContainer {
        /// Index of the rule that says so; none if the policy does.
        rule: Option<usize>,
    },
    /// The container has ended for good.
    Stay,
}

/// Judges an exit of `container` with `exit_code`.
#[must_use]
pub fn judge(container: &PodContainer<'_>, exit_code: i32, gates: &FeatureGates) -> Verdict {
    let rules = if gates.container_restart_rules { container.rules() } else { &[] };
    let Some(index) = rules.iter().position(|r| matches(r, exit_code)) else {
        return by_policy(container.policy, exit_code);
    };
    match rules[index].action.as_str() {
        RESTART => Verdict::RestartContainer { rule: Some(index) },
        RESTART_ALL_CONTAINERS if gates.restart_all_containers_on_container_exits => {
            Verdict::RestartPod { rule: index }
        }
        // With the gate off a match is no match (semantics section 1).
        _ => by_policy(container.policy, exit_code),
    }
}

/// What the policy alone says, for an exit whose code is not known to be the program's own.
#[must_use]
pub fn by_policy(policy: RestartPolicy, exit_code: i32) -> Verdict {
    match policy {
        RestartPolicy::Always => Verdict::RestartContainer { rule: None },
        RestartPolicy::OnFailure if exit_code != 0 => Verdict::RestartContainer { rule: None },
        RestartPolicy::OnFailure | RestartPolicy::Never => Verdict::Stay,
    }
}

/// Whether any container of the Pod can trigger an in-place restart. Such a Pod carries the condition
/// `AllContainersRestarting` from its first status on (semantics section 3.5).
#[must_use]
pub fn can_restart_in_place(pod: &Pod, gates: &FeatureGates) -> bool {
    gates.container_restart_rules
        && gates.restart_all_containers_on_container_exits
        && containers(pod).iter().any(|c| c.rules().iter().any(|r| r.action == RESTART_ALL_CONTAINERS))
}

fn matches(rule: &ContainerRestartRule, exit_code: i32) -> bool {
    let Some(ContainerRestartRuleOnExitCodes { operator, values }) = &rule.exit_codes else { return false };
    let listed = values.iter().flatten().any(|v| *v == exit_code);
    match operator.as_str() {
        "In" => listed,
        "NotIn" => !listed,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn verdict(container: Value, code: i32, gates: FeatureGates) -> Verdict {
        let pod: Pod = serde_json::from_value(json!({
            "spec": {"restartPolicy": "Never", "containers": [container]}
        }))
        .unwrap();
        judge(&containers(&pod)[0], code, &gates)
    }

    fn rule(action: &str, operator: &str, values: &[i32]) -> Value {
        json!({"action": action, "exitCodes": {"operator": operator, "values": values}})
    }

    fn with_rules(policy: &str, rules: &[Value]) -> Value {
        json!({"name": "c", "restartPolicy": policy, "restartPolicyRules": rules})
    }

    #[test]
    fn the_first_matching_rule_wins() {
        let c = with_rules("Never", &[rule("Restart", "In", &[88]), rule(RESTART_ALL_CONTAINERS, "In", &[88])]);
        assert_eq!(verdict(c, 88, FeatureGates::default()), Verdict::RestartContainer { rule: Some(0) });
    }

    #[test]
    fn without_a_match_the_containers_own_policy_beats_the_pods() {
        let c = with_rules("OnFailure", &[rule(RESTART_ALL_CONTAINERS, "In", &[88])]);
        assert_eq!(verdict(c.clone(), 1, FeatureGates::default()), Verdict::RestartContainer { rule: None });
        assert_eq!(verdict(c, 0, FeatureGates::default()), Verdict::Stay);
        assert_eq!(verdict(json!({"name": "c"}), 1, FeatureGates::default()), Verdict::Stay);
    }

    #[test]
    fn in_with_no_values_never_matches_and_not_in_with_none_always_does() {
        let gates = FeatureGates::default();
        assert_eq!(verdict(with_rules("Never", &[rule(RESTART_ALL_CONTAINERS, "In", &[])]), 0, gates), Verdict::Stay);
        let not_in = with_rules("Never", &[rule(RESTART_ALL_CONTAINERS, "NotIn", &[])]);
        assert_eq!(verdict(not_in, 0, gates), Verdict::RestartPod { rule: 0 });
    }

    #[test]
    fn with_the_gate_off_a_match_is_no_match_and_the_policy_decides() {
        let gates = FeatureGates { restart_all_containers_on_container_exits: false, ..FeatureGates::default() };
        let c = with_rules("Never", &[rule(RESTART_ALL_CONTAINERS, "In", &[88]), rule("Restart", "In", &[88])]);
        assert_eq!(verdict(c, 88, gates), Verdict::Stay);
    }

    #[test]
    fn an_init_container_under_the_pods_always_is_done_once_it_succeeded() {
        let pod: Pod = serde_json::from_value(json!({
            "spec": {"initContainers": [{"name": "i"}], "containers": [{"name": "c"}]}
        }))
        .unwrap();
        let init = containers(&pod)[0];
        assert_eq!(judge(&init, 0, &FeatureGates::default()), Verdict::Stay);
        assert_eq!(judge(&init, 1, &FeatureGates::default()), Verdict::RestartContainer { rule: None });
    }
}
