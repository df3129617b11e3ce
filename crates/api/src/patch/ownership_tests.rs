use serde_json::json;

use super::super::shapes::shape_of;
use super::*;

fn owner(manager: &str, second: i64) -> FieldOwner<'_> {
    let now = Timestamp::from_second(1_767_225_600 + second).unwrap();
    FieldOwner { manager, subresource: "", resets: &[], now }
}

fn config_map(data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m", "uid": "u"}, "data": data})
}

fn entries(object: &Value) -> Vec<(&str, Value)> {
    let entries = object["metadata"]["managedFields"].as_array().into_iter().flatten();
    entries.map(|entry| (entry["manager"].as_str().unwrap(), entry["fieldsV1"].clone())).collect()
}

#[test]
fn who_creates_owns_all_and_who_changes_takes_it() {
    let shape = shape_of("", "ConfigMap");
    let created = track_update(shape, None, config_map(json!({"a": "1", "b": "2", "c": "3"})), &owner("one", 0));
    assert_eq!(entries(&created), [("one", json!({"f:data": {".": {}, "f:a": {}, "f:b": {}, "f:c": {}}}))]);
    assert_eq!(created["metadata"]["managedFields"][0]["time"], "2026-01-01T00:00:00Z");

    let mut changed = created.clone();
    changed["data"] = json!({"a": "1", "b": "x", "d": "4"});
    let changed = track_update(shape, Some(&created), changed, &owner("two", 60));
    assert_eq!(
        entries(&changed),
        [("one", json!({"f:data": {".": {}, "f:a": {}}})), ("two", json!({"f:data": {"f:b": {}, "f:d": {}}}))]
    );
}

#[test]
fn a_write_without_a_change_leaves_owners_and_times() {
    let shape = shape_of("", "ConfigMap");
    let created = track_update(shape, None, config_map(json!({"a": "1"})), &owner("one", 0));
    assert_eq!(track_update(shape, Some(&created), created.clone(), &owner("two", 60)), created);
    assert_eq!(track_update(shape, Some(&created), created.clone(), &owner("one", 60)), created);
}

#[test]
fn a_pods_fields_are_told_as_the_api_server_tells_them() {
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": {"a": "b"}},
        "spec": {"containers": [{"name": "c", "image": "i", "resources": {}}], "securityContext": {}}});
    let created = track_update(shape_of("", "Pod"), None, pod, &owner("kubectl-create", 0));
    assert_eq!(
        entries(&created)[0].1,
        json!({
            "f:metadata": {"f:labels": {".": {}, "f:a": {}}},
            "f:spec": {
                "f:containers": {
                    ".": {},
                    r#"k:{"name":"c"}"#: {".": {}, "f:name": {}, "f:image": {}, "f:resources": {}},
                },
                "f:securityContext": {},
            },
        })
    );
}

#[test]
fn a_subresource_is_an_owner_of_its_own() {
    let shape = shape_of("", "Pod");
    let pod =
        json!({"apiVersion": "v1", "metadata": {"name": "p", "uid": "u"}, "spec": {"hostname": "h"}, "status": {}});
    let created = track_update(shape, None, pod, &owner("one", 0));
    let mut with_status = created.clone();
    with_status["status"] = json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]});
    let kubelet = FieldOwner { subresource: "status", resets: &["spec"], ..owner("kubelet", 1) };
    let with_status = track_update(shape, Some(&created), with_status, &kubelet);
    let entry = &with_status["metadata"]["managedFields"][1];
    assert_eq!((&entry["manager"], &entry["subresource"]), (&json!("kubelet"), &json!("status")));
    assert_eq!(
        entry["fieldsV1"],
        json!({"f:status": {"f:phase": {}, "f:conditions": {".": {},
            r#"k:{"type":"Ready"}"#: {".": {}, "f:type": {}, "f:status": {}}}}})
    );
}

#[test]
fn clients_may_change_the_owners_and_forget_them() {
    let shape = shape_of("", "ConfigMap");
    let created = track_update(shape, None, config_map(json!({"a": "1"})), &owner("one", 0));
    let mut renamed = created.clone();
    renamed["metadata"]["managedFields"][0]["manager"] = json!("other");
    let renamed = track_update(shape, Some(&created), renamed, &owner("kubectl", 60));
    assert_eq!(entries(&renamed)[0].0, "other");
    let mut none = created.clone();
    none["metadata"]["managedFields"] = json!([{}]);
    assert!(entries(&track_update(shape, Some(&created), none, &owner("one", 60))).is_empty());
    let mut missing = created.clone();
    missing["metadata"].as_object_mut().unwrap().remove("managedFields");
    assert_eq!(track_update(shape, Some(&created), missing, &owner("one", 60)), created);
}

#[test]
fn times_alone_are_no_change() {
    let shape = shape_of("", "ConfigMap");
    let created = track_update(shape, None, config_map(json!({"a": "1"})), &owner("one", 0));
    let mut later = created.clone();
    later["metadata"]["managedFields"][0]["time"] = json!("2027-01-01T00:00:00Z");
    assert_eq!(unless_unchanged(&created, later), created);
    let changed = config_map(json!({"a": "2"}));
    assert_eq!(unless_unchanged(&created, changed.clone()), changed);
}

#[test]
fn a_manager_without_a_name_is_the_clients_program() {
    assert_eq!(manager_of("kubectl/v1.36.4 (linux/amd64) kubernetes/abc"), "kubectl");
    assert_eq!(manager_of(""), "");
}
