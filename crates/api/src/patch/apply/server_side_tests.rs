use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;

use super::super::super::ownership::track_update;
use super::super::super::shapes::shape_of;
use super::*;

fn by(manager: &str, second: i64) -> FieldOwner<'_> {
    let now = Timestamp::from_second(1_767_225_600 + second).unwrap();
    FieldOwner { manager, subresource: "", resets: &["status"], now }
}

fn config_map(data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": data})
}

fn apply(live: Option<&Value>, applied: &Value, manager: &str, second: i64) -> Result<Value, ApplyError> {
    server_side_apply(shape_of("", "ConfigMap"), live, applied, &by(manager, second), false)
}

fn owned(object: &Value, manager: &str) -> Value {
    let entries = object["metadata"]["managedFields"].as_array().unwrap();
    entries.iter().find(|entry| entry["manager"] == manager).map(|entry| entry["fieldsV1"].clone()).unwrap_or_default()
}

#[test]
fn who_applies_owns_it_and_applying_it_again_changes_nothing() {
    let applied = config_map(json!({"a": "1"}));
    let one = apply(None, &applied, "a", 0).unwrap();
    assert_eq!(
        one["metadata"]["managedFields"],
        json!([{"manager": "a", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1",
                "fieldsV1": {"f:data": {"f:a": {}}}, "time": "2026-01-01T00:00:00Z"}])
    );
    assert_eq!(apply(Some(&one), &applied, "a", 60).unwrap(), one);
}

#[test]
fn changing_what_another_owns_is_a_conflict_that_can_be_forced() {
    let one = apply(None, &config_map(json!({"a": "1", "b": "1"})), "a", 0).unwrap();
    let error = apply(Some(&one), &config_map(json!({"a": "2"})), "b", 1).unwrap_err();
    assert_eq!(error.to_string(), "Apply failed with 1 conflict: conflict with \"a\": .data.a");
    let answer = ApiError::from(error);
    let causes = answer.status().details.clone().unwrap().causes.unwrap();
    assert_eq!((answer.code(), answer.status().reason.as_deref()), (409, Some("Conflict")));
    assert_eq!(causes[0].reason.as_deref(), Some("FieldManagerConflict"));
    assert_eq!(causes[0].message.as_deref(), Some("conflict with \"a\""));
    assert_eq!(causes[0].field.as_deref(), Some(".data.a"));

    let shape = shape_of("", "ConfigMap");
    let forced = server_side_apply(shape, Some(&one), &config_map(json!({"a": "2"})), &by("b", 1), true).unwrap();
    assert_eq!(forced["data"], json!({"a": "2", "b": "1"}));
    assert_eq!(owned(&forced, "a"), json!({"f:data": {"f:b": {}}}));
    assert_eq!(owned(&forced, "b"), json!({"f:data": {"f:a": {}}}));
}

#[test]
fn several_conflicts_are_told_by_owner() {
    let one = apply(None, &config_map(json!({"a": "1", "b": "1"})), "a", 0).unwrap();
    let mut two = one.clone();
    two["data"]["c"] = json!("1");
    let two = track_update(shape_of("", "ConfigMap"), Some(&one), two, &by("z", 1));
    let error = apply(Some(&two), &config_map(json!({"a": "2", "b": "2", "c": "2"})), "b", 2).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Apply failed with 3 conflicts: conflicts with \"a\":\n- .data.a\n- .data.b\nconflicts with \"z\" using v1:\n- .data.c"
    );
}

#[test]
fn the_same_value_is_shared_and_goes_with_its_last_owner() {
    let one = apply(None, &config_map(json!({"a": "1", "b": "1"})), "a", 0).unwrap();
    let two = apply(Some(&one), &config_map(json!({"a": "1"})), "b", 1).unwrap();
    assert_eq!(owned(&two, "b"), json!({"f:data": {"f:a": {}}}));
    let three = apply(Some(&two), &config_map(json!({})), "a", 2).unwrap();
    assert_eq!(three["data"], json!({"a": "1"}));
    let mut nothing = config_map(json!({}));
    nothing.as_object_mut().unwrap().remove("data");
    let four = apply(Some(&three), &nothing, "b", 3).unwrap();
    assert_eq!(four.get("data"), None);
}

#[test]
fn what_updates_own_is_not_taken_away_and_taken_over_by_force_alone() {
    let shape = shape_of("", "ConfigMap");
    let created = track_update(shape, None, config_map(json!({"a": "1"})), &by("kubectl-create", 0));
    let error = apply(Some(&created), &config_map(json!({"a": "2"})), "a", 1).unwrap_err();
    assert_eq!(error.to_string(), "Apply failed with 1 conflict: conflict with \"kubectl-create\" using v1: .data.a");
    let shared = apply(Some(&created), &config_map(json!({"a": "1"})), "a", 1).unwrap();
    let left = apply(Some(&shared), &config_map(json!({})), "a", 2).unwrap();
    assert_eq!(left["data"], json!({"a": "1"}));
}

#[test]
fn what_was_there_before_the_first_apply_has_an_owner_too() {
    let untracked = config_map(json!({"a": "1"}));
    let error = apply(Some(&untracked), &config_map(json!({"a": "2"})), "a", 1).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Apply failed with 1 conflict: conflict with \"before-first-apply\" using v1: .data.a"
    );
}

