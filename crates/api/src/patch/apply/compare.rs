//! Which fields differ between two states of an object.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::super::fields::{Element, FieldSet};
use super::super::shape::{Meaning, Shape, Topology};
use super::Untyped;
use super::items::items;

/// What differs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Fields that the old state alone has.
    pub removed: FieldSet,
    /// Fields with other values.
    pub modified: FieldSet,
    /// Fields that the new state alone has.
    pub added: FieldSet,
}

impl Comparison {
    /// What has a new value.
    pub fn changed(&self) -> FieldSet {
        match (self.modified.is_empty(), self.added.is_empty()) {
            (true, _) => self.added.clone(),
            (_, true) => self.modified.clone(),
            (false, false) => self.modified.union(&self.added),
        }
    }

    /// Takes out what is in the set.
    pub fn forget(&mut self, fields: &FieldSet) {
        for set in [&mut self.removed, &mut self.modified, &mut self.added] {
            set.subtract(fields);
        }
    }

    /// The same without the fields of these names at the top.
    pub fn without(&self, names: &[&str]) -> Self {
        Self {
            removed: self.removed.without(names),
            modified: self.modified.without(names),
            added: self.added.without(names),
        }
    }
}

/// Compares two states of an object.
pub fn compare(shape: &'static Shape, old: &Value, new: &Value) -> Result<Comparison, Untyped> {
    let mut walk = Walk { path: Vec::new(), found: Comparison::default() };
    walk.compare(Meaning::whole(shape), Some(old), Some(new))?;
    Ok(walk.found)
}

struct Walk {
    path: Vec<Element>,
    found: Comparison,
}

impl Walk {
    fn compare(&mut self, meaning: Meaning, old: Option<&Value>, new: Option<&Value>) -> Result<(), Untyped> {
        let objects = (as_object(old), as_object(new));
        let lists = (as_list(old), as_list(new));
        match (objects, lists) {
            ((Some(of_old), Some(of_new)), _) if !(meaning.object.atomic || of_old.is_empty() && of_new.is_empty()) => {
                self.objects(meaning, of_old, of_new)?;
            }
            (_, (Some(of_old), Some(of_new)))
                if !(of_old.is_empty() && of_new.is_empty()) && meaning.list.apply != Topology::Atomic =>
            {
                self.lists(meaning, of_old, of_new)?;
            }
            _ => {
                self.leaf(old, new);
                return Ok(());
            }
        }
        if old.is_none() {
            self.found.added.insert(&self.path);
        } else if new.is_none() {
            self.found.removed.insert(&self.path);
        }
        Ok(())
    }

    fn leaf(&mut self, old: Option<&Value>, new: Option<&Value>) {
        let set = match (old, new) {
            (None, _) => &mut self.found.added,
            (_, None) => &mut self.found.removed,
            (old, new) if old != new => &mut self.found.modified,
            _ => return,
        };
        set.insert(&self.path);
    }

    fn objects(&mut self, meaning: Meaning, old: &Map<String, Value>, new: &Map<String, Value>) -> Result<(), Untyped> {
        let only_new = new.keys().filter(|name| !old.contains_key(*name));
        for name in old.keys().chain(only_new) {
            let (of_old, of_new) = (old.get(name), new.get(name));
            // Most of an object does not change, and is not walked through.
            if of_old == of_new {
                continue;
            }
            self.path.push(Element::field(name));
            self.compare(meaning.field(name), of_old, of_new)?;
            self.path.pop();
        }
        Ok(())
    }

    fn lists(&mut self, meaning: Meaning, old: &[Value], new: &[Value]) -> Result<(), Untyped> {
        let mut pairs: BTreeMap<Element, (Vec<&Value>, Vec<&Value>)> = BTreeMap::new();
        for (element, value) in items(meaning.list, old, &self.path)? {
            pairs.entry(element).or_default().0.push(value);
        }
        for (element, value) in items(meaning.list, new, &self.path)? {
            pairs.entry(element).or_default().1.push(value);
        }
        for (element, (old, new)) in pairs {
            self.path.push(element);
            self.same_items(meaning.item(), &old, &new)?;
            self.path.pop();
        }
        Ok(())
    }

    /// Items that are told to be the same. Several such in one list are compared as a whole.
    fn same_items(&mut self, meaning: Meaning, old: &[&Value], new: &[&Value]) -> Result<(), Untyped> {
        match (old.len(), new.len()) {
            (0 | 1, 0 | 1) => return self.compare(meaning, old.first().copied(), new.first().copied()),
            (0 | 1, _) => {
                if let Some(old) = old.first() {
                    self.compare(meaning, Some(old), None)?;
                }
                self.found.added.insert(&self.path);
            }
            (_, 0 | 1) => {
                if let Some(new) = new.first() {
                    self.compare(meaning, None, Some(new))?;
                }
                self.found.removed.insert(&self.path);
            }
            _ if old != new => self.found.modified.insert(&self.path),
            _ => {}
        }
        Ok(())
    }
}

/// Of two values of which one is an object, what is not there or null is an empty one.
fn as_object(value: Option<&Value>) -> Option<&Map<String, Value>> {
    static EMPTY: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
    match value {
        None | Some(Value::Null) => Some(&EMPTY),
        Some(value) => value.as_object(),
    }
}

fn as_list(value: Option<&Value>) -> Option<&[Value]> {
    match value {
        None | Some(Value::Null) => Some(&[]),
        Some(value) => value.as_array().map(Vec::as_slice),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::shapes::shape_of;
    use super::*;

    fn compared(old: &Value, new: &Value) -> [Vec<String>; 3] {
        let Comparison { removed, modified, added } = compare(shape_of("", "Pod"), old, new).unwrap();
        [removed.paths(), modified.paths(), added.paths()]
    }

    #[test]
    fn what_is_new_is_told_with_all_that_is_in_it() {
        let old = json!({"metadata": {"labels": {"a": "1", "b": "2"}}, "spec": {}});
        let new = json!({"metadata": {"labels": {"a": "x"}, "annotations": {"c": "3"}},
                         "spec": {"containers": [{"name": "c", "resources": {}}]}});
        assert_eq!(
            compared(&old, &new),
            [
                vec![".metadata.labels.b"],
                vec![".metadata.labels.a"],
                vec![
                    ".metadata.annotations",
                    ".metadata.annotations.c",
                    ".spec.containers",
                    ".spec.containers[name=\"c\"]",
                    ".spec.containers[name=\"c\"].name",
                    ".spec.containers[name=\"c\"].resources",
                ],
            ]
        );
        assert_eq!(compared(&new, &new), [Vec::<String>::new(), Vec::new(), Vec::new()]);
    }

    #[test]
    fn items_in_another_order_are_the_same() {
        let one = json!({"status": {"conditions": [{"type": "A"}, {"type": "B"}]}});
        let other = json!({"status": {"conditions": [{"type": "B"}, {"type": "A"}]}});
        assert_eq!(compared(&one, &other), [Vec::<String>::new(), Vec::new(), Vec::new()]);
    }

    #[test]
    fn items_that_come_twice_are_compared_as_a_whole() {
        let list = |values: Value| json!({"metadata": {"finalizers": values}});
        assert_eq!(
            compared(&list(json!(["a"])), &list(json!(["a", "a"]))),
            [vec![".metadata.finalizers[=\"a\"]".to_owned()], vec![], vec![".metadata.finalizers[=\"a\"]".to_owned()]]
        );
    }
}
