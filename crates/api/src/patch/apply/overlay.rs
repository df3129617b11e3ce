//! What is applied, laid over an object.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::super::fields::Element;
use super::super::shape::{Meaning, Shape};
use super::Untyped;
use super::items::{distinct_items, items};

/// Lays `applied` over `live`.
pub(super) fn overlay(shape: &'static Shape, live: &Value, applied: &Value) -> Result<Value, Untyped> {
    lay(Meaning::whole(shape), live, applied, &mut Vec::new())
}

fn lay(meaning: Meaning, live: &Value, applied: &Value, path: &mut Vec<Element>) -> Result<Value, Untyped> {
    // Null is an empty object or list where there is one: it takes nothing away.
    match (live, applied) {
        (Value::Object(live), Value::Object(applied)) if !meaning.object.atomic => {
            lay_object(meaning, live, applied, path)
        }
        (Value::Object(fields), Value::Null) if !meaning.is_leaf(live) && !fields.is_empty() => Ok(live.clone()),
        (Value::Array(of_live), Value::Array(applied)) if !meaning.is_leaf(live) => {
            lay_list(meaning, of_live, applied, path)
        }
        (Value::Array(values), Value::Null) if !meaning.is_leaf(live) && !values.is_empty() => Ok(live.clone()),
        (_, Value::Array(applied)) if !meaning.is_leaf(&Value::Array(Vec::new())) => {
            lay_list(meaning, &[], applied, path)
        }
        (_, Value::Object(applied)) if !meaning.object.atomic => lay_object(meaning, &Map::new(), applied, path),
        _ => Ok(applied.clone()),
    }
}

fn lay_object(
    meaning: Meaning,
    live: &Map<String, Value>,
    applied: &Map<String, Value>,
    path: &mut Vec<Element>,
) -> Result<Value, Untyped> {
    let mut laid = live.clone();
    for (name, applied) in applied {
        path.push(Element::field(name));
        let below = lay(meaning.field(name), live.get(name).unwrap_or(&Value::Null), applied, path)?;
        laid.insert(name.clone(), below);
        path.pop();
    }
    Ok(Value::Object(laid))
}

/// What both have comes in the order of what is applied; what the live list alone has stays before what it was before.
fn lay_list(meaning: Meaning, live: &[Value], applied: &[Value], path: &mut Vec<Element>) -> Result<Value, Untyped> {
    let applied = distinct_items(meaning.list, applied, path)?;
    let live = items(meaning.list, live, path)?;
    let of_live: BTreeMap<&Element, Option<&Value>> = live.iter().fold(BTreeMap::new(), |mut all, (element, value)| {
        // Items that come twice are not merged: what is applied takes their place.
        all.entry(element).and_modify(|value| *value = None).or_insert(Some(*value));
        all
    });
    let is_applied = |element: &Element| applied.iter().any(|(of_applied, _)| of_applied == element);
    let mut shared =
        applied.iter().map(|(element, _)| element).filter(|element| of_live.contains_key(element)).peekable();
    let mut rest = live.iter().peekable();
    let mut laid = Vec::new();
    for (element, value) in &applied {
        while let Some((next, kept)) = rest.next_if(|(next, _)| shared.peek() != Some(&next)) {
            if !is_applied(next) {
                laid.push((*kept).clone());
            }
        }
        path.push(element.clone());
        let under = of_live.get(element).copied().flatten().unwrap_or(&Value::Null);
        laid.push(lay(meaning.item(), under, value, path)?);
        path.pop();
        if shared.next_if(|next| *next == element).is_some() {
            rest.next_if(|(next, _)| next == element);
        }
    }
    laid.extend(rest.filter(|(element, _)| !is_applied(element)).map(|(_, value)| (*value).clone()));
    Ok(Value::Array(laid))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::shapes::shape_of;
    use super::*;

    fn laid(live: &Value, applied: &Value) -> Result<Value, String> {
        overlay(shape_of("", "Pod"), live, applied).map_err(|error| error.to_string())
    }

    fn order(live: &[&str], applied: &[&str]) -> Vec<String> {
        let pod = |names: &[&str]| {
            let containers: Vec<Value> = names.iter().map(|name| json!({"name": name})).collect();
            json!({"spec": {"containers": containers}})
        };
        let laid = laid(&pod(live), &pod(applied)).unwrap();
        let containers = laid["spec"]["containers"].as_array().unwrap();
        containers.iter().map(|container| container["name"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn objects_and_items_are_merged_and_atomic_values_replaced() {
        let live =
            json!({"spec": {"nodeSelector": {"a": "1"}, "containers": [{"name": "c", "image": "i", "args": ["x"]}]}});
        let applied = json!({"spec": {"nodeSelector": {"b": "2"}, "containers": [{"name": "c", "args": ["y"]}]}});
        assert_eq!(
            laid(&live, &applied),
            Ok(
                json!({"spec": {"nodeSelector": {"b": "2"}, "containers": [{"name": "c", "image": "i", "args": ["y"]}]}})
            )
        );
    }

    #[test]
    fn the_order_is_that_of_what_is_applied_with_the_others_between() {
        assert_eq!(order(&["a", "x", "b"], &["b", "a", "c"]), ["x", "b", "a", "c"]);
        assert_eq!(order(&["a", "x"], &["a", "c"]), ["a", "x", "c"]);
        assert_eq!(order(&["x", "a"], &["c", "a"]), ["x", "c", "a"]);
        assert_eq!(order(&["x", "y"], &[]), ["x", "y"]);
        assert_eq!(order(&[], &["b", "a"]), ["b", "a"]);
    }

    #[test]
    fn null_takes_plain_and_atomic_values_away_and_nothing_else() {
        let live = json!({"metadata": {"labels": {"a": "1"}}, "spec": {"hostname": "h", "nodeSelector": {"a": "1"}}});
        let applied = json!({"metadata": {"labels": null}, "spec": {"hostname": null, "nodeSelector": null}});
        assert_eq!(
            laid(&live, &applied),
            Ok(json!({"metadata": {"labels": {"a": "1"}}, "spec": {"hostname": null, "nodeSelector": null}}))
        );
    }

    #[test]
    fn what_is_applied_has_no_item_twice() {
        let applied = json!({"spec": {"containers": [{"name": "c"}, {"name": "c"}]}});
        assert_eq!(
            laid(&json!({}), &applied),
            Err(".spec.containers: duplicate entries for key [name=\"c\"]".to_owned())
        );
    }
}
