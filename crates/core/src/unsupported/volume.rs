//! Volumes: emptyDir and hostPath are there, all others would leave a container without its files.

use k8s_openapi::api::core::v1::Volume;

use super::Unsupported;
use crate::field::FieldPath;
use crate::unset::text;

const SUPPORTED: [&str; 2] = ["emptyDir", "hostPath"];

pub(super) fn find(volume: &Volume, path: &FieldPath, found: &mut Unsupported) {
    let json = serde_json::to_value(volume).unwrap_or_default();
    for kind in json.as_object().into_iter().flat_map(|fields| fields.keys()) {
        if kind != "name" && !SUPPORTED.contains(&kind.as_str()) {
            found.error(path.child(kind), "volumes can be emptyDir or hostPath");
        }
    }
    let medium = volume.empty_dir.as_ref().map(|empty_dir| text(&empty_dir.medium)).unwrap_or_default();
    if medium.starts_with("HugePages") {
        found.error(path.child("emptyDir").child("medium"), "the medium can be the default or Memory");
    }
}
