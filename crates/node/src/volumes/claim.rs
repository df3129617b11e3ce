//! `persistentVolumeClaim`: what is bound to the claim, a folder of the node (hostPath or local).

use std::fs;
use std::path::{Path, PathBuf};

use k8s_openapi::api::core::v1::{PersistentVolumeClaimVolumeSource, PersistentVolumeSpec, Pod, Volume};
use reprise_core::objects::{ObjectKey, ObjectKind, binding};

use super::ownership::Group;
use super::{VolumeError, host_path, ownership};
use crate::objects::Objects;
use crate::paths::PodPaths;
use crate::pod_key::{PodKey, uid_of};

const ONE_POD: &str = "ReadWriteOncePod";

/// Checks that the claim can be used, notes that the Pod uses it, and prepares its folder.
pub(crate) fn set_up(
    volume: &Volume,
    source: &PersistentVolumeClaimVolumeSource,
    pod: &Pod,
    paths: &PodPaths,
    objects: &Objects,
) -> Result<(), VolumeError> {
    let bound = bound(source, pod, objects)?;
    take(&bound, pod, paths, objects)?;
    if let Some(host) = &bound.volume.host_path {
        // Never owned by a group of the Pod's: it is the host's.
        return host_path::check(&volume.name, host);
    }
    let path = bound.path()?;
    let is_folder = fs::metadata(&path).map(|about| about.is_dir());
    match is_folder {
        Ok(true) => give(&path, source, pod),
        Ok(false) => Err(VolumeError::LocalNoFolder { path }),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Err(VolumeError::LocalMissing { path }),
        Err(e) => Err(VolumeError::file("look at", path)(e)),
    }
}

/// Where the claim's storage lies on the node.
pub(crate) fn location(
    source: &PersistentVolumeClaimVolumeSource,
    pod: &Pod,
    objects: &Objects,
) -> Result<PathBuf, VolumeError> {
    bound(source, pod, objects)?.path()
}

/// A claim and the volume that it is bound to.
struct Bound {
    claim: ObjectKey,
    exclusive: bool,
    name: String,
    volume: PersistentVolumeSpec,
}

impl Bound {
    fn path(&self) -> Result<PathBuf, VolumeError> {
        let host = self.volume.host_path.as_ref().map(|source| source.path.as_str());
        let path = host.or(self.volume.local.as_ref().map(|source| source.path.as_str()));
        path.map(PathBuf::from).ok_or_else(|| VolumeError::VolumeSource { name: self.name.clone() })
    }
}

fn bound(source: &PersistentVolumeClaimVolumeSource, pod: &Pod, objects: &Objects) -> Result<Bound, VolumeError> {
    let name = &source.claim_name;
    let key = ObjectKey::new(ObjectKind::PersistentVolumeClaim, &PodKey::of(pod).namespace, name);
    let kind = ObjectKind::PersistentVolumeClaim.lower_name();
    let claim = objects.claim(&key).ok_or_else(|| VolumeError::NoObject { kind, name: name.clone() })?;
    let not_bound = |why: String| VolumeError::NotBound { claim: format!("{}/{name}", key.namespace), why };
    if !binding::is_bound(&claim) {
        return Err(not_bound(objects.why_unbound(&claim)));
    }
    let volume = claim.spec.as_ref().and_then(|spec| spec.volume_name.clone()).unwrap_or_default();
    let found = objects.volume(&volume).filter(|found| binding::belongs(found, &claim));
    let found = found.ok_or_else(|| not_bound(format!("persistentvolume {volume:?} is lost to it")))?;
    let spec = found.spec.unwrap_or_default();
    if spec.volume_mode.as_deref() == Some("Block") {
        return Err(VolumeError::Block { claim: name.clone() });
    }
    let modes = claim.spec.as_ref().and_then(|spec| spec.access_modes.as_deref()).unwrap_or_default();
    let exclusive = modes.iter().any(|mode| mode == ONE_POD);
    Ok(Bound { claim: key, exclusive, name: volume, volume: spec })
}

/// A folder of the Pod's tells the next agent that the claim is in use.
fn take(bound: &Bound, pod: &Pod, paths: &PodPaths, objects: &Objects) -> Result<(), VolumeError> {
    if !objects.take_claim(&bound.claim, uid_of(pod), bound.exclusive) {
        return Err(VolumeError::InUse { claim: bound.claim.name.clone() });
    }
    let note = paths.claim_in_use(&bound.claim.name);
    fs::create_dir_all(&note).map_err(VolumeError::file("create", note))
}

/// The claims that the Pod used when the last agent ended, or went on to use: noted before any other Pod asks for them.
pub(crate) fn take_again(pod: &Pod, paths: &PodPaths, objects: &Objects) {
    for claim in reprise_core::objects::claims(pod).filter(|claim| paths.claim_in_use(&claim.name).exists()) {
        // It had it: whether others may have it too is for them to be told.
        objects.take_claim(&claim, uid_of(pod), false);
    }
}

/// The Pod has ended: others may use its claims.
pub(crate) fn release(pod: &Pod, paths: &PodPaths, objects: &Objects) -> Result<(), VolumeError> {
    for claim in reprise_core::objects::claims(pod) {
        let note = paths.claim_in_use(&claim.name);
        match fs::remove_dir(&note) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(VolumeError::file("remove", note)(e)),
            _ => {}
        }
    }
    objects.release_claims(uid_of(pod));
    Ok(())
}

fn give(path: &Path, source: &PersistentVolumeClaimVolumeSource, pod: &Pod) -> Result<(), VolumeError> {
    let context = pod.spec.as_ref().and_then(|spec| spec.security_context.as_ref());
    let Some(id) = super::fs_group(pod).filter(|_| source.read_only != Some(true)) else { return Ok(()) };
    let group = Group { id, read_only: false };
    let on_mismatch = context.and_then(|c| c.fs_group_change_policy.as_deref()) == Some("OnRootMismatch");
    if on_mismatch && ownership::top_is_given(path, group)? {
        return Ok(());
    }
    ownership::give(path, group)
}

#[cfg(test)]
#[path = "claim_tests.rs"]
mod tests;
