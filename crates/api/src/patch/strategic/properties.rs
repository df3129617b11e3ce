//! A patch that is computed from two states as clients compute it makes the second of the first.

use proptest::prelude::*;
use serde_json::json;

use super::super::shape::Strategic;
use super::super::shapes::shape_of;
use super::*;

/// The patch from one object to another.
fn difference(meaning: Meaning, from: &Map<String, Value>, to: &Map<String, Value>) -> Map<String, Value> {
    let mut patch = Map::new();
    for key in from.keys().filter(|key| !to.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    for (key, to) in to {
        let meaning = meaning.field(key);
        match (from.get(key), to) {
            (Some(from), to) if from == to => {}
            (Some(Value::Object(from)), Value::Object(to)) => {
                patch.insert(key.clone(), difference(meaning, from, to).into());
            }
            (Some(Value::Array(from)), Value::Array(to)) => list_difference(meaning, key, from, to, &mut patch),
            _ => {
                patch.insert(key.clone(), to.clone());
            }
        }
    }
    patch
}

fn list_difference(meaning: Meaning, name: &str, from: &[Value], to: &[Value], patch: &mut Map<String, Value>) {
    let absent = |from: &[Value], to: &[Value]| -> Vec<Value> {
        from.iter().filter(|value| !to.contains(value)).cloned().collect()
    };
    let order = match meaning.list.strategic {
        Strategic::Replace => {
            patch.insert(name.to_owned(), to.into());
            return;
        }
        Strategic::Merge => {
            patch.insert(format!("{DELETE_FROM}{name}"), absent(from, to).into());
            patch.insert(name.to_owned(), absent(to, from).into());
            to.to_vec()
        }
        Strategic::MergeBy(key) => {
            let find = |list: &[Value], item: &Value| list.iter().find(|other| other[key] == item[key]).cloned();
            let gone = from.iter().filter(|item| find(to, item).is_none());
            let mut items: Vec<Value> = gone.map(|item| json!({ key: item[key], DIRECTIVE: "delete" })).collect();
            for item in to {
                let mut changed = match (find(from, item), item) {
                    (Some(Value::Object(from)), Value::Object(to)) => {
                        difference(Meaning::whole(meaning.list.items), &from, to)
                    }
                    (_, item) => item.as_object().cloned().unwrap(),
                };
                changed.insert(key.to_owned(), item[key].clone());
                items.push(changed.into());
            }
            patch.insert(name.to_owned(), items.into());
            to.iter().map(|item| json!({ key: item[key] })).collect()
        }
    };
    patch.insert(format!("{SET_ORDER}{name}"), order.into());
}

fn containers() -> impl Strategy<Value = Value> {
    let env = proptest::collection::btree_map("[A-C]", "[xy]", 0..3).prop_map(|env| {
        let env: Vec<Value> = env.into_iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
        Value::Array(env)
    });
    let container = (proptest::option::of("[ij]"), proptest::option::of(env), proptest::collection::vec("[a-c]", 0..3));
    proptest::collection::btree_map("[a-e]", container, 0..4).prop_shuffle_values()
}

trait Shuffled {
    fn prop_shuffle_values(self) -> BoxedStrategy<Value>;
}

type Container = (Option<String>, Option<Value>, Vec<String>);

impl<S: Strategy<Value = std::collections::BTreeMap<String, Container>> + 'static> Shuffled for S {
    fn prop_shuffle_values(self) -> BoxedStrategy<Value> {
        let items = self.prop_map(|all| {
            let items = all.into_iter().map(|(name, (image, env, args))| {
                let mut item = json!({ "name": name, "args": args });
                if let Some(image) = image {
                    item["image"] = image.into();
                }
                if let Some(env) = env {
                    item["env"] = env;
                }
                item
            });
            items.collect::<Vec<Value>>()
        });
        items.prop_shuffle().prop_map(Value::Array).boxed()
    }
}

fn pods() -> impl Strategy<Value = Value> {
    let finalizers = proptest::sample::subsequence(vec!["a", "b", "c", "d"], 0..4).prop_shuffle();
    let labels = proptest::collection::btree_map("[a-c]", "[xy]", 0..3);
    (containers(), finalizers, labels).prop_map(|(containers, finalizers, labels)| {
        json!({"metadata": {"finalizers": finalizers, "labels": labels}, "spec": {"containers": containers}})
    })
}

proptest! {
    #[test]
    fn a_computed_patch_makes_the_second_object_of_the_first(from in pods(), to in pods()) {
        let shape = shape_of("", "Pod");
        let patch = difference(Meaning::whole(shape), from.as_object().unwrap(), to.as_object().unwrap());
        prop_assert_eq!(apply_strategic(shape, &from, &patch.into()).unwrap(), to);
    }

    #[test]
    fn any_value_as_a_patch_is_applied_or_refused_without_a_crash(
        pod in pods(), list in containers(), directive in "(replace|delete|merge|x)", at in "[$a-z/A-Z]{0,30}",
    ) {
        let patch = json!({"spec": {"containers": list, at: list, "$patch": directive}});
        // Refused or not does not matter here.
        let _: Result<Value, PatchError> = apply_strategic(shape_of("", "Pod"), &pod, &patch);
    }
}