#[test]
fn kubectl_may_change_what_its_client_side_apply_has_set() {
    let last = config_map(json!({"a": "1"})).to_string();
    let mut live = config_map(json!({"a": "1"}));
    live["metadata"]["annotations"] = json!({"kubectl.kubernetes.io/last-applied-configuration": last});
    let live = track_update(shape_of("", "ConfigMap"), None, live, &by("kubectl-client-side-apply", 0));
    let applied = config_map(json!({"a": "2"}));
    assert!(matches!(apply(Some(&live), &applied, "other", 1), Err(ApplyError::Conflicts(_))));
    let taken = apply(Some(&live), &applied, "kubectl", 1).unwrap();
    assert_eq!(taken["data"], json!({"a": "2"}));
    let annotation = taken["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"].as_str();
    assert_eq!(annotation, Some(format!("{applied}\n").as_str()));
}

#[test]
fn items_are_owned_one_by_one_and_removed_so() {
    let shape = shape_of("", "Pod");
    let pod = |containers: Value| json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": containers}});
    let applied = |live: Option<&Value>, containers: Value, manager| {
        server_side_apply(shape, live, &pod(containers), &by(manager, 0), false).unwrap()
    };
    let one = applied(None, json!([{"name": "a", "image": "i"}, {"name": "b", "image": "i"}]), "one");
    let two = applied(Some(&one), json!([{"name": "b", "tty": true}, {"name": "c", "image": "i"}]), "two");
    assert_eq!(
        two["spec"]["containers"],
        json!([{"name": "a", "image": "i"}, {"name": "b", "image": "i", "tty": true}, {"name": "c", "image": "i"}])
    );
    let three = applied(Some(&two), json!([{"name": "a", "image": "i"}]), "one");
    assert_eq!(
        three["spec"]["containers"],
        json!([{"name": "a", "image": "i"}, {"name": "b", "tty": true}, {"name": "c", "image": "i"}])
    );
}

#[test]
fn the_status_is_not_applied_with_the_object_and_owners_are_not_given() {
    let mut applied = config_map(json!({"a": "1"}));
    applied["status"] = json!({"x": 1});
    let one = apply(None, &applied, "a", 0).unwrap();
    assert_eq!((one.get("status"), owned(&one, "a")), (None, json!({"f:data": {"f:a": {}}})));
    applied["metadata"]["managedFields"] = json!([]);
    assert_eq!(apply(None, &applied, "a", 0), Err(ApplyError::HasManagedFields));
}

fn data() -> impl Strategy<Value = Value> {
    proptest::collection::btree_map("[a-d]", "[xy]", 0..4).prop_map(|data| json!(data))
}

fn pods() -> impl Strategy<Value = Value> {
    let container =
        (proptest::option::of("[ij]"), proptest::collection::vec("[xy]", 0..2), proptest::option::of(data()));
    let containers = proptest::collection::btree_map("[a-c]", container, 0..3);
    (containers, data(), proptest::collection::btree_set("[f-h]", 0..3)).prop_map(|(containers, labels, finalizers)| {
        let containers = containers.into_iter().map(|(name, (image, args, limits))| {
            let mut container = json!({ "name": name, "args": args });
            if let Some(image) = image {
                container["image"] = json!(image);
            }
            if let Some(limits) = limits {
                container["resources"] = json!({ "limits": limits });
            }
            container
        });
        let containers: Vec<Value> = containers.collect();
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": labels, "finalizers": finalizers},
               "spec": {"containers": containers}})
    })
}

/// Applies in turn by some of three managers, forced.
fn history(steps: &[(usize, Value)]) -> Value {
    let mut live = None;
    for (second, (manager, pod)) in steps.iter().enumerate() {
        let owner = by(["one", "two", "three"][*manager], i64::try_from(second).unwrap());
        live = Some(server_side_apply(shape_of("", "Pod"), live.as_ref(), pod, &owner, true).unwrap());
    }
    live.unwrap()
}

proptest! {
    #[test]
    fn applying_the_same_again_changes_nothing_ever(
        steps in proptest::collection::vec((0usize..3, pods()), 1..6),
    ) {
        let live = history(&steps);
        let (manager, last) = steps.last().unwrap();
        let owner = by(["one", "two", "three"][*manager], 1000);
        let again = server_side_apply(shape_of("", "Pod"), Some(&live), last, &owner, false).unwrap();
        prop_assert_eq!(again, live);
    }

    #[test]
    fn what_is_applied_is_there_and_owned_and_nothing_is_owned_that_is_not_there(
        steps in proptest::collection::vec((0usize..3, pods()), 1..6),
    ) {
        let live = history(&steps);
        let shape = shape_of("", "Pod");
        let (manager, last) = steps.last().unwrap();
        let managed = ManagedFields::of(&live).unwrap();
        let applied = fields_of(shape, last).unwrap().difference(&NEVER_OWNED);
        let entry = managed.entries.iter().find(|entry| entry.manager.name == ["one", "two", "three"][*manager]);
        prop_assert_eq!(&entry.map(|entry| entry.fields.clone()).unwrap_or_default(), &applied);
        let there = fields_of(shape, &without_managed_fields(&live)).unwrap().with_parents();
        let owned = managed.owned();
        prop_assert!(owned.difference(&there).is_empty(), "{:?}", owned.difference(&there).paths());
        let laid = overlay(shape, &without_managed_fields(&live), last).unwrap();
        prop_assert_eq!(laid, without_managed_fields(&live));
    }

    #[test]
    fn an_update_of_any_sort_leaves_owners_that_are_read_again(
        steps in proptest::collection::vec((0usize..3, pods()), 1..4), next in pods(),
    ) {
        let live = history(&steps);
        let mut new = next;
        new["metadata"]["managedFields"] = live["metadata"]["managedFields"].clone();
        let tracked = track_update(shape_of("", "Pod"), Some(&live), new.clone(), &by("u", 2000));
        prop_assert_eq!(without_managed_fields(&tracked), without_managed_fields(&new));
        ManagedFields::of(&tracked).unwrap();
    }
}
