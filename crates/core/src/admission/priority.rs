//! The priority that admission gives a Pod from its class.

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::scheduling::v1::PriorityClass;

use super::Rejection;
use crate::unset::text;

/// The classes that exist without a cluster, and their values.
const CLASSES: [(&str, i32); 2] = [("system-node-critical", 2_000_001_000), ("system-cluster-critical", 2_000_000_000)];
const PREEMPTION_POLICY: &str = "PreemptLowerPriority";

/// The class of this name, where there are none but the system's.
pub(super) fn system_class(name: &str) -> Option<PriorityClass> {
    let (_, value) = CLASSES.iter().find(|(known, _)| *known == name)?;
    Some(PriorityClass { value: Some(*value), ..PriorityClass::default() })
}

/// Sets `priority` and `preemptionPolicy`.
pub(super) fn set(pod: &mut Pod, class: &dyn Fn(&str) -> Option<PriorityClass>) -> Result<(), Rejection> {
    let Some(spec) = &pod.spec else { return Ok(()) };
    let name = text(&spec.priority_class_name);
    let class = class(name);
    if class.is_none() && !name.is_empty() {
        return Err(Rejection::forbidden(pod, &format!("no PriorityClass with name {name} was found")));
    }
    let class = class.unwrap_or_default();
    let priority = class.value.unwrap_or_default();
    if let Some(given) = spec.priority.filter(|given| *given != priority) {
        let problem = format!(
            "the integer value of priority ({given}) must not be provided in pod spec; priority admission controller \
             computed {priority} from the given PriorityClass name"
        );
        return Err(Rejection::forbidden(pod, &problem));
    }
    let policy = class.preemption_policy.unwrap_or_else(|| PREEMPTION_POLICY.to_owned());
    if let Some(given) = spec.preemption_policy.as_ref().filter(|given| **given != policy) {
        let problem = format!(
            "the string value of PreemptionPolicy ({given}) must not be provided in pod spec; priority admission \
             controller computed {policy} from the given PriorityClass name"
        );
        return Err(Rejection::forbidden(pod, &problem));
    }
    if let Some(spec) = &mut pod.spec {
        spec.priority = Some(priority);
        spec.preemption_policy = Some(policy);
        if let Some(default) = class.metadata.name.filter(|_| text(&spec.priority_class_name).is_empty()) {
            spec.priority_class_name = Some(default);
        }
    }
    Ok(())
}
