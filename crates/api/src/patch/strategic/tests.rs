use serde_json::json;

use super::super::shapes::shape_of;
use super::*;
use crate::status::ApiError;

fn pod(current: Value, patch: Value) -> Result<Value, (u16, String)> {
    apply_strategic(shape_of("", "Pod"), &current, &patch).map_err(|error| {
        let text = error.to_string();
        (ApiError::from(error).code(), text)
    })
}

fn spec(current: Value, patch: Value) -> Result<Value, (u16, String)> {
    pod(json!({ "spec": current }), json!({ "spec": patch })).map(|mut pod| pod["spec"].take())
}

#[test]
fn lists_are_merged_by_their_keys_and_others_replaced() {
    assert_eq!(
        spec(
            json!({"containers": [{"name": "a", "image": "1", "args": ["x"], "env": [{"name": "A", "value": "1"}]}],
                   "tolerations": [{"key": "a"}]}),
            json!({"containers": [{"name": "a", "image": "2", "args": ["y"], "env": [{"name": "B", "value": "2"}]},
                                  {"name": "b", "image": "3"}],
                   "tolerations": [{"key": "b"}]}),
        ),
        Ok(json!({"containers": [{"name": "a", "image": "2", "args": ["y"],
                                  "env": [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}]},
                                 {"name": "b", "image": "3"}],
                  "tolerations": [{"key": "b"}]}))
    );
}

#[test]
fn items_and_objects_are_replaced_and_deleted_by_directives() {
    let current =
        json!({"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "2"}], "nodeSelector": {"x": "y"}});
    let containers =
        |patch: Value| spec(current.clone(), json!({ "containers": patch })).map(|mut spec| spec["containers"].take());
    assert_eq!(containers(json!([{"name": "a", "$patch": "delete"}])), Ok(json!([{"name": "b", "image": "2"}])));
    assert_eq!(containers(json!([{"$patch": "replace"}, {"name": "c"}])), Ok(json!([{"name": "c"}])));
    assert_eq!(
        containers(json!([{"name": "a", "$patch": "what"}])),
        Err((500, "unknown patch type: what in map: map[$patch:what name:a]".to_owned()))
    );
    assert_eq!(
        spec(current.clone(), json!({"nodeSelector": {"$patch": "replace", "z": "1"}})).unwrap()["nodeSelector"],
        json!({"z": "1"})
    );
    assert_eq!(spec(current, json!({"nodeSelector": {"$patch": "delete"}})).unwrap()["nodeSelector"], json!({}));
}

#[test]
fn retained_keys_leave_nothing_else() {
    let current = json!({"volumes": [{"name": "v", "emptyDir": {}}]});
    let patch = json!({"volumes": [{"name": "v", "$retainKeys": ["name", "configMap"], "configMap": {"name": "m"}}]});
    assert_eq!(spec(current.clone(), patch), Ok(json!({"volumes": [{"name": "v", "configMap": {"name": "m"}}]})));
    let wrong = json!({"volumes": [{"name": "v", "$retainKeys": ["name"], "configMap": {"name": "m"}}]});
    assert_eq!(spec(current, wrong), Err((400, "invalid patch format of retainKeys".to_owned())));
}

#[test]
fn finalizers_are_merged_removed_and_ordered() {
    let current = json!({"metadata": {"finalizers": ["a", "b", "c"]}});
    let finalizers = |patch: Value| {
        pod(current.clone(), json!({ "metadata": patch })).map(|mut pod| pod["metadata"]["finalizers"].take())
    };
    assert_eq!(finalizers(json!({"finalizers": ["d", "a"]})), Ok(json!(["d", "a", "b", "c"])));
    assert_eq!(finalizers(json!({"$deleteFromPrimitiveList/finalizers": ["b"]})), Ok(json!(["a", "c"])));
    assert_eq!(
        finalizers(
            json!({"$setElementOrder/finalizers": ["c", "d", "a"], "$deleteFromPrimitiveList/finalizers": ["b"],
                          "finalizers": ["d"]})
        ),
        Ok(json!(["c", "d", "a"]))
    );
    assert_eq!(
        finalizers(json!({"$setElementOrder/finalizers": ["x"], "finalizers": ["d"]})),
        Err((500, "The order in patch list:\n[d]\n doesn't match $setElementOrder list:\n[x]\n".to_owned()))
    );
}

#[test]
fn the_order_of_items_is_set_and_the_servers_own_stay_where_they_were() {
    let current = json!({"status": {"conditions": [{"type": "A"}, {"type": "S"}, {"type": "B"}]}});
    let patch = json!({"status": {"$setElementOrder/conditions": [{"type": "B"}, {"type": "C"}, {"type": "A"}],
                                  "conditions": [{"type": "C", "status": "True"}]}});
    assert_eq!(
        pod(current, patch).unwrap()["status"]["conditions"],
        json!([{"type": "S"}, {"type": "B"}, {"type": "C", "status": "True"}, {"type": "A"}])
    );
}

#[test]
fn null_removes_and_what_is_put_anew_has_no_nulls_or_directives() {
    assert_eq!(
        pod(
            json!({"spec": {"hostname": "h"}}),
            json!({"spec": {"hostname": null, "subdomain": null},
                   "status": {"$setElementOrder/conditions": [{"type": "A"}], "conditions": [{"type": "A", "reason": null}]}})
        ),
        Ok(json!({"spec": {}, "status": {"conditions": [{"type": "A"}]}}))
    );
}

#[test]
fn an_item_without_its_key_is_refused() {
    assert_eq!(
        spec(json!({"containers": [{"name": "a"}]}), json!({"containers": [{"image": "x"}]})),
        Err((500, "map: map[image:x] does not contain declared merge key: name".to_owned()))
    );
    assert_eq!(pod(json!({}), json!([])), Err((400, "invalid JSON document".to_owned())));
}
