use super::*;
use crate::objects::tests::{object, with};
use crate::paths::NodePaths;
use serde_json::json;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

fn pod(volume: serde_json::Value) -> Pod {
    let spec = json!({"containers": [], "volumes": [volume], "securityContext": {"fsGroup": 4242}});
    serde_json::from_value(json!({"metadata": {"uid": "u", "namespace": "n", "labels": {"a": "1"}}, "spec": spec}))
        .unwrap()
}

const MACHINE: Machine = Machine { memory_bytes: 1 << 30, milli_cpu: 1_000 };

#[test]
fn a_kind_that_the_node_does_not_provide_is_refused_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let (paths, pod) = (NodePaths::new(folder.path()), pod(json!({"name": "v", "nfs": {"server": "s", "path": "/"}})));
    let objects = with(&paths, &[]);
    let volumes = VolumesOf { pod: &pod, paths: &paths.pod(&pod), objects: &objects, machine: &MACHINE };
    let error = volumes.set_up().unwrap_err();
    assert!(matches!(error, VolumeError::Unsupported { volume, kind } if volume == "v" && kind == "nfs"));
}

#[test]
fn a_secret_lies_on_a_tmpfs_belongs_to_the_group_and_follows_its_object() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let secret =
        |value: &str| json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"k": value}});
    let pod = pod(json!({"name": "v", "secret": {"secretName": "s", "defaultMode": 0o400}}));
    let paths = NodePaths::new(folder.path());
    let (objects, pod_paths) = (with(&paths, &[]), paths.pod(&pod));
    let volumes = VolumesOf { pod: &pod, paths: &pod_paths, objects: &objects, machine: &MACHINE };
    let error = crate::error::chain(&volumes.set_up().unwrap_err());
    assert_eq!(error, "MountVolume.SetUp failed for volume \"v\" : secret \"s\" not found");
    objects.put(vec![object(&secret("eA=="))]).unwrap();
    volumes.set_up().unwrap();
    volumes.set_up().unwrap();
    let place = volumes.location("v").unwrap();
    assert!(tmpfs::is_in_memory(&place).unwrap());
    let file = fs::metadata(place.join("k")).unwrap();
    assert_eq!((file.gid(), file.permissions().mode() & 0o777), (4242, 0o440));
    let before = fs::read_link(place.join("..data")).unwrap();
    assert!(volumes.refresh(&Concerned::All).is_empty());
    assert_eq!(fs::read_link(place.join("..data")).unwrap(), before, "nothing changed");
    objects.put(vec![object(&secret("eQ=="))]).unwrap();
    assert!(volumes.refresh(&Concerned::Objects(references(&pod))).is_empty());
    assert_eq!(fs::read_to_string(place.join("k")).unwrap(), "y");
    objects.clear().unwrap();
    teardown::remove(pod_paths.folder()).unwrap();
    assert!(!pod_paths.folder().exists());
}

#[test]
fn the_downward_api_follows_the_pods_labels() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let items = json!([{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]);
    let mut pod = pod(json!({"name": "v", "downwardAPI": {"items": items}}));
    let paths = NodePaths::new(folder.path());
    let (objects, pod_paths) = (with(&paths, &[]), paths.pod(&pod));
    assert!(shows_metadata(&pod));
    VolumesOf { pod: &pod, paths: &pod_paths, objects: &objects, machine: &MACHINE }.set_up().unwrap();
    pod.metadata.labels.as_mut().unwrap().insert("b".to_owned(), "2".to_owned());
    let volumes = VolumesOf { pod: &pod, paths: &pod_paths, objects: &objects, machine: &MACHINE };
    assert!(volumes.refresh(&Concerned::Metadata).is_empty());
    assert_eq!(fs::read_to_string(volumes.location("v").unwrap().join("labels")).unwrap(), "a=\"1\"\nb=\"2\"");
    teardown::remove(pod_paths.folder()).unwrap();
}
