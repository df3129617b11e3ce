//! Which PersistentVolume a claim gets, as the volume controller of Kubernetes decides it.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    ObjectReference, PersistentVolume, PersistentVolumeClaim, PersistentVolumeClaimStatus, PersistentVolumeStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::node_selector::{NodeFacts, selects};
use crate::label_selector;
use crate::quantity::Quantity;
use crate::unset::{list, text};

/// The old spelling of `storageClassName`; it wins where it is set.
const OLD_CLASS: &str = "volume.beta.kubernetes.io/storage-class";

/// Binds every claim that can be bound, oldest name first. Gives the pairs (volume, claim) that are new.
#[must_use]
pub fn bind(
    volumes: &[&PersistentVolume],
    claims: &[&PersistentVolumeClaim],
    node: &NodeFacts,
) -> Vec<(PersistentVolume, PersistentVolumeClaim)> {
    let mut free: Vec<PersistentVolume> = volumes.iter().map(|volume| (*volume).clone()).collect();
    let mut pairs = Vec::new();
    // Claims that name their volume first: another claim could take it.
    let (named, open): (Vec<_>, Vec<_>) =
        claims.iter().filter(|claim| !is_bound(claim)).partition(|claim| !wanted(claim).is_empty());
    for claim in named.into_iter().chain(open) {
        let candidates: Vec<&PersistentVolume> = free.iter().collect();
        if let Ok(volume) = choose(claim, &candidates, Some(node)) {
            let pair = bound(volume, claim);
            free.retain(|volume| volume.metadata.name != pair.0.metadata.name);
            pairs.push(pair);
        }
    }
    pairs
}

/// Whether a volume has been found for the claim.
#[must_use]
pub fn is_bound(claim: &PersistentVolumeClaim) -> bool {
    !wanted(claim).is_empty() && claim.status.as_ref().is_some_and(|status| text(&status.phase) == "Bound")
}

/// Whether `volume` is the one that `claim` is bound to, from both sides.
#[must_use]
pub fn belongs(volume: &PersistentVolume, claim: &PersistentVolumeClaim) -> bool {
    let reference = volume.spec.as_ref().and_then(|spec| spec.claim_ref.as_ref());
    text(&volume.metadata.name) == wanted(claim)
        && reference.is_some_and(|reference| names(reference, &claim.metadata) && reference.uid.is_some())
}

/// The volume for a claim: one that is on `node` or, without one, wherever it is.
///
/// # Errors
/// Why there is none, for people.
pub fn choose<'v>(
    claim: &PersistentVolumeClaim,
    volumes: &[&'v PersistentVolume],
    node: Option<&NodeFacts>,
) -> Result<&'v PersistentVolume, String> {
    let wanted = wanted(claim);
    if !wanted.is_empty() {
        let volume = volumes.iter().find(|volume| text(&volume.metadata.name) == wanted);
        let volume = volume.ok_or_else(|| format!("persistentvolume {wanted:?} not found"))?;
        return match obstacle(volume, claim, node) {
            Some(obstacle) => Err(format!("persistentvolume {wanted:?} {obstacle}")),
            None => Ok(volume),
        };
    }
    let fits = |volume: &&&'v PersistentVolume| obstacle(volume, claim, node).is_none() && is_selected(volume, claim);
    let best = volumes.iter().filter(fits).min_by(|a, b| preferred(a, b, claim));
    best.copied().ok_or_else(|| {
        let class = class_of_claim(claim);
        format!("no persistent volumes available for this claim and no storage class is set: none of the {} persistentvolumes fits (storageClassName {class:?}, capacity, access modes, selector, node affinity)", volumes.len())
    })
}

/// One that is set aside for the claim, then the smallest, then the first by name.
fn preferred(a: &PersistentVolume, b: &PersistentVolume, claim: &PersistentVolumeClaim) -> Ordering {
    let aside = |volume: &PersistentVolume| {
        let reference = volume.spec.as_ref().and_then(|spec| spec.claim_ref.as_ref());
        reference.is_some_and(|reference| names(reference, &claim.metadata))
    };
    let order = aside(b).cmp(&aside(a)).then_with(|| capacity(a).cmp(&capacity(b)));
    order.then_with(|| a.metadata.name.cmp(&b.metadata.name))
}

