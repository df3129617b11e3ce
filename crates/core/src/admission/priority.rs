//! The priority that admission gives a Pod from its class.

use k8s_openapi::api::core::v1::Pod;

use super::Rejection;
use crate::unset::text;

/// The classes that exist without a cluster, and their values.
const CLASSES: [(&str, i32); 2] = [("system-node-critical", 2_000_001_000), ("system-cluster-critical", 2_000_000_000)];
const PREEMPTION_POLICY: &str = "PreemptLowerPriority";

/// Sets `priority` and `preemptionPolicy`.
pub(super) fn set(pod: &mut Pod) -> Result<(), Rejection> {
    let Some(spec) = &pod.spec else { return Ok(()) };
    let class = text(&spec.priority_class_name);
    let priority = match (class, CLASSES.iter().find(|(name, _)| *name == class)) {
        ("", _) => 0,
        (_, Some((_, value))) => *value,
        (unknown, None) => {
            return Err(Rejection::forbidden(pod, &format!("no PriorityClass with name {unknown} was found")));
        }
    };
    if let Some(given) = spec.priority.filter(|given| *given != priority) {
        let problem = format!(
            "the integer value of priority ({given}) must not be provided in pod spec; priority admission controller \
             computed {priority} from the given PriorityClass name"
        );
        return Err(Rejection::forbidden(pod, &problem));
    }
    if let Some(spec) = &mut pod.spec {
        spec.priority = Some(priority);
        spec.preemption_policy.get_or_insert_with(|| PREEMPTION_POLICY.to_owned());
    }
    Ok(())
}
