//! On which nodes the volumes of a Pod's claims are.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{NodeSelector, PersistentVolume, PersistentVolumeClaim, Pod};
use reprise_core::objects::{binding, claims};
use reprise_core::unset::text;

use crate::cache::ObjectKey;

/// What the node must be for each of the Pod's volumes that is not everywhere.
///
/// # Errors
/// Why the Pod can't be anywhere, in the words of Kubernetes' scheduler.
pub(super) fn required_nodes(
    pod: &Pod,
    claim: impl Fn(&ObjectKey) -> Option<Arc<PersistentVolumeClaim>>,
    volume: impl Fn(&str) -> Option<Arc<PersistentVolume>>,
) -> Result<Vec<NodeSelector>, String> {
    let mut selectors = Vec::new();
    for key in claims(pod) {
        let name = &key.name;
        let claim = claim(&ObjectKey::new(&key.namespace, name));
        let claim = claim.ok_or_else(|| format!("persistentvolumeclaim {name:?} not found"))?;
        if claim.metadata.deletion_timestamp.is_some() {
            return Err(format!("persistentvolumeclaim {name:?} is being deleted"));
        }
        if !binding::is_bound(&claim) {
            return Err("pod has unbound immediate PersistentVolumeClaims".to_owned());
        }
        let wanted = claim.spec.as_ref().map(|spec| text(&spec.volume_name)).unwrap_or_default();
        let volume = volume(wanted).ok_or_else(|| format!("persistentvolume {wanted:?} not found"))?;
        let affinity = volume.spec.as_ref().and_then(|spec| spec.node_affinity.as_ref());
        selectors.extend(affinity.and_then(|affinity| affinity.required.clone()));
    }
    Ok(selectors)
}
