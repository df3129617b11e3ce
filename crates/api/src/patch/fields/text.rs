//! Sets of fields as `managedFields` has them (`fieldsV1`).
//!
//! An object: each element is a key, what is below it is the value, and `.` stands in it for the element itself where
//! something is below.

use serde_json::{Map, Value};

use super::set::Node;
use super::{Element, FieldSet};

/// Levels that a set from outside may have.
const MAX_DEPTH: usize = 100;

impl FieldSet {
    /// As `fieldsV1`.
    #[must_use]
    pub fn to_fields_v1(&self) -> Value {
        Value::Object(self.nodes.iter().map(|(element, node)| (element.as_str().to_owned(), node.to_value())).collect())
    }

    /// Reads `fieldsV1`; none if it is no such set.
    #[must_use]
    pub fn from_fields_v1(value: &Value) -> Option<Self> {
        from_object(value.as_object()?, 0).map(|(_, set)| set)
    }
}

impl Node {
    fn to_value(&self) -> Value {
        let mut value = self.below.to_fields_v1();
        if let (true, Value::Object(entries)) = (self.member, &mut value)
            && !entries.is_empty()
        {
            entries.insert(".".to_owned(), Value::Object(Map::new()));
        }
        value
    }
}

/// Whether the set has the element itself, and what it has below.
fn from_object(entries: &Map<String, Value>, depth: usize) -> Option<(bool, FieldSet)> {
    if depth > MAX_DEPTH {
        return None;
    }
    let mut set = FieldSet::default();
    let mut member = entries.is_empty();
    for (key, value) in entries {
        if key == "." {
            member = true;
            continue;
        }
        let (member, below) = from_object(value.as_object()?, depth + 1)?;
        set.nodes.insert(Element::parse(key)?, Node { member, below });
    }
    Some((member, set))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_read_is_written_again() {
        let text = json!({
            "f:metadata": {"f:labels": {".": {}, "f:a": {}}},
            "f:spec": {"f:containers": {r#"k:{"name":"c"}"#: {".": {}, "f:image": {}}}, "f:x": {}},
        });
        let set = FieldSet::from_fields_v1(&text).unwrap();
        assert_eq!(set.to_fields_v1(), text);
        assert_eq!(
            set.paths(),
            [
                ".metadata.labels",
                ".metadata.labels.a",
                ".spec.x",
                ".spec.containers[name=\"c\"]",
                ".spec.containers[name=\"c\"].image"
            ]
        );
    }

    #[test]
    fn what_is_no_set_is_refused() {
        for bad in [json!(1), json!({"x": {}}), json!({"f:a": 1}), json!({"k:x": {}})] {
            assert_eq!(FieldSet::from_fields_v1(&bad), None, "{bad}");
        }
        let deep = (0..200).fold(json!({}), |below, _| json!({"f:a": below}));
        assert_eq!(FieldSet::from_fields_v1(&deep), None);
    }
}
