//! Which volume goes to which claim, and what both say about it.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{ObjectReference, PersistentVolume, PersistentVolumeClaim};
use reprise_core::objects::binding;
use reprise_core::unset::text;
use serde_json::{Value, json};

use super::of_version;
use crate::cache::ObjectKey;
use crate::recorder::Note;

const BOUND_BY_CONTROLLER: &str = "pv.kubernetes.io/bound-by-controller";
const BIND_COMPLETED: &str = "pv.kubernetes.io/bind-completed";

/// What is to be done, one after the other.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// A merge patch of a volume, or of its status.
    Volume {
        name: String,
        subresource: bool,
        patch: Value,
    },
    /// A merge patch of a claim, or of its status.
    Claim {
        key: ObjectKey,
        subresource: bool,
        patch: Value,
    },
    TellOfVolume {
        volume: Arc<PersistentVolume>,
        note: Note,
    },
    TellOfClaim {
        claim: Arc<PersistentVolumeClaim>,
        note: Note,
    },
}

/// Decides about all of them.
pub(super) fn decide(volumes: &[Arc<PersistentVolume>], claims: &[Arc<PersistentVolumeClaim>]) -> Vec<Step> {
    let by_key: BTreeMap<ObjectKey, &Arc<PersistentVolumeClaim>> =
        claims.iter().map(|claim| (ObjectKey::of(&**claim), claim)).collect();
    let mut steps: Vec<Step> = volumes.iter().flat_map(|volume| about_volume(volume, &by_key)).collect();
    let going = |volume: &&&Arc<PersistentVolume>| volume.metadata.deletion_timestamp.is_none();
    let mut free: Vec<&PersistentVolume> = volumes.iter().filter(|v| going(&v)).map(|volume| &**volume).collect();
    for claim in in_order(claims) {
        steps.extend(about_claim(claim, volumes, &mut free));
    }
    steps
}

/// Claims that name their volume first: another claim could take it. Then the oldest.
fn in_order(claims: &[Arc<PersistentVolumeClaim>]) -> Vec<&Arc<PersistentVolumeClaim>> {
    let mut claims: Vec<_> = claims.iter().collect();
    claims.sort_by_key(|claim| {
        let created = claim.metadata.creation_timestamp.as_ref().map(|time| time.0);
        (wanted(claim).is_empty(), created, ObjectKey::of(&***claim))
    });
    claims
}

fn wanted(claim: &PersistentVolumeClaim) -> &str {
    claim.spec.as_ref().map(|spec| text(&spec.volume_name)).unwrap_or_default()
}

fn phase_of(volume: &PersistentVolume) -> &str {
    volume.status.as_ref().map(|status| text(&status.phase)).unwrap_or_default()
}

fn about_volume(
    volume: &Arc<PersistentVolume>,
    claims: &BTreeMap<ObjectKey, &Arc<PersistentVolumeClaim>>,
) -> Vec<Step> {
    let spec = volume.spec.as_ref();
    let reference = spec.and_then(|spec| spec.claim_ref.as_ref());
    let Some(reference) = reference.filter(|reference| !text(&reference.uid).is_empty()) else {
        return to_phase(volume, "Available", None);
    };
    let key = ObjectKey::new(text(&reference.namespace), text(&reference.name));
    let claim = claims.get(&key).filter(|claim| claim.metadata.uid == reference.uid);
    if let Some(claim) = claim {
        return match wanted(claim) {
            own if own == text(&volume.metadata.name) => to_phase(volume, "Bound", None),
            // Half of a binding; the claim comes next.
            "" => Vec::new(),
            _ => let_go(volume, reference),
        };
    }
    released(volume)
}

/// Its claim is gone.
fn released(volume: &Arc<PersistentVolume>) -> Vec<Step> {
    let policy = volume.spec.as_ref().map(|spec| text(&spec.persistent_volume_reclaim_policy)).unwrap_or_default();
    match policy {
        "" | "Retain" => to_phase(volume, "Released", None),
        _ => {
            let why = format!(
                "volumes of this kind are not removed here: the reclaim policy {policy} can't be followed; delete the PersistentVolume and what is in it, or set the policy to Retain"
            );
            let mut steps = to_phase(volume, "Failed", Some(&why));
            if !steps.is_empty() {
                let note = Note::warning("VolumeFailedDelete", why);
                steps.push(Step::TellOfVolume { volume: volume.clone(), note });
            }
            steps
        }
    }
}

/// The claim has another volume; this one is free again.
fn let_go(volume: &PersistentVolume, reference: &ObjectReference) -> Vec<Step> {
    let annotations = volume.metadata.annotations.as_ref();
    let by_controller = annotations.is_some_and(|annotations| annotations.contains_key(BOUND_BY_CONTROLLER));
    let claim_ref = if by_controller {
        Value::Null
    } else {
        json!({"uid": null, "resourceVersion": null, "name": reference.name, "namespace": reference.namespace})
    };
    let annotations = json!({BOUND_BY_CONTROLLER: null});
    let patch = json!({"metadata": {"annotations": annotations}, "spec": {"claimRef": claim_ref}});
    let patch = of_version(volume.metadata.resource_version.as_ref(), patch);
    vec![Step::Volume { name: text(&volume.metadata.name).to_owned(), subresource: false, patch }]
}

