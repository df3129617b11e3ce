//! Claims that the Jobs of a JobSet share.

use k8s_openapi::api::core::v1::{PersistentVolumeClaim, PersistentVolumeClaimVolumeSource, PodSpec, Volume};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use reprise_core::unset::{list, text};

use crate::job::owner;
use crate::names::JOBSET_NAME;
use crate::types::{JobSet, VolumeClaimPolicy};

/// The name of a claim.
#[must_use]
pub(crate) fn claim_name(set: &str, template: &str) -> String {
    format!("{template}-{set}")
}

/// All claims that there are to be.
#[must_use]
pub fn claims(set: &JobSet) -> Vec<PersistentVolumeClaim> {
    let policies = set.spec.iter().flat_map(|spec| &spec.volume_claim_policies);
    let claims = policies.flat_map(|policy| policy.templates.iter().map(move |template| claim(set, policy, template)));
    claims.collect()
}

fn claim(set: &JobSet, policy: &VolumeClaimPolicy, template: &PersistentVolumeClaim) -> PersistentVolumeClaim {
    let name = text(&set.metadata.name);
    let mut labels = template.metadata.labels.clone().unwrap_or_default();
    labels.insert(JOBSET_NAME.to_owned(), name.to_owned());
    PersistentVolumeClaim {
        metadata: ObjectMeta {
            name: Some(claim_name(name, text(&template.metadata.name))),
            namespace: set.metadata.namespace.clone(),
            labels: Some(labels),
            annotations: template.metadata.annotations.clone(),
            owner_references: goes_with_set(policy).then(|| vec![owner(set)]),
            ..ObjectMeta::default()
        },
        spec: template.spec.clone(),
        status: None,
    }
}

fn goes_with_set(policy: &VolumeClaimPolicy) -> bool {
    let when_deleted = policy.retention_policy.as_ref().map(|policy| text(&policy.when_deleted));
    when_deleted.is_none_or(|when_deleted| when_deleted != "Retain")
}

/// Whether a container of the Pod mounts what has this name.
pub(crate) fn mounts(pod: &PodSpec, name: &str) -> bool {
    let containers = pod.containers.iter().chain(list(&pod.init_containers));
    let mut mounts = containers.flat_map(|container| list(&container.volume_mounts));
    mounts.any(|mount| mount.name == name)
}

/// Gives the Pod the claims that its containers mount.
pub(crate) fn mount(set: &JobSet, pod: &mut PodSpec) {
    let policies = set.spec.iter().flat_map(|spec| &spec.volume_claim_policies);
    for template in policies.flat_map(|policy| &policy.templates) {
        let name = text(&template.metadata.name);
        if !mounts(pod, name) {
            continue;
        }
        let claim_name = claim_name(text(&set.metadata.name), name);
        let source = PersistentVolumeClaimVolumeSource { claim_name, read_only: None };
        let volume = Volume { name: name.to_owned(), persistent_volume_claim: Some(source), ..Volume::default() };
        pod.volumes.get_or_insert_default().push(volume);
    }
}
