use std::sync::mpsc;

use serde_json::{Value, json};

use super::*;

/// Objects in a folder, for tests of what reads them.
pub(crate) fn with(paths: &NodePaths, objects: &[Value]) -> Objects {
    let all = Objects::open(paths, NodeFacts::new("lab", "amd64"), false).unwrap();
    all.put(objects.iter().map(object).collect()).unwrap();
    all
}

/// An object as it is when it was let in, in the namespace `n`.
pub(crate) fn object(json: &Value) -> ApiObject {
    let mut json = json.clone();
    json["metadata"]["uid"] = json!("u");
    match json["kind"].as_str().unwrap() {
        "ConfigMap" => ApiObject::ConfigMap(namespaced(json)),
        "Secret" => ApiObject::Secret(namespaced(json)),
        "PersistentVolume" => ApiObject::PersistentVolume(serde_json::from_value(json).unwrap()),
        _ => ApiObject::PersistentVolumeClaim(namespaced(json)),
    }
}

fn namespaced<T: serde::de::DeserializeOwned>(mut json: Value) -> T {
    json["metadata"]["namespace"] = json!("n");
    serde_json::from_value(json).unwrap()
}

fn config_map(value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": {"k": value}})
}

fn storage() -> [Value; 2] {
    let size = json!({"storage": "1Gi"});
    let modes = json!(["ReadWriteOnce"]);
    let volume = json!({"capacity": size, "accessModes": modes, "hostPath": {"path": "/x"}});
    let claim = json!({"resources": {"requests": size}, "accessModes": modes});
    [
        json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "c"}, "spec": claim}),
        json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "v"}, "spec": volume}),
    ]
}

#[test]
fn followers_hear_of_their_objects_when_they_appear_and_change() {
    let folder = tempfile::tempdir().unwrap();
    let all = with(&NodePaths::new(folder.path()), &[]);
    let (sender, heard) = mpsc::channel();
    let key = ObjectKey::new(ObjectKind::ConfigMap, "n", "m");
    all.follow("pod", [key.clone()].into(), move |change| sender.send(change).unwrap());
    for (value, tells) in [("1", true), ("1", false), ("2", true)] {
        all.put(vec![object(&config_map(value))]).unwrap();
        assert_eq!(
            heard.try_recv().is_ok_and(|change| change == Change::Objects([key.clone()].into())),
            tells,
            "{value}"
        );
    }
    all.put(storage().iter().map(object).collect()).unwrap();
    assert!(heard.try_recv().is_err(), "others are none of its business");
}

#[test]
fn a_claim_is_bound_whichever_of_the_two_comes_first_and_stays_so() {
    let folder = tempfile::tempdir().unwrap();
    let paths = NodePaths::new(folder.path());
    let [claim, volume] = storage();
    let key = ObjectKey::new(ObjectKind::PersistentVolumeClaim, "n", "c");
    let all = with(&paths, std::slice::from_ref(&claim));
    assert!(!binding::is_bound(&all.claim(&key).unwrap()));
    assert!(all.why_unbound(&all.claim(&key).unwrap()).starts_with("no persistent volumes available"));
    all.put(vec![object(&volume)]).unwrap();
    assert!(binding::is_bound(&all.claim(&key).unwrap()));
    all.put(vec![object(&claim), object(&volume)]).unwrap();
    let again = with(&paths, &[]);
    let claim = again.claim(&key).unwrap();
    assert!(binding::is_bound(&claim) && binding::belongs(&again.volume("v").unwrap(), &claim));
}

#[test]
fn the_next_agent_has_them_and_secrets_are_on_a_tmpfs_of_root_alone() {
    use std::os::unix::fs::PermissionsExt;
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let paths = NodePaths::new(folder.path());
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"k": "eA=="}});
    with(&paths, &[config_map("1"), secret]);
    let again = with(&paths, &[]);
    assert_eq!(again.config_map("n", "m").unwrap().data.unwrap()["k"], "1");
    assert_eq!(again.secret("n", "s").unwrap().data.unwrap()["k"].0, b"x");
    let secrets = paths.objects().join("secrets");
    assert!(crate::volumes::tmpfs::is_in_memory(&secrets).unwrap());
    assert_eq!(rustix::fs::statfs(&secrets).unwrap().f_type, 0x0102_1994, "TMPFS_MAGIC");
    for (path, mode) in [(secrets.clone(), 0o700), (secrets.join("n/s/object.json"), 0o600)] {
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, mode, "{}", path.display());
    }
    again.clear().unwrap();
    assert!(!paths.objects().exists());
    assert!(with(&paths, &[]).secret("n", "s").is_none());
}

#[test]
fn what_may_not_change_is_refused_before_anything_is_taken_in() {
    let folder = tempfile::tempdir().unwrap();
    let all = with(&NodePaths::new(folder.path()), &storage());
    let mut other = storage()[0].clone();
    other["spec"]["accessModes"] = json!(["ReadOnlyMany"]);
    let refused = all.check(&[object(&other)]);
    assert!(
        refused[0].to_string().starts_with("PersistentVolumeClaim n/c can't be changed: spec: Forbidden"),
        "{refused:?}"
    );
}
