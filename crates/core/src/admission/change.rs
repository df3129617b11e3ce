//! The way in of a Pod that takes the place of one that is there, through the API.

use k8s_openapi::api::core::v1::Pod;

use super::{Admitted, Policy, Rejection};
use crate::validation::{Options, pod_change};
use crate::{defaults, gated_fields, validation};

/// Lets a changed Pod in: its identity and status are `old`'s already, what admission has set is kept where it is left out.
///
/// # Errors
/// The code and `Status` that the API server answers with.
pub fn admit_change(mut pod: Pod, old: &Pod, policy: &Policy) -> Result<Admitted, Rejection> {
    keep_admitted(&mut pod, old);
    gated_fields::drop_disabled(&mut pod, Some(old), policy.gates);
    defaults::set_defaults(&mut pod);
    let options = Options::for_update(policy.gates, policy.allow_privileged, old);
    let mut errors = validation::validate_update(&pod, &options);
    if errors.is_empty() {
        errors = pod_change::check(&pod, old);
    }
    if errors.is_empty() { Ok(Admitted { pod, warnings: Vec::new() }) } else { Err(Rejection::invalid(&pod, errors)) }
}

/// Who replaces a Pod need not know what its priority class means.
fn keep_admitted(pod: &mut Pod, old: &Pod) {
    let (Some(spec), Some(old)) = (&mut pod.spec, &old.spec) else { return };
    if spec.priority_class_name == old.priority_class_name {
        spec.priority = spec.priority.or(old.priority);
        if spec.preemption_policy.is_none() {
            spec.preemption_policy.clone_from(&old.preemption_policy);
        }
    }
    if spec.node_name.is_none() {
        spec.node_name.clone_from(&old.node_name);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::gates::FeatureGates;

    #[test]
    fn a_pod_given_again_as_its_author_wrote_it_is_no_change() {
        let written =
            json!({"metadata": {"name": "p", "namespace": "n"}, "spec": {"containers": [{"name": "a", "image": "i"}]}});
        let written: Pod = serde_json::from_value(written).unwrap();
        let mut old = written.clone();
        defaults::set_defaults(&mut old);
        let spec = old.spec.as_mut().unwrap();
        (spec.priority, spec.node_name) = (Some(0), Some("node".to_owned()));
        let policy = Policy { gates: FeatureGates::default(), allow_privileged: true };
        assert_eq!(admit_change(written, &old, &policy).unwrap().pod, old);
    }
}
