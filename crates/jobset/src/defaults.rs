//! The defaults of JobSets.

use k8s_openapi::Resource;

use crate::types::{JobSet, StartupPolicy, SuccessPolicy};

/// Fills in everything that is not set.
pub fn set_defaults(set: &mut JobSet) {
    (set.api_version, set.kind) = (JobSet::API_VERSION.to_owned(), JobSet::KIND.to_owned());
    let spec = set.spec.get_or_insert_default();
    let policy = || SuccessPolicy { operator: "All".to_owned(), target_replicated_jobs: Vec::new() };
    spec.success_policy.get_or_insert_with(policy);
    spec.startup_policy.get_or_insert_with(|| StartupPolicy { startup_policy_order: "AnyOrder".to_owned() });
    let network = spec.network.get_or_insert_default();
    network.enable_dns_hostnames.get_or_insert(true);
    network.publish_not_ready_addresses.get_or_insert(true);
    for job in &mut spec.replicated_jobs {
        job.group_name.get_or_insert_with(|| "default".to_owned());
        job.replicas.get_or_insert(1);
        let template = job.template.spec.get_or_insert_default();
        template.completion_mode.get_or_insert_with(|| "Indexed".to_owned());
        let pod = template.template.spec.get_or_insert_default();
        pod.restart_policy.get_or_insert_with(|| "OnFailure".to_owned());
    }
    for policy in &mut spec.volume_claim_policies {
        let retention = policy.retention_policy.get_or_insert_default();
        retention.when_deleted.get_or_insert_with(|| "Delete".to_owned());
    }
    if let Some(policy) = &mut spec.failure_policy {
        policy.max_restarts.get_or_insert(0);
        policy.restart_strategy.get_or_insert_with(|| "Recreate".to_owned());
        for (index, rule) in policy.rules.iter_mut().enumerate() {
            if rule.name.is_empty() {
                rule.name = format!("failurePolicyRule{index}");
            }
        }
    }
}
