//! Where in an object a value stands, for us and for Go.
//!
//! Most values fit, so a place is only what leads to it from the place around it. Texts are made of it when somebody asks.

use std::rc::Rc;

use super::go_type;
use crate::field::FieldPath;

/// A place in an object under way.
#[derive(Debug, Clone, Default)]
pub(super) struct Place<'n> {
    /// What is around it; none at the top.
    outer: Option<Rc<Place<'n>>>,
    step: Step<'n>,
    /// The innermost struct around the value, and the field of it, if there is one.
    go: Option<(&'static str, &'static str)>,
}

#[derive(Debug, Clone, Copy, Default)]
enum Step<'n> {
    #[default]
    Top,
    Field(&'static str),
    Entry(&'n str),
    Item(usize),
}

impl<'n> Place<'n> {
    pub fn field(outer: &Rc<Self>, go_struct: &'static str, name: &'static str) -> Self {
        Self { outer: Some(Rc::clone(outer)), step: Step::Field(name), go: Some((go_struct, name)) }
    }

    pub fn entry(outer: &Rc<Self>, key: &'n str) -> Self {
        Self { outer: Some(Rc::clone(outer)), step: Step::Entry(key), go: outer.go }
    }

    pub fn item(outer: &Rc<Self>, index: usize) -> Self {
        Self { outer: Some(Rc::clone(outer)), step: Step::Item(index), go: outer.go }
    }

    /// The path with list indexes, as in strict decoding errors.
    pub fn path(&self) -> FieldPath {
        let outer = self.outer.as_ref().map(|outer| outer.path()).unwrap_or_default();
        match self.step {
            Step::Top => outer,
            Step::Field(name) => outer.child(name),
            Step::Entry(key) => outer.child(key),
            Step::Item(index) => outer.index(index),
        }
    }

    /// The names of the fields from the top, without indexes and map keys.
    fn go_fields(&self) -> Vec<&'static str> {
        let mut fields = self.outer.as_ref().map(|outer| outer.go_fields()).unwrap_or_default();
        if let Step::Field(name) = self.step {
            fields.push(name);
        }
        fields
    }

    /// What Go's JSON reader says of a value that does not fit.
    pub fn cannot_unmarshal(&self, json_kind: &str, go_type: &str) -> String {
        match self.go {
            Some((name, _)) => {
                let fields = self.go_fields().join(".");
                format!("json: cannot unmarshal {json_kind} into Go struct field {name}.{fields} of type {go_type}")
            }
            None => format!("json: cannot unmarshal {json_kind} into Go value of type {go_type}"),
        }
    }

    /// The Go type of a value, or of the items of a list, that are `seen` on the wire.
    pub fn go_item(&self, seen: &str) -> String {
        let named = match self.go {
            Some((name, field)) if seen == "string" => go_type::named_string(name, field),
            _ => None,
        };
        named.map_or_else(|| seen.to_owned(), |named| format!("v1.{named}"))
    }

    /// The Go type of a map with values that are `seen` on the wire.
    pub fn go_map(&self, seen: &str) -> String {
        if seen == "resource.Quantity" { "v1.ResourceList".to_owned() } else { format!("map[string]{seen}") }
    }
}
