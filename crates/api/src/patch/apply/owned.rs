//! Which fields somebody owns who applies an object.

use serde_json::Value;

use super::super::fields::{Element, FieldSet};
use super::super::shape::{Meaning, Shape};
use super::Untyped;
use super::items::items;

/// All fields that an object has: its plain values, what is atomic, items of lists, and objects that are empty.
pub(super) fn fields_of(shape: &'static Shape, object: &Value) -> Result<FieldSet, Untyped> {
    let mut set = FieldSet::default();
    collect(Meaning::whole(shape), object, &mut Vec::new(), &mut set)?;
    Ok(set)
}

fn collect(meaning: Meaning, value: &Value, path: &mut Vec<Element>, set: &mut FieldSet) -> Result<(), Untyped> {
    if meaning.is_leaf(value) {
        set.insert(path);
        return Ok(());
    }
    match value {
        Value::Object(fields) => {
            if fields.is_empty() {
                set.insert(path);
            }
            for (name, value) in fields {
                path.push(Element::field(name));
                collect(meaning.field(name), value, path, set)?;
                path.pop();
            }
        }
        Value::Array(values) => {
            for (element, value) in items(meaning.list, values, path)? {
                path.push(element);
                collect(meaning.item(), value, path, set)?;
                set.insert(path);
                path.pop();
            }
        }
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::shapes::shape_of;
    use super::*;

    #[test]
    fn items_are_owned_with_their_fields_and_atomic_values_as_a_whole() {
        let pod = json!({
            "metadata": {"labels": {"a": "1"}, "annotations": {}},
            "spec": {
                "containers": [{"name": "c", "command": ["a", "b"], "ports": [{"containerPort": 80}]}],
                "nodeSelector": {"a": "b"},
            },
        });
        let set = fields_of(shape_of("", "Pod"), &pod).unwrap();
        assert_eq!(
            set.to_fields_v1(),
            json!({
                "f:metadata": {"f:labels": {"f:a": {}}, "f:annotations": {}},
                "f:spec": {
                    "f:containers": {r#"k:{"name":"c"}"#: {
                        ".": {}, "f:name": {}, "f:command": {},
                        "f:ports": {r#"k:{"containerPort":80,"protocol":"TCP"}"#: {".": {}, "f:containerPort": {}}},
                    }},
                    "f:nodeSelector": {},
                },
            })
        );
    }

    #[test]
    fn an_item_that_can_not_be_told_is_named() {
        let pod = json!({"spec": {"containers": ["x"]}});
        let error = fields_of(shape_of("", "Pod"), &pod).unwrap_err();
        assert_eq!(
            error.to_string(),
            ".spec.containers: element 0: associative list with keys may not have non-map elements"
        );
    }
}