fn to_phase(volume: &PersistentVolume, phase: &str, message: Option<&str>) -> Vec<Step> {
    if phase_of(volume) == phase {
        return Vec::new();
    }
    let patch = json!({"status": {"phase": phase, "message": message}});
    vec![Step::Volume { name: text(&volume.metadata.name).to_owned(), subresource: true, patch }]
}

fn about_claim(
    claim: &Arc<PersistentVolumeClaim>,
    volumes: &[Arc<PersistentVolume>],
    free: &mut Vec<&PersistentVolume>,
) -> Vec<Step> {
    let wanted = wanted(claim);
    if binding::is_bound(claim) {
        let volume = volumes.iter().find(|volume| text(&volume.metadata.name) == wanted);
        return if volume.is_some_and(|volume| binding::belongs(volume, claim)) { Vec::new() } else { lost(claim) };
    }
    let phase = claim.status.as_ref().map(|status| text(&status.phase)).unwrap_or_default();
    if claim.metadata.deletion_timestamp.is_some() || phase == "Lost" {
        return Vec::new();
    }
    match binding::choose(claim, free, None) {
        Ok(volume) => {
            free.retain(|own| own.metadata.name != volume.metadata.name);
            bind(volume, claim)
        }
        Err(_) => pending(claim, phase),
    }
}

fn lost(claim: &Arc<PersistentVolumeClaim>) -> Vec<Step> {
    let patch = json!({"status": {"phase": "Lost", "capacity": null, "accessModes": null}});
    let message = "Bound claim has lost its PersistentVolume. Data on the volume is lost!";
    vec![
        Step::Claim { key: ObjectKey::of(&**claim), subresource: true, patch },
        Step::TellOfClaim { claim: claim.clone(), note: Note::warning("ClaimLost", message) },
    ]
}

fn pending(claim: &Arc<PersistentVolumeClaim>, phase: &str) -> Vec<Step> {
    let class = claim.spec.as_ref().map(|spec| text(&spec.storage_class_name)).unwrap_or_default();
    let note = if class.is_empty() {
        let message = "no persistent volumes available for this claim and no storage class is set";
        Note::normal("FailedBinding", message)
    } else {
        let why = "no persistent volumes available for this claim, and volumes are not provisioned here";
        Note::warning("ProvisioningFailed", format!("storage class {class:?}: {why}"))
    };
    let mut steps = vec![Step::TellOfClaim { claim: claim.clone(), note }];
    if phase != "Pending" {
        let patch = json!({"status": {"phase": "Pending"}});
        steps.push(Step::Claim { key: ObjectKey::of(&**claim), subresource: true, patch });
    }
    steps
}

