//! The claims that Jobs share.

use std::collections::HashSet;

use reprise_core::field::{BadValue, FieldPath, Report};
use reprise_core::unset::{list, text};
use reprise_core::validation::object_meta::NameForm;

use crate::types::{JobSet, JobSetSpec};
use crate::volume_claims::{claim_name, mounts};

const LONGEST_CLAIM_NAME: usize = 63;
const WHEN_DELETED: [&str; 2] = ["Delete", "Retain"];
const MOST_POLICIES: usize = 50;

pub(super) fn check(set: &JobSet, spec: &JobSetSpec, path: &FieldPath, report: &mut Report) {
    let (jobs, path) = (path.child("replicatedJobs"), path.child("volumeClaimPolicies"));
    if spec.volume_claim_policies.len() > MOST_POLICIES {
        report.too_many(path.clone(), spec.volume_claim_policies.len(), MOST_POLICIES);
    }
    let mut names = HashSet::new();
    for (index, policy) in spec.volume_claim_policies.iter().enumerate() {
        let path = path.index(index);
        let when_deleted =
            policy.retention_policy.as_ref().map(|policy| text(&policy.when_deleted)).unwrap_or_default();
        if !when_deleted.is_empty() && !WHEN_DELETED.contains(&when_deleted) {
            report.not_supported(path.child("retentionPolicy").child("whenDeleted"), when_deleted, &WHEN_DELETED);
        }
        if policy.templates.iter().any(|template| !text(&template.metadata.namespace).is_empty()) {
            let detail = "namespace cannot be set for VolumeClaimPolicies templates";
            report.invalid(path.clone(), "object", detail);
        }
        for (index, template) in policy.templates.iter().enumerate() {
            let name = text(&template.metadata.name);
            let path = path.child("template").index(index).child("name");
            if !names.insert(name) {
                report.invalid(path.clone(), name, "names must be unique for VolumeClaimPolicies template");
            }
            report.invalid_each(&path, name, NameForm::Subdomain.problems(name));
            if claim_name(text(&set.metadata.name), name).len() > LONGEST_CLAIM_NAME {
                report.invalid(path, name, "VolumeClaimPolicies template name is too long");
            }
            check_mounts(spec, name, &jobs, report);
        }
    }
}

fn check_mounts(spec: &JobSetSpec, name: &str, path: &FieldPath, report: &mut Report) {
    let pod_of = |job: &crate::types::ReplicatedJob| job.template.spec.clone().and_then(|job| job.template.spec);
    let pods: Vec<_> = spec.replicated_jobs.iter().map(pod_of).collect();
    for (index, pod) in pods.iter().enumerate() {
        let volumes = pod.as_ref().map(|pod| list(&pod.volumes)).unwrap_or_default();
        let path = path.index(index).child("template").child("spec").child("template").child("spec").child("volumes");
        for (at, _) in volumes.iter().enumerate().filter(|(_, volume)| volume.name == name) {
            let detail = format!("volume name conflicts with VolumeClaimPolicy template name: {name}");
            report.invalid(path.index(at).child("name"), name, &detail);
        }
    }
    if !pods.iter().flatten().any(|pod| mounts(pod, name)) {
        let detail =
            format!("replicatedJob containers don't have a matching volumeMount: {name} from VolumeClaimPolicies");
        report.invalid(path.clone(), BadValue::json(&spec.replicated_jobs), &detail);
    }
}
