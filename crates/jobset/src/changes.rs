//! What may change in a JobSet.

use reprise_core::field::{BadValue, FieldPath, Report};

use crate::types::{JobSet, JobSetSpec};

/// Of fields that the schema guards.
const IMMUTABLE: &str = "Value is immutable";
/// Of fields that the checks guard.
const FIELD_IMMUTABLE: &str = "field is immutable";

/// Adds to the report what may not change from the old JobSet to the new one.
pub fn check_change(new: &JobSet, old: &JobSet, report: &mut Report) {
    let (Some(new), Some(old)) = (&new.spec, &old.spec) else { return };
    let path = FieldPath::new("spec");
    let mut fixed = |name: &str, same: bool, value: BadValue| {
        if !same {
            let detail = if ["managedBy", "replicatedJobs"].contains(&name) { FIELD_IMMUTABLE } else { IMMUTABLE };
            report.invalid(path.child(name), value, detail);
        }
    };
    fixed("network", new.network == old.network, BadValue::json(&new.network));
    fixed("successPolicy", new.success_policy == old.success_policy, BadValue::json(&new.success_policy));
    fixed("failurePolicy", new.failure_policy == old.failure_policy, BadValue::json(&new.failure_policy));
    fixed("startupPolicy", new.startup_policy == old.startup_policy, BadValue::json(&new.startup_policy));
    fixed("managedBy", new.managed_by == old.managed_by, BadValue::json(&new.managed_by));
    let policies = new.volume_claim_policies == old.volume_claim_policies;
    fixed("volumeClaimPolicies", policies, BadValue::json(&new.volume_claim_policies));
    fixed("replicatedJobs", same_jobs(new, old), BadValue::json(&new.replicated_jobs));
}

/// A set that is suspended, or is to be, may say anew where its Pods run and what they are called.
fn same_jobs(new: &JobSetSpec, old: &JobSetSpec) -> bool {
    if new.suspend != Some(true) && old.suspend != Some(true) {
        return new.replicated_jobs == old.replicated_jobs;
    }
    let without_placing = |spec: &JobSetSpec| {
        let mut jobs = spec.replicated_jobs.clone();
        for pod in jobs.iter_mut().filter_map(|job| job.template.spec.as_mut()).map(|spec| &mut spec.template) {
            if let Some(meta) = &mut pod.metadata {
                (meta.labels, meta.annotations) = (None, None);
            }
            if let Some(spec) = &mut pod.spec {
                (spec.node_selector, spec.tolerations, spec.scheduling_gates) = (None, None, None);
            }
        }
        jobs
    };
    without_placing(new) == without_placing(old)
}