/// The volume says first whose it is: then nobody else takes it, whatever is cut off.
fn bind(volume: &PersistentVolume, claim: &PersistentVolumeClaim) -> Vec<Step> {
    let (bound_volume, bound_claim) = binding::bound(volume, claim);
    let name = text(&volume.metadata.name).to_owned();
    let key = ObjectKey::of(claim);
    let mut steps = Vec::new();
    if !binding::belongs(volume, &bound_claim) {
        let mine = volume.spec.as_ref().is_some_and(|spec| spec.claim_ref.is_none());
        let annotations = json!({BOUND_BY_CONTROLLER: mine.then_some("yes")});
        let claim_ref = bound_volume.spec.and_then(|spec| spec.claim_ref);
        let patch = json!({"metadata": {"annotations": annotations}, "spec": {"claimRef": claim_ref}});
        let patch = of_version(volume.metadata.resource_version.as_ref(), patch);
        steps.push(Step::Volume { name: name.clone(), subresource: false, patch });
    }
    steps.extend(to_phase(volume, "Bound", None));
    if wanted(claim) != name {
        let annotations = json!({BIND_COMPLETED: "yes", BOUND_BY_CONTROLLER: "yes"});
        let patch = json!({"metadata": {"annotations": annotations}, "spec": {"volumeName": name}});
        let patch = of_version(claim.metadata.resource_version.as_ref(), patch);
        steps.push(Step::Claim { key: key.clone(), subresource: false, patch });
    }
    let status = json!({ "status": bound_claim.status });
    steps.push(Step::Claim { key, subresource: true, patch: status });
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn volume(name: &str, more: Value) -> Arc<PersistentVolume> {
        let mut volume = json!({"metadata": {"name": name, "resourceVersion": "5"},
            "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/x"}},
            "status": {"phase": "Available"}});
        json_patch(&mut volume, &more);
        Arc::new(serde_json::from_value(volume).unwrap())
    }

    fn claim(name: &str, more: Value) -> Arc<PersistentVolumeClaim> {
        let mut claim = json!({"metadata": {"name": name, "namespace": "n", "uid": name, "resourceVersion": "7"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
            "status": {"phase": "Pending"}});
        json_patch(&mut claim, &more);
        Arc::new(serde_json::from_value(claim).unwrap())
    }

    fn json_patch(target: &mut Value, patch: &Value) {
        let Some(fields) = patch.as_object() else {
            *target = patch.clone();
            return;
        };
        for (key, value) in fields {
            if value.is_null() {
                target.as_object_mut().unwrap().remove(key);
            } else {
                if !target.is_object() {
                    *target = json!({});
                }
                json_patch(&mut target[key], value);
            }
        }
    }

    /// Carries the steps out, the first `count` of them.
    fn carry_out(
        steps: &[Step],
        volume: &mut Arc<PersistentVolume>,
        claim: &mut Arc<PersistentVolumeClaim>,
        count: usize,
    ) {
        for step in steps.iter().take(count) {
            match step {
                Step::Volume { patch, .. } => {
                    let mut value = serde_json::to_value(&**volume).unwrap();
                    json_patch(&mut value, patch);
                    *volume = Arc::new(serde_json::from_value(value).unwrap());
                }
                Step::Claim { patch, .. } => {
                    let mut value = serde_json::to_value(&**claim).unwrap();
                    json_patch(&mut value, patch);
                    *claim = Arc::new(serde_json::from_value(value).unwrap());
                }
                Step::TellOfVolume { .. } | Step::TellOfClaim { .. } => {}
            }
        }
    }

    fn phases(steps: &[Step]) -> Vec<String> {
        let of = |patch: &Value| patch["status"]["phase"].as_str().map(str::to_owned);
        let phase = |step: &Step| match step {
            Step::Volume { patch, .. } | Step::Claim { patch, .. } => of(patch),
            Step::TellOfVolume { note, .. } | Step::TellOfClaim { note, .. } => Some(note.reason.clone()),
        };
        steps.iter().filter_map(phase).collect()
    }

    #[test]
    fn a_binding_that_was_cut_off_anywhere_is_completed() {
        for cut in 0..5 {
            let (mut volume, mut claim) = (volume("v", json!({})), claim("c", json!({})));
            let steps = decide(std::slice::from_ref(&volume), std::slice::from_ref(&claim));
            assert_eq!(steps.len(), 4);
            carry_out(&steps, &mut volume, &mut claim, cut);
            let rest = decide(std::slice::from_ref(&volume), std::slice::from_ref(&claim));
            carry_out(&rest, &mut volume, &mut claim, 9);
            assert!(binding::is_bound(&claim) && binding::belongs(&volume, &claim), "cut after {cut}");
            assert_eq!(phase_of(&volume), "Bound");
            assert_eq!(phases(&decide(&[volume], &[claim])), [""; 0]);
        }
    }

    #[test]
    fn two_claims_do_not_get_one_volume() {
        let steps = decide(&[volume("v", json!({}))], &[claim("a", json!({})), claim("b", json!({}))]);
        let bound = steps.iter().filter(|step| matches!(step, Step::Claim { subresource: false, .. })).count();
        assert_eq!((bound, phases(&steps).last().map(String::as_str)), (1, Some("FailedBinding")));
    }

    #[test]
    fn a_volume_whose_claim_is_gone_is_released_and_not_given_again() {
        let reference = json!({"claimRef": {"namespace": "n", "name": "c", "uid": "old"}});
        let used = |policy: &str, phase: &str| {
            let mut spec = reference.clone();
            spec["persistentVolumeReclaimPolicy"] = json!(policy);
            volume("v", json!({"spec": spec, "status": {"phase": phase}}))
        };
        let again = claim("c", json!({}));
        assert_eq!(
            phases(&decide(&[used("Retain", "Bound")], std::slice::from_ref(&again))),
            ["Released", "FailedBinding"]
        );
        assert_eq!(phases(&decide(&[used("Retain", "Released")], &[again])), ["FailedBinding"]);
        assert_eq!(phases(&decide(&[used("Delete", "Bound")], &[])), ["Failed", "VolumeFailedDelete"]);
    }

    #[test]
    fn a_claim_whose_volume_is_gone_is_lost_and_a_class_is_no_promise() {
        let bound = json!({"spec": {"volumeName": "v"}, "status": {"phase": "Bound"}});
        assert_eq!(phases(&decide(&[], &[claim("c", bound)])), ["Lost", "ClaimLost"]);
        let of_class = claim("c", json!({"spec": {"storageClassName": "fast"}, "status": {"phase": null}}));
        assert_eq!(phases(&decide(&[], &[of_class])), ["ProvisioningFailed", "Pending"]);
    }
}
