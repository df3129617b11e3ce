use super::*;
use crate::objects::tests::{object, with};
use crate::paths::NodePaths;
use serde_json::{Value, json};

fn storage(mode: &str, source: Value) -> [Value; 2] {
    let mut volume = json!({"capacity": {"storage": "1Gi"}, "accessModes": [mode]});
    volume.as_object_mut().unwrap().extend(source.as_object().unwrap().clone());
    let claim = json!({"resources": {"requests": {"storage": "1Gi"}}, "accessModes": [mode]});
    [
        json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "c"}, "spec": claim}),
        json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "v"}, "spec": volume}),
    ]
}

fn pod(uid: &str) -> Pod {
    let volumes = json!([{"name": "data", "persistentVolumeClaim": {"claimName": "c"}}]);
    let spec = json!({"containers": [], "volumes": volumes, "securityContext": {"fsGroup": 4242}});
    serde_json::from_value(json!({"metadata": {"uid": uid, "namespace": "n"}, "spec": spec})).unwrap()
}

fn tried(pod: &Pod, paths: &NodePaths, objects: &Objects) -> Result<PathBuf, String> {
    let volume = &pod.spec.as_ref().unwrap().volumes.as_ref().unwrap()[0];
    let source = volume.persistent_volume_claim.as_ref().unwrap();
    set_up(volume, source, pod, &paths.pod(pod), objects)
        .and_then(|()| location(source, pod, objects))
        .map_err(|e| e.to_string())
}

#[test]
fn a_pod_waits_for_its_claim_and_for_what_it_is_bound_to() {
    let folder = tempfile::tempdir().unwrap();
    let (paths, pod) = (NodePaths::new(folder.path()), pod("u"));
    let data = folder.path().join("data");
    let [claim, volume] = storage("ReadWriteOnce", json!({"hostPath": {"path": data, "type": "DirectoryOrCreate"}}));
    let objects = with(&paths, &[]);
    assert_eq!(tried(&pod, &paths, &objects).unwrap_err(), "persistentvolumeclaim \"c\" not found");
    objects.put(vec![object(&claim)]).unwrap();
    let unbound = tried(&pod, &paths, &objects).unwrap_err();
    assert!(unbound.starts_with("error processing PVC n/c: PVC is not bound: no persistent volumes"), "{unbound}");
    objects.put(vec![object(&volume)]).unwrap();
    assert_eq!(tried(&pod, &paths, &objects).unwrap(), data);
    assert!(data.is_dir(), "made as its type says");
}

#[test]
fn a_claim_for_one_pod_is_for_one_pod_also_after_the_agent_was_killed() {
    let folder = tempfile::tempdir().unwrap();
    let paths = NodePaths::new(folder.path());
    let objects = with(&paths, &storage("ReadWriteOncePod", json!({"hostPath": {"path": folder.path()}})));
    let (first, second) = (pod("1"), pod("2"));
    tried(&first, &paths, &objects).unwrap();
    let refused = tried(&second, &paths, &objects).unwrap_err();
    assert!(refused.contains("ReadWriteOncePod access mode and is already in use by another pod"), "{refused}");
    let objects = with(&paths, &[]);
    take_again(&first, &paths.pod(&first), &objects);
    take_again(&second, &paths.pod(&second), &objects);
    tried(&second, &paths, &objects).unwrap_err();
    release(&first, &paths.pod(&first), &objects).unwrap();
    tried(&second, &paths, &objects).unwrap();
}

#[test]
fn a_local_volume_must_be_there_and_belongs_to_the_pods_group() {
    use std::os::unix::fs::MetadataExt;
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (paths, pod, data) = (NodePaths::new(folder.path()), pod("u"), folder.path().join("data"));
    let objects = with(&paths, &storage("ReadWriteOnce", json!({"local": {"path": data}})));
    assert!(tried(&pod, &paths, &objects).unwrap_err().ends_with("data does not exist"));
    fs::create_dir(&data).unwrap();
    fs::write(data.join("old"), "x").unwrap();
    tried(&pod, &paths, &objects).unwrap();
    for path in [data.clone(), data.join("old")] {
        assert_eq!(fs::metadata(path).unwrap().gid(), 4242);
    }
}
