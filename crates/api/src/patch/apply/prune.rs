//! What goes when somebody applies less than before.

use serde_json::{Map, Value};

use super::super::fields::{Element, FieldSet};
use super::super::shape::{Meaning, Shape};
use super::Untyped;
use super::owned::fields_of;

/// Takes away what `last` has that nobody owns any more. `owned` is what all managers own, the one that applies now with
/// what it applies now.
pub(super) fn prune(
    shape: &'static Shape,
    merged: &Value,
    last: &FieldSet,
    owned: &FieldSet,
) -> Result<Value, Untyped> {
    let last = last.with_parents();
    let has = |value: &Value| fields_of(shape, value).map(|set| set.with_parents());
    let all = has(merged)?;
    // What stays although the parent was applied by this manager alone: others own something in it.
    let without_last = has(&without(shape, merged, &last))?;
    let kept = has(&without(shape, merged, &all.difference(&without_last.union(&owned.with_parents()))))?;
    // And of what then goes, what this manager never had is nobody's and stays.
    let gone = all.difference(&kept).intersection(&last);
    Ok(without(shape, merged, &gone))
}

/// An object without the fields of a set.
fn without(shape: &'static Shape, object: &Value, gone: &FieldSet) -> Value {
    remove(Meaning::whole(shape), object, gone)
}

fn remove(meaning: Meaning, value: &Value, gone: &FieldSet) -> Value {
    if meaning.is_leaf(value) {
        return value.clone();
    }
    match value {
        Value::Object(fields) => {
            let mut kept = Map::new();
            for (name, value) in fields {
                let element = Element::field(name);
                if gone.has(&element) {
                    continue;
                }
                match gone.below(&element) {
                    Some(below) => {
                        let left = remove(meaning.field(name), value, below);
                        if !is_empty(&left) {
                            kept.insert(name.clone(), left);
                        }
                    }
                    None => {
                        kept.insert(name.clone(), value.clone());
                    }
                }
            }
            Value::Object(kept)
        }
        Value::Array(values) => {
            let kept = values.iter().filter_map(|value| match Element::item(meaning.list, value) {
                Ok(element) if gone.has(&element) => None,
                Ok(element) => Some(match gone.below(&element) {
                    Some(below) => remove(meaning.item(), value, below),
                    None => value.clone(),
                }),
                Err(_) => Some(value.clone()),
            });
            Value::Array(kept.collect())
        }
        plain => plain.clone(),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.is_empty(),
        Value::Array(values) => values.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::shapes::shape_of;
    use super::*;

    fn pruned(merged: Value, last: Value, owned: Value) -> Value {
        let set = |object: &Value| fields_of(shape_of("", "Pod"), object).unwrap();
        prune(shape_of("", "Pod"), &merged, &set(&last), &set(&owned)).unwrap()
    }

    #[test]
    fn what_only_the_last_apply_had_goes_with_its_emptied_parents() {
        let merged = json!({"metadata": {"name": "p", "labels": {"a": "1"}}, "spec": {"hostname": "h"}});
        let last = json!({"metadata": {"labels": {"a": "1"}}, "spec": {"hostname": "h"}});
        assert_eq!(
            pruned(merged, last, json!({"metadata": {"name": "p"}, "spec": {"hostname": "h"}})),
            json!({"metadata": {"name": "p"}, "spec": {"hostname": "h"}})
        );
    }

    #[test]
    fn what_others_own_or_nobody_ever_did_stays() {
        let merged = json!({"metadata": {"labels": {"a": "1", "b": "2", "c": "3"}}});
        let last = json!({"metadata": {"labels": {"a": "1", "b": "2"}}});
        assert_eq!(
            pruned(merged, last, json!({"metadata": {"labels": {"b": "2"}}})),
            json!({"metadata": {"labels": {"b": "2", "c": "3"}}})
        );
    }

    #[test]
    fn an_item_goes_as_a_whole_unless_others_own_a_part_of_it() {
        let merged =
            json!({"spec": {"containers": [{"name": "a", "image": "i"}, {"name": "b", "image": "i", "tty": true}]}});
        let last = json!({"spec": {"containers": [{"name": "a", "image": "i"}, {"name": "b", "image": "i"}]}});
        let owned = json!({"spec": {"containers": [{"name": "b", "tty": true}]}});
        assert_eq!(pruned(merged, last, owned), json!({"spec": {"containers": [{"name": "b", "tty": true}]}}));
    }
}
