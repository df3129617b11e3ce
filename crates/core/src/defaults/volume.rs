//! The defaults of volumes.

use k8s_openapi::api::core::v1::{
    DownwardAPIVolumeFile, EmptyDirVolumeSource, ImageVolumeSource, ProjectedVolumeSource, Volume,
};

use super::{image, set_text};
use crate::unset::text;

/// `rw-r--r--`
const FILE_MODE: i32 = 0o644;
/// An hour, in seconds.
const TOKEN_LIFE: i64 = 60 * 60;

pub(super) fn set_defaults(volume: &mut Volume) {
    let without_source = Volume { name: volume.name.clone(), ..Volume::default() };
    if *volume == without_source {
        volume.empty_dir = Some(EmptyDirVolumeSource::default());
    }
    if let Some(host_path) = &mut volume.host_path {
        host_path.type_.get_or_insert_default();
    }
    if let Some(secret) = &mut volume.secret {
        secret.default_mode.get_or_insert(FILE_MODE);
    }
    if let Some(config_map) = &mut volume.config_map {
        config_map.default_mode.get_or_insert(FILE_MODE);
    }
    if let Some(downward) = &mut volume.downward_api {
        downward.default_mode.get_or_insert(FILE_MODE);
        set_files(&mut downward.items);
    }
    if let Some(projected) = &mut volume.projected {
        set_projected(projected);
    }
    if let Some(source) = &mut volume.image {
        set_image(source);
    }
    set_remote(volume);
}

fn set_files(files: &mut Option<Vec<DownwardAPIVolumeFile>>) {
    for field in files.iter_mut().flatten().filter_map(|file| file.field_ref.as_mut()) {
        set_text(&mut field.api_version, "v1");
    }
}

fn set_projected(projected: &mut ProjectedVolumeSource) {
    projected.default_mode.get_or_insert(FILE_MODE);
    for source in projected.sources.iter_mut().flatten() {
        if let Some(downward) = &mut source.downward_api {
            set_files(&mut downward.items);
        }
        if let Some(token) = &mut source.service_account_token {
            token.expiration_seconds.get_or_insert(TOKEN_LIFE);
        }
    }
}

fn set_image(source: &mut ImageVolumeSource) {
    let policy = image::pull_policy(text(&source.reference));
    set_text(&mut source.pull_policy, policy);
}

/// Volumes that this node does not mount; set so that a Pod reads the same everywhere.
fn set_remote(volume: &mut Volume) {
    if let Some(iscsi) = &mut volume.iscsi {
        set_text(&mut iscsi.iscsi_interface, "default");
    }
    if let Some(rbd) = &mut volume.rbd {
        set_text(&mut rbd.pool, "rbd");
        set_text(&mut rbd.user, "admin");
        set_text(&mut rbd.keyring, "/etc/ceph/keyring");
    }
    if let Some(disk) = &mut volume.azure_disk {
        set_text(&mut disk.caching_mode, "ReadWrite");
        set_text(&mut disk.kind, "Shared");
        set_text(&mut disk.fs_type, "ext4");
        disk.read_only.get_or_insert(false);
    }
    if let Some(scale_io) = &mut volume.scale_io {
        set_text(&mut scale_io.storage_mode, "ThinProvisioned");
        set_text(&mut scale_io.fs_type, "xfs");
    }
}
