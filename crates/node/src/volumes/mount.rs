//! The volume mounts of one container as CRI mounts. Sub-paths are bound on the way.

use std::path::{Path, PathBuf};

use k8s_openapi::api::core::v1::{Container, VolumeMount};
use reprise_cri::v1::{Mount, MountPropagation};

use super::{VolumesOf, sub_path};
use crate::container::error::ConfigError;
use crate::container::expansion::expand;
use crate::container::variables::Variables;

/// All of them, in the order of the spec.
pub(crate) fn of_container(
    volumes: VolumesOf<'_>,
    container: &Container,
    variables: &Variables,
) -> Result<Vec<Mount>, ConfigError> {
    let mounts = container.volume_mounts.iter().flatten().enumerate();
    mounts.map(|(index, m)| one(volumes, container, index, m, variables)).collect()
}

fn one(
    volumes: VolumesOf<'_>,
    container: &Container,
    index: usize,
    mount: &VolumeMount,
    variables: &Variables,
) -> Result<Mount, ConfigError> {
    let failed = |source| ConfigError::Mount { volume: mount.name.clone(), container: container.name.clone(), source };
    let volume = volumes.location(&mount.name).map_err(failed)?;
    let host_path: PathBuf = match sub_path_of(mount, variables)? {
        Some(path) => {
            let place = volumes.paths.sub_path(&mount.name, &container.name, index);
            sub_path::bind(&volume, &path, &place).map_err(failed)?
        }
        None => volume,
    };
    let read_only = mount.read_only == Some(true) || volumes.is_read_only(&mount.name).map_err(failed)?;
    Ok(Mount {
        // A relative path is meant from the container's root.
        container_path: Path::new("/").join(&mount.mount_path).display().to_string(),
        host_path: host_path.display().to_string(),
        readonly: read_only,
        selinux_relabel: false,
        propagation: propagation(mount.mount_propagation.as_deref()) as i32,
        recursive_read_only: mount.read_only == Some(true) && mount.recursive_read_only.as_deref() == Some("Enabled"),
        ..Mount::default()
    })
}

fn sub_path_of(mount: &VolumeMount, variables: &Variables) -> Result<Option<String>, ConfigError> {
    if let Some(expression) = mount.sub_path_expr.as_ref().filter(|e| !e.is_empty()) {
        let missing = std::cell::RefCell::new(None);
        let path = expand(expression, |name| {
            let value = variables.text(name);
            if value.is_none() {
                missing.replace(Some(name.to_owned()));
            }
            value
        });
        return match missing.into_inner() {
            Some(name) => Err(ConfigError::UnsetInSubPath { name, expression: expression.clone() }),
            None => Ok(Some(path)),
        };
    }
    Ok(mount.sub_path.clone().filter(|p| !p.is_empty()))
}

fn propagation(name: Option<&str>) -> MountPropagation {
    match name {
        Some("HostToContainer") => MountPropagation::PropagationHostToContainer,
        Some("Bidirectional") => MountPropagation::PropagationBidirectional,
        _ => MountPropagation::PropagationPrivate,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::resource_ref::Machine;
    use crate::objects::tests::with;
    use crate::paths::NodePaths;
    use k8s_openapi::api::core::v1::Pod;
    use serde_json::json;

    #[test]
    fn mounts_keep_their_order_and_their_options() {
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"uid": "u"},
            "spec": {
                "volumes": [
                    {"name": "a", "emptyDir": {}}, {"name": "h", "hostPath": {"path": "/srv"}},
                    {"name": "m", "configMap": {"name": "m"}}],
                "containers": [{"name": "c", "volumeMounts": [
                    {"name": "h", "mountPath": "/host", "readOnly": true, "mountPropagation": "HostToContainer"},
                    {"name": "a", "mountPath": "data"},
                    {"name": "m", "mountPath": "/m"}]}]
            }
        }))
        .unwrap();
        let container = &pod.spec.as_ref().unwrap().containers[0];
        let folder = tempfile::tempdir().unwrap();
        let (objects, machine) =
            (with(&NodePaths::new(folder.path()), &[]), Machine { memory_bytes: 1, milli_cpu: 1_000 });
        let paths = NodePaths::new(Path::new("/d")).pod(&pod);
        let volumes = VolumesOf { pod: &pod, paths: &paths, objects: &objects, machine: &machine };
        let mounts = of_container(volumes, container, &Variables::default()).unwrap();
        assert_eq!((mounts[0].container_path.as_str(), mounts[0].host_path.as_str()), ("/host", "/srv"));
        assert!(mounts[0].readonly);
        assert_eq!(mounts[0].propagation, MountPropagation::PropagationHostToContainer as i32);
        assert_eq!(mounts[1].host_path, "/d/pods/u/volumes/kubernetes.io~empty-dir/a");
        assert_eq!(mounts[1].container_path, "/data");
        assert_eq!(mounts[2].host_path, "/d/pods/u/volumes/kubernetes.io~configmap/m");
        assert!(mounts[2].readonly && !mounts[1].readonly, "files of objects can only be read");
    }

    #[test]
    fn a_sub_path_expression_needs_all_its_variables() {
        let mount = |expression: &str| VolumeMount { sub_path_expr: Some(expression.to_owned()), ..Default::default() };
        let mut variables = Variables::default();
        variables.set("A", b"x".to_vec());
        assert_eq!(sub_path_of(&mount("$(A)/y"), &variables).unwrap().as_deref(), Some("x/y"));
        assert!(matches!(sub_path_of(&mount("$(B)"), &variables), Err(ConfigError::UnsetInSubPath { .. })));
    }
}
