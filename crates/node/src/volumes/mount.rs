//! The volume mounts of one container as CRI mounts. Sub-paths are bound on the way.

use std::path::{Path, PathBuf};

use k8s_openapi::api::core::v1::{Container, Pod, VolumeMount};
use reprise_cri::v1::{Mount, MountPropagation};

use super::sub_path;
use crate::container::env::lookup;
use crate::container::error::ConfigError;
use crate::container::expansion::expand;
use crate::paths::PodPaths;

/// All of them, in the order of the spec.
pub(crate) fn of_container(
    pod: &Pod,
    container: &Container,
    paths: &PodPaths,
    variables: &[(String, String)],
) -> Result<Vec<Mount>, ConfigError> {
    let mounts = container.volume_mounts.iter().flatten();
    mounts.map(|m| one(pod, container, paths, m, variables)).collect()
}

fn one(
    pod: &Pod,
    container: &Container,
    paths: &PodPaths,
    mount: &VolumeMount,
    variables: &[(String, String)],
) -> Result<Mount, ConfigError> {
    let failed = |source| ConfigError::Mount { volume: mount.name.clone(), container: container.name.clone(), source };
    let volume = super::location(pod, paths, &mount.name).map_err(failed)?;
    let host_path: PathBuf = match sub_path_of(mount, variables)? {
        Some(path) => sub_path::bind(&volume, &path, &paths.sub_paths(&mount.name, &container.name)).map_err(failed)?,
        None => volume,
    };
    let read_only = mount.read_only == Some(true);
    Ok(Mount {
        // A relative path is meant from the container's root.
        container_path: Path::new("/").join(&mount.mount_path).display().to_string(),
        host_path: host_path.display().to_string(),
        readonly: read_only,
        selinux_relabel: false,
        propagation: propagation(mount.mount_propagation.as_deref()) as i32,
        recursive_read_only: read_only && mount.recursive_read_only.as_deref() == Some("Enabled"),
        ..Mount::default()
    })
}

fn sub_path_of(mount: &VolumeMount, variables: &[(String, String)]) -> Result<Option<String>, ConfigError> {
    if let Some(expression) = mount.sub_path_expr.as_ref().filter(|e| !e.is_empty()) {
        let missing = std::cell::RefCell::new(None);
        let path = expand(expression, |name| {
            let value = lookup(variables, name);
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
    use crate::paths::NodePaths;
    use serde_json::json;

    #[test]
    fn mounts_keep_their_order_and_their_options() {
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"uid": "u"},
            "spec": {
                "volumes": [{"name": "a", "emptyDir": {}}, {"name": "h", "hostPath": {"path": "/srv"}}],
                "containers": [{"name": "c", "volumeMounts": [
                    {"name": "h", "mountPath": "/host", "readOnly": true, "mountPropagation": "HostToContainer"},
                    {"name": "a", "mountPath": "data"}]}]
            }
        }))
        .unwrap();
        let container = &pod.spec.as_ref().unwrap().containers[0];
        let mounts = of_container(&pod, container, &NodePaths::new(Path::new("/d")).pod(&pod), &[]).unwrap();
        assert_eq!((mounts[0].container_path.as_str(), mounts[0].host_path.as_str()), ("/host", "/srv"));
        assert!(mounts[0].readonly);
        assert_eq!(mounts[0].propagation, MountPropagation::PropagationHostToContainer as i32);
        assert_eq!(mounts[1].host_path, "/d/pods/u/volumes/kubernetes.io~empty-dir/a");
        assert_eq!(mounts[1].container_path, "/data");
    }

    #[test]
    fn a_sub_path_expression_needs_all_its_variables() {
        let mount = |expression: &str| VolumeMount { sub_path_expr: Some(expression.to_owned()), ..Default::default() };
        let variables = [("A".to_owned(), "x".to_owned())];
        assert_eq!(sub_path_of(&mount("$(A)/y"), &variables).unwrap().as_deref(), Some("x/y"));
        assert!(matches!(sub_path_of(&mount("$(B)"), &variables), Err(ConfigError::UnsetInSubPath { .. })));
    }
}
