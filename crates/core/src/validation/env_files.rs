//! The volumes that environment variables are read from (`fileKeyRef`, KEP-3721).

use k8s_openapi::api::core::v1::{EnvVar, PodSpec};

use crate::field::{FieldPath, Report};
use crate::unset::list;

/// A file is read by the node, so it must lie where containers of this Pod alone write: in an emptyDir.
pub(super) fn check(spec: &PodSpec, path: &FieldPath, report: &mut Report) {
    let init = list(&spec.init_containers).iter().map(|c| ("initContainers", list(&c.env)));
    let regular = spec.containers.iter().map(|c| ("containers", list(&c.env)));
    let ephemeral = list(&spec.ephemeral_containers).iter().map(|c| ("ephemeralContainers", list(&c.env)));
    for group in [init.collect::<Vec<_>>(), regular.collect(), ephemeral.collect()] {
        for (i, (name, vars)) in group.into_iter().enumerate() {
            check_vars(spec, vars, &path.child(name).index(i).child("env"), report);
        }
    }
}

fn check_vars(spec: &PodSpec, vars: &[EnvVar], path: &FieldPath, report: &mut Report) {
    for (i, var) in vars.iter().enumerate() {
        let Some(file) = var.value_from.as_ref().and_then(|source| source.file_key_ref.as_ref()) else { continue };
        if file.volume_name.is_empty() {
            continue;
        }
        let path = path.index(i).child("valueFrom").child("fileKeyRef").child("volumeName");
        match list(&spec.volumes).iter().find(|volume| volume.name == file.volume_name) {
            None => report.not_found(path, &file.volume_name, ""),
            Some(volume) if volume.empty_dir.is_none() => {
                report.invalid(path, file.volume_name.as_str(), "referenced volume must be of type emptyDir");
            }
            Some(_) => {}
        }
    }
}
