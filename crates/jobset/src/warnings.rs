//! What is said of a JobSet that is right, and yet not what somebody wants.

use k8s_openapi::api::core::v1::PodSpec;
use regex::Regex;
use reprise_core::field::FieldPath;
use reprise_core::unset::{list, text};

use crate::names::{EXCLUSIVE_TOPOLOGY, IN_PLACE_RESTART, NODE_SELECTOR_STRATEGY};
use crate::types::{JobSet, ReplicatedJob};

const RESTART_ALL_CONTAINERS: &str = "RestartAllContainers";

/// Warnings about a JobSet that was admitted, as texts for the field that each is about.
#[must_use]
pub fn warnings(set: &JobSet) -> Vec<String> {
    let mut warned = about_restarts(set);
    warned.extend(about_patterns(set));
    warned.extend(about_placement(set));
    warned
}

fn about_patterns(set: &JobSet) -> Vec<String> {
    let policy = set.spec.as_ref().and_then(|spec| spec.failure_policy.as_ref());
    let path = FieldPath::new("spec").child("failurePolicy").child("rules");
    let mut warned = Vec::new();
    for (rule, own) in policy.into_iter().flat_map(|policy| policy.rules.iter().enumerate()) {
        for (index, pattern) in own.on_job_failure_message_patterns.iter().enumerate() {
            if Regex::new(pattern).is_err() {
                let path = path.index(rule).child("onJobFailureMessagePatterns").index(index);
                warned.push(format!("{path}: {pattern:?} is no regular expression, so it fits no message"));
            }
        }
    }
    warned
}

/// Published is that Pods are placed as they are made, by a webhook, which is not a part of this.
fn about_placement(set: &JobSet) -> Option<String> {
    let has = |key: &str| set.metadata.annotations.as_ref().is_some_and(|annotations| annotations.contains_key(key));
    let path = FieldPath::new("metadata").child("annotations").key(EXCLUSIVE_TOPOLOGY);
    (has(EXCLUSIVE_TOPOLOGY) && !has(NODE_SELECTOR_STRATEGY))
        .then(|| format!("{path}: Jobs get domains to themselves only with the annotation {NODE_SELECTOR_STRATEGY}"))
}

fn about_restarts(set: &JobSet) -> Vec<String> {
    let spec = set.spec.iter().filter(|spec| {
        let policy = spec.failure_policy.as_ref();
        policy.is_some_and(|policy| text(&policy.restart_strategy) == IN_PLACE_RESTART)
    });
    let jobs = spec.flat_map(|spec| spec.replicated_jobs.iter().enumerate());
    let without = jobs.filter(|(_, job)| !restarts_in_place(job));
    let path = FieldPath::new("spec").child("replicatedJobs");
    let warned = without.map(|(index, _)| {
        let path = path.index(index).child("template").child("spec").child("template").child("spec").child("initContainers");
        format!("{path}: no sidecar has a restart rule with the action {RESTART_ALL_CONTAINERS}, so these Pods cannot restart in place")
    });
    warned.collect()
}

/// Whether a sidecar, or the main container that is its own agent, can have the Pod restart in place.
fn restarts_in_place(job: &ReplicatedJob) -> bool {
    let pod: Option<&PodSpec> = job.template.spec.as_ref().and_then(|job| job.template.spec.as_ref());
    let containers = pod.into_iter().flat_map(|pod| pod.containers.iter().chain(list(&pod.init_containers)));
    let mut rules = containers.flat_map(|container| list(&container.restart_policy_rules));
    rules.any(|rule| rule.action == RESTART_ALL_CONTAINERS)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn set(strategy: &str, init_containers: Value) -> Result<JobSet, serde_json::Error> {
        let pod = json!({"containers": [{"name": "worker"}], "initContainers": init_containers});
        let job = json!({"name": "workers", "template": {"spec": {"template": {"spec": pod}}}});
        serde_json::from_value(
            json!({"spec": {"failurePolicy": {"restartStrategy": strategy}, "replicatedJobs": [job]}}),
        )
    }

    #[test]
    fn what_will_have_no_effect_is_told() -> Result<(), serde_json::Error> {
        let rules = json!([{"onJobFailureMessagePatterns": ["fine.*", "("]}]);
        let annotations = json!({EXCLUSIVE_TOPOLOGY: "rack"});
        let set = json!({"metadata": {"annotations": annotations}, "spec": {"failurePolicy": {"rules": rules}}});
        let path = "spec.failurePolicy.rules[0].onJobFailureMessagePatterns[1]";
        assert_eq!(
            warnings(&serde_json::from_value(set)?),
            [
                format!("{path}: \"(\" is no regular expression, so it fits no message"),
                format!(
                    "metadata.annotations[{EXCLUSIVE_TOPOLOGY}]: Jobs get domains to themselves only with the annotation \
                     {NODE_SELECTOR_STRATEGY}"
                ),
            ]
        );
        Ok(())
    }

    #[test]
    fn a_set_whose_pods_cannot_restart_in_place_is_told_so() -> Result<(), serde_json::Error> {
        let rules = json!([{"action": "RestartAllContainers", "exitCodes": {"operator": "In", "values": [1]}}]);
        let agent = json!([{"name": "agent", "restartPolicy": "Always", "restartPolicyRules": rules}]);
        assert_eq!(warnings(&set("InPlaceRestart", agent)?), Vec::<String>::new());
        assert_eq!(warnings(&set("Recreate", json!([]))?), Vec::<String>::new());
        let warned = warnings(&set("InPlaceRestart", json!([{"name": "agent", "restartPolicy": "Always"}]))?);
        assert_eq!(
            warned,
            [
                "spec.replicatedJobs[0].template.spec.template.spec.initContainers: no sidecar has a restart rule with the action \
                 RestartAllContainers, so these Pods cannot restart in place"
            ]
        );
        Ok(())
    }
}