/// Why the claim can't have this volume, whatever its selector says.
fn obstacle(volume: &PersistentVolume, claim: &PersistentVolumeClaim, node: Option<&NodeFacts>) -> Option<String> {
    let no_spec = Default::default();
    let spec = volume.spec.as_ref().unwrap_or(&no_spec);
    if let Some(reference) = spec.claim_ref.as_ref().filter(|reference| !names(reference, &claim.metadata)) {
        let (namespace, name) = (text(&reference.namespace), text(&reference.name));
        return Some(format!("already bound to a different claim ({namespace}/{name})"));
    }
    let claim_spec = claim.spec.as_ref();
    let (has, wants) = (class_of_volume(volume), class_of_claim(claim));
    if has != wants {
        return Some(format!("has storageClassName {has:?}, not {wants:?}"));
    }
    let mode = |mode: Option<&String>| mode.map_or("Filesystem", String::as_str).to_owned();
    let (has, wants) = (mode(spec.volume_mode.as_ref()), mode(claim_spec.and_then(|s| s.volume_mode.as_ref())));
    if has != wants {
        return Some(format!("has volumeMode {has}, not {wants}"));
    }
    if capacity(volume) < request(claim) {
        return Some("is smaller than the claim requests".to_owned());
    }
    let wanted_modes = claim_spec.map(|s| list(&s.access_modes)).unwrap_or_default();
    if let Some(mode) = wanted_modes.iter().find(|mode| !list(&spec.access_modes).contains(mode)) {
        return Some(format!("has no access mode {mode}"));
    }
    let required = spec.node_affinity.as_ref().and_then(|affinity| affinity.required.as_ref());
    let node = node.filter(|node| required.is_some_and(|selector| !selects(selector, node)))?;
    Some(format!("has a node affinity that does not select the node {:?}", node.name))
}

/// Whether the reference means the claim with this metadata. One without a UID means whoever has the name.
fn names(reference: &ObjectReference, claim: &ObjectMeta) -> bool {
    reference.namespace == claim.namespace
        && reference.name == claim.name
        && (text(&reference.uid).is_empty() || reference.uid == claim.uid)
}

fn is_selected(volume: &PersistentVolume, claim: &PersistentVolumeClaim) -> bool {
    let selector = claim.spec.as_ref().and_then(|spec| spec.selector.as_ref());
    let none = BTreeMap::new();
    selector.is_none_or(|selector| label_selector::matches(selector, volume.metadata.labels.as_ref().unwrap_or(&none)))
}

fn wanted(claim: &PersistentVolumeClaim) -> &str {
    claim.spec.as_ref().map(|spec| text(&spec.volume_name)).unwrap_or_default()
}

fn class_of_volume(volume: &PersistentVolume) -> &str {
    let old = volume.metadata.annotations.as_ref().and_then(|a| a.get(OLD_CLASS));
    old.map_or_else(|| volume.spec.as_ref().map(|s| text(&s.storage_class_name)).unwrap_or_default(), String::as_str)
}

/// There is no default class here, so a claim that names none wants a volume without one.
fn class_of_claim(claim: &PersistentVolumeClaim) -> &str {
    let old = claim.metadata.annotations.as_ref().and_then(|a| a.get(OLD_CLASS));
    old.map_or_else(|| claim.spec.as_ref().map(|s| text(&s.storage_class_name)).unwrap_or_default(), String::as_str)
}

fn capacity(volume: &PersistentVolume) -> i64 {
    let capacity = volume.spec.as_ref().and_then(|spec| spec.capacity.as_ref());
    let storage = capacity.and_then(|capacity| capacity.get("storage"));
    storage.and_then(|quantity| Quantity::of(quantity).ok()).map_or(0, |quantity| quantity.value())
}

fn request(claim: &PersistentVolumeClaim) -> i64 {
    let resources = claim.spec.as_ref().and_then(|spec| spec.resources.as_ref());
    let storage = resources.and_then(|r| r.requests.as_ref()).and_then(|requests| requests.get("storage"));
    storage.and_then(|quantity| Quantity::of(quantity).ok()).map_or(0, |quantity| quantity.value())
}

/// Both as they are when they belong together.
#[must_use]
pub fn bound(volume: &PersistentVolume, claim: &PersistentVolumeClaim) -> (PersistentVolume, PersistentVolumeClaim) {
    let (mut volume, mut claim) = (volume.clone(), claim.clone());
    let spec = volume.spec.get_or_insert_default();
    spec.claim_ref = Some(ObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some("PersistentVolumeClaim".to_owned()),
        name: claim.metadata.name.clone(),
        namespace: claim.metadata.namespace.clone(),
        uid: claim.metadata.uid.clone(),
        ..ObjectReference::default()
    });
    let bound = || Some("Bound".to_owned());
    claim.status = Some(PersistentVolumeClaimStatus {
        access_modes: spec.access_modes.clone(),
        capacity: spec.capacity.clone(),
        phase: bound(),
        ..PersistentVolumeClaimStatus::default()
    });
    claim.spec.get_or_insert_default().volume_name.clone_from(&volume.metadata.name);
    volume.status = Some(PersistentVolumeStatus { phase: bound(), ..PersistentVolumeStatus::default() });
    (volume, claim)
}

#[cfg(test)]
#[path = "binding_tests.rs"]
mod tests;
