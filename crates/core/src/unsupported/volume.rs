//! Volumes of a Pod: those of a kind that is not there would leave a container without its files.

use k8s_openapi::api::core::v1::{Volume, VolumeProjection};

use super::Unsupported;
use crate::field::FieldPath;
use crate::unset::{list, text};

const SUPPORTED: [&str; 7] =
    ["configMap", "downwardAPI", "emptyDir", "hostPath", "persistentVolumeClaim", "projected", "secret"];

pub(super) fn find(volume: &Volume, path: &FieldPath, found: &mut Unsupported) {
    let json = serde_json::to_value(volume).unwrap_or_default();
    for kind in json.as_object().into_iter().flat_map(|fields| fields.keys()) {
        let consequence = match kind.as_str() {
            "name" => continue,
            kind if SUPPORTED.contains(&kind) => continue,
            "ephemeral" => "no claim is made for a Pod: use a persistentVolumeClaim of your own",
            "image" => "image volumes are not mounted",
            "csi" => "there are no CSI drivers",
            _ => {
                "volumes can be configMap, downwardAPI, emptyDir, hostPath, persistentVolumeClaim, projected or secret"
            }
        };
        found.error(path.child(kind), consequence);
    }
    let medium = volume.empty_dir.as_ref().map(|empty_dir| text(&empty_dir.medium)).unwrap_or_default();
    if medium.starts_with("HugePages") {
        found.error(path.child("emptyDir").child("medium"), "the medium can be the default or Memory");
    }
    let sources = volume.projected.iter().flat_map(|projected| list(&projected.sources));
    for (i, source) in sources.enumerate() {
        find_projection(source, &path.child("projected").child("sources").index(i), found);
    }
}

fn find_projection(source: &VolumeProjection, path: &FieldPath, found: &mut Unsupported) {
    let kinds = [
        ("clusterTrustBundle", source.cluster_trust_bundle.is_some(), "trust bundles are not mounted"),
        ("podCertificate", source.pod_certificate.is_some(), "no certificates are asked for"),
    ];
    if source.service_account_token.is_some() {
        found.error_alone(path.child("serviceAccountToken"), "there is no API server that makes tokens");
    }
    for (kind, _, consequence) in kinds.into_iter().filter(|(_, set, _)| *set) {
        found.error(path.child(kind), consequence);
    }
}
