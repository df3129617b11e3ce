//! The checks of a Pod's volumes.

mod files;
mod projected;

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{HostPathVolumeSource, ImageVolumeSource, Volume};
use serde_json::Value;

use super::format;
use super::mounts::Volumes;
use super::path_form::{check_descending, check_no_backsteps};
use crate::field::{FieldPath, Report};
use crate::quantity::Quantity;
use crate::unset::text;

/// All sources in the order in which the API server looks at them, with the fields that must not be empty.
/// Those that this node will never mount are checked no further.
const SOURCES: [(&str, &[&str]); 30] = [
    ("emptyDir", &[]),
    ("hostPath", &[]),
    ("gitRepo", &["repository"]),
    ("gcePersistentDisk", &["pdName"]),
    ("awsElasticBlockStore", &["volumeID"]),
    ("secret", &[]),
    ("nfs", &["server", "path"]),
    ("iscsi", &["targetPortal", "iqn"]),
    ("glusterfs", &["endpoints", "path"]),
    ("flocker", &[]),
    ("persistentVolumeClaim", &["claimName"]),
    ("rbd", &["monitors", "image"]),
    ("cinder", &["volumeID"]),
    ("cephfs", &["monitors"]),
    ("quobyte", &["registry", "volume"]),
    ("downwardAPI", &[]),
    ("fc", &[]),
    ("flexVolume", &["driver"]),
    ("configMap", &[]),
    ("azureFile", &["secretName", "shareName"]),
    ("vsphereVolume", &["volumePath"]),
    ("photonPersistentDisk", &["pdID"]),
    ("portworxVolume", &["volumeID"]),
    ("azureDisk", &["diskName", "diskURI"]),
    ("storageos", &[]),
    ("projected", &[]),
    ("scaleIO", &["gateway", "system", "volumeName"]),
    ("csi", &["driver"]),
    ("ephemeral", &[]),
    ("image", &[]),
];

/// Checks all volumes; gives those that are right, which mounts may name.
pub(super) fn check<'a>(volumes: &'a [Volume], pod_name: &str, path: &FieldPath, report: &mut Report) -> Volumes<'a> {
    let mut valid = Volumes::new();
    let created: BTreeSet<String> = volumes
        .iter()
        .filter(|volume| volume.ephemeral.is_some() && !pod_name.is_empty())
        .map(|volume| format!("{pod_name}-{}", volume.name))
        .collect();
    for (i, volume) in volumes.iter().enumerate() {
        let (path, errors_before) = (path.index(i), report.len());
        check_source(volume, pod_name, &path, report);
        match volume.name.as_str() {
            "" => report.required(path.child("name"), ""),
            name => report.invalid_each(&path.child("name"), name, format::dns_label(name)),
        }
        if valid.contains_key(volume.name.as_str()) {
            report.duplicate(path.child("name"), &volume.name);
        }
        if report.len() == errors_before {
            valid.insert(&volume.name, volume);
        }
        if let Some(claim) = volume.persistent_volume_claim.as_ref().filter(|claim| created.contains(&claim.claim_name))
        {
            let detail = "must not reference a PVC that gets created for an ephemeral volume";
            report.invalid(path.child("persistentVolumeClaim").child("claimName"), &claim.claim_name, detail);
        }
    }
    valid
}

fn check_source(volume: &Volume, pod_name: &str, path: &FieldPath, report: &mut Report) {
    let json = serde_json::to_value(volume).unwrap_or_default();
    let mut first = None;
    for (name, required) in SOURCES {
        let Some(source) = json.get(name) else { continue };
        if first.is_some() {
            report.forbidden(path.child(name_when_second(name)), "may not specify more than 1 volume type");
            continue;
        }
        first = Some(name);
        for field in required {
            if is_empty(source.get(field)) {
                report.required(path.child(name).child(field), "");
            }
        }
        check_known(volume, pod_name, path, report);
    }
    if first.is_none() {
        report.required(path.clone(), "must specify a volume type");
    }
}

/// Two paths are spelled otherwise in this one message of the API server.
fn name_when_second(name: &str) -> &str {
    match name {
        "cephfs" => "cephFS",
        "downwardAPI" => "downwarAPI",
        other => other,
    }
}

fn is_empty(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Array(items)) => items.is_empty(),
        Some(_) => false,
    }
}

/// The sources whose content is looked at; called for the first one that is set.
fn check_known(volume: &Volume, pod_name: &str, path: &FieldPath, report: &mut Report) {
    if let Some(empty_dir) = &volume.empty_dir {
        let limit = empty_dir.size_limit.as_ref().and_then(|limit| Quantity::of(limit).ok());
        if limit.is_some_and(|limit| limit.nanos() < 0) {
            let path = path.child("emptyDir").child("sizeLimit");
            report.forbidden(path, "SizeLimit field must be a valid resource quantity");
        }
    } else if let Some(host_path) = &volume.host_path {
        check_host_path(host_path, &path.child("hostPath"), report);
    } else if let Some(git) = &volume.git_repo {
        check_descending(text(&git.directory), &path.child("gitRepo").child("directory"), report);
    } else if let Some(secret) = &volume.secret {
        files::check_secret(secret, &path.child("secret"), report);
    } else if let Some(nfs) = &volume.nfs {
        if !nfs.path.starts_with('/') {
            report.invalid(path.child("nfs").child("path"), &nfs.path, "must be an absolute path");
        }
    } else if let Some(downward) = &volume.downward_api {
        files::check_downward(downward, &path.child("downwardAPI"), report);
    } else if let Some(config_map) = &volume.config_map {
        files::check_config_map(config_map, &path.child("configMap"), report);
    } else if let Some(source) = &volume.projected {
        projected::check(source, &path.child("projected"), report);
    } else if volume.ephemeral.is_some() {
        check_ephemeral(volume, pod_name, path, report);
    } else if let Some(image) = &volume.image {
        check_image(image, &path.child("image"), report);
    }
}

pub(super) fn check_host_path(host_path: &HostPathVolumeSource, path: &FieldPath, report: &mut Report) {
    const TYPES: [&str; 8] =
        ["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"];
    if host_path.path.is_empty() {
        report.required(path.child("path"), "");
        return;
    }
    check_no_backsteps(&host_path.path, &path.child("path"), report);
    let kind = text(&host_path.type_);
    if !TYPES.contains(&kind) {
        report.not_supported(path.child("type"), kind, &TYPES);
    }
}

fn check_ephemeral(volume: &Volume, pod_name: &str, path: &FieldPath, report: &mut Report) {
    let template = volume.ephemeral.as_ref().and_then(|ephemeral| ephemeral.volume_claim_template.as_ref());
    if template.is_none() {
        report.required(path.child("ephemeral").child("volumeClaimTemplate"), "");
    }
    if pod_name.is_empty() || volume.name.is_empty() {
        return;
    }
    let claim = format!("{pod_name}-{}", volume.name);
    for problem in format::dns_subdomain(&claim) {
        report.invalid(path.child("name"), &volume.name, &format!("PVC name {claim:?}: {problem}"));
    }
}

fn check_image(image: &ImageVolumeSource, path: &FieldPath, report: &mut Report) {
    if text(&image.reference).is_empty() {
        report.required(path.child("reference"), "");
    }
    super::container::check_pull_policy(text(&image.pull_policy), path.child("pullPolicy"), report);
}
