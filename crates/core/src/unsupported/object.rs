//! Objects that Pods refer to.

use k8s_openapi::api::core::v1::PersistentVolume;

use super::Unsupported;
use crate::field::FieldPath;
use crate::objects::ApiObject;
use crate::unset::{list, text};

const BLOCK: &str = "containers get file systems, not block devices";

pub(super) fn find(object: &ApiObject, found: &mut Unsupported) {
    let path = FieldPath::new("spec");
    match object {
        ApiObject::ConfigMap(_) | ApiObject::Secret(_) => {}
        ApiObject::PersistentVolume(volume) => find_volume(volume, &path, found),
        ApiObject::PersistentVolumeClaim(claim) => {
            let Some(spec) = &claim.spec else { return };
            if text(&spec.volume_mode) == "Block" {
                found.error(path.child("volumeMode"), BLOCK);
            }
            let copies = spec.data_source.is_some() || spec.data_source_ref.is_some();
            if copies {
                found.error(path.child("dataSource"), "volumes are not filled from others");
            }
        }
    }
}

fn find_volume(volume: &PersistentVolume, path: &FieldPath, found: &mut Unsupported) {
    let Some(spec) = &volume.spec else { return };
    if text(&spec.volume_mode) == "Block" {
        found.error(path.child("volumeMode"), BLOCK);
    }
    if spec.host_path.is_none() && spec.local.is_none() {
        found.error(path.clone(), "a PersistentVolume can be hostPath or local");
    }
    if !list(&spec.mount_options).is_empty() {
        found.error(path.child("mountOptions"), "a folder of the node is mounted as it is");
    }
    if spec.local.as_ref().is_some_and(|local| local.fs_type.is_some()) {
        found.warn(path.child("local").child("fsType"), "nothing is formatted, the path must be a folder");
    }
    if matches!(text(&spec.persistent_volume_reclaim_policy), "Delete" | "Recycle") {
        found.warn(path.child("persistentVolumeReclaimPolicy"), "the data stays where it is");
    }
}
